"""What is printed on a bill: an invoice's rows as a document, its charges by number and feature (SPEC I7, I8)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from contracts.billing import VatLine
from contracts.customers import Address
from contracts.reference import BillStyle
from invoicing.documents.model import ChargeLine, InvoiceDocument, Party, Section, Supplier, UsageLine, VatRow
from invoicing.domain.transactions import Transaction
from invoicing.domain.vat import CHARGED
from invoicing.store.readmodel import Labels
from money.rounding import to_pennies

HOME = "GB"
ACCOUNT = "Account"
_NO_VAT_WORDS = {
    "zero": "0 %",
    "exempt": "exempt",
    "outside_scope": "outside the scope",
    "reverse_charge": "reverse charge",
}
_Place = tuple[int, str, int]
"""Order of the sections: numbers, then features, then the account; within them by name and id."""


@dataclass(frozen=True, slots=True)
class Printed:
    """An invoice's row, its transactions and VAT lines, and what its numbers and features are called.

    On a copy `customer` is the customer's name and address as they are now; None on the original.
    """

    invoice: Row[Any]
    lines: Sequence[Transaction]
    vat_lines: Sequence[VatLine]
    labels: Labels
    customer: Mapping[str, Any] | None = None


def document_of(printed: Printed) -> InvoiceDocument:
    """The Long bill of an invoice."""
    invoice, particulars = printed.invoice, {**printed.invoice.particulars, **(printed.customer or {})}
    return InvoiceDocument(
        supplier=_supplier(BillStyle.model_validate(particulars["supplier"])),
        customer=_party(particulars),
        account_number=particulars["account_number"],
        number=invoice.number or "",
        kind=invoice.kind,
        copy=printed.customer is not None,
        invoice_date=invoice.invoice_date,
        tax_point=invoice.tax_point,
        bill_to=invoice.bill_to,
        due_date=invoice.due_date,
        currency=invoice.currency,
        sections=sections_of(printed.lines, printed.labels),
        vat_rows=tuple(_vat_row(line) for line in printed.vat_lines),
        net=invoice.net,
        vat=invoice.vat,
        gross=invoice.gross,
        payment_words=_payment_words(invoice.kind, particulars.get("payment_method")),
        message=invoice.message,
    )


def _supplier(style: BillStyle) -> Supplier:
    return Supplier(
        name=style.supplier_name,
        brand=style.brand,
        lines=_address(style.supplier_address),
        vat_number=style.supplier_vat_number,
        colour=style.colour,
        email=style.reply_to or style.email_from,
        footer=style.footer,
    )


def _party(particulars: Mapping[str, Any]) -> Party:
    return Party(
        name=particulars["name"],
        company_name=particulars["company_name"],
        lines=_address(Address.model_validate(particulars["billing_address"])),
        vat_number=particulars["vat_number"],
    )


def _address(address: Address) -> tuple[str, ...]:
    abroad = address.country if address.country != HOME else ""
    return tuple(line for line in (*address.lines, address.postcode, abroad) if line)


def _payment_words(kind: str, method: str | None) -> str:
    return f"Payment by {method}" if method and kind == "invoice" else ""


def _vat_row(line: VatLine) -> VatRow:
    percent = f"{line.percent.normalize():f} %" if line.treatment in CHARGED else _NO_VAT_WORDS[line.treatment]
    return VatRow(name=line.name, percent_words=percent, net=line.net, vat=line.vat, statement=line.statement)


def sections_of(lines: Sequence[Transaction], labels: Labels) -> tuple[Section, ...]:
    """The charges by number, with those of its features, then by feature without a number, then of the account."""
    placed: dict[_Place, list[Transaction]] = defaultdict(list)
    for line in lines:
        placed[_place(line, labels)].append(line)
    return tuple(_section(place, placed[place], labels) for place in sorted(placed))


def _place(line: Transaction, labels: Labels) -> _Place:
    if line.number_id is not None:
        known = labels.numbers.get(line.number_id)
        return 0, known[0] if known else line.number or "", line.number_id
    if line.feature_id is not None:
        return 1, labels.features.get(line.feature_id, line.description), line.feature_id
    return 2, ACCOUNT, 0


def _section(place: _Place, lines: Sequence[Transaction], labels: Labels) -> Section:
    kind, title, key = place
    label = labels.numbers.get(key, ("", ""))[1] if kind == 0 else ""
    usage = sorted(
        (line for line in lines if line.kind == "usage"), key=lambda line: (line.call_class, line.band, line.plan)
    )
    charges = sorted((line for line in lines if line.kind != "usage"), key=lambda line: line.transaction_id or 0)
    return Section(
        title=title,
        subtitle=label,
        charges=tuple(map(_charge_line, charges)),
        usage=tuple(map(_usage_line, usage)),
    )


def _charge_line(line: Transaction) -> ChargeLine:
    return ChargeLine(
        description=f"Refund: {line.description}" if line.kind == "refund" else line.description,
        net=line.net,
        first_day=line.first_day,
        last_day=line.last_day,
        quantity=None if line.quantity in (None, Decimal(1)) else line.quantity,
    )


def _usage_line(line: Transaction) -> UsageLine:
    return UsageLine(
        call_class=line.call_class or "",
        band=line.band or "",
        calls=line.calls or 0,
        net=line.net,
        seconds=line.seconds or 0,
        units=line.units or 0,
        volume_bytes=line.volume_bytes or 0,
        plan=line.plan,
        discount=to_pennies(line.discount or Decimal(0)),
    )
