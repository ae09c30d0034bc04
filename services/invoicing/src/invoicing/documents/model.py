"""What is printed on a bill, and nothing else: no ids, no rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Whom the bill is for; `lines` of the address in the order they are printed, the postcode last."""

    name: str
    company_name: str = ""
    lines: tuple[str, ...] = ()
    vat_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """Who bills, in its bill style. `colour` is #rrggbb."""

    name: str
    brand: str
    lines: tuple[str, ...] = ()
    vat_number: str = ""
    colour: str = "#0b5fff"
    email: str = ""
    footer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeLine:
    """A one-off or recurring charge, refund or adjustment; its days inclusive, `net` in the bill's currency."""

    description: str
    net: Decimal
    first_day: date | None = None
    last_day: date | None = None
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLine:
    """The calls of one class in one band; `seconds` for voice, `units` for messages, `volume_bytes` for data.

    `plan` is the discount plan that priced them, `discount` what it took off, in the bill's currency.
    """

    call_class: str
    band: str
    calls: int
    net: Decimal
    seconds: int = 0
    units: int = 0
    volume_bytes: int = 0
    plan: str = ""
    discount: Decimal = Decimal("0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The charges of one number or feature, or those of the account."""

    title: str
    subtitle: str = ""
    charges: tuple[ChargeLine, ...] = ()
    usage: tuple[UsageLine, ...] = ()

    @property
    def net(self) -> Decimal:
        """The sum of its lines."""
        nets = [line.net for line in self.charges] + [line.net for line in self.usage]
        return sum(nets, Decimal("0.00"))


@dataclass(frozen=True, slots=True, kw_only=True)
class VatRow:
    """Net and VAT at one rate entry; `percent_words` as printed, such as "20 %" or "exempt"."""

    name: str
    percent_words: str
    net: Decimal
    vat: Decimal
    statement: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDocument:
    """A Long bill: everything that HMRC asks for on a VAT invoice, and the charges per number and feature.

    `number` is empty on a draft; a `copy` says that it is one. Money in `currency`, exact to the penny. Source: SPEC
    I7, I8; HMRC Notice 700, 16.3.
    """

    supplier: Supplier
    customer: Party
    account_number: str
    number: str
    invoice_date: date
    tax_point: date
    bill_to: date
    sections: tuple[Section, ...]
    vat_rows: tuple[VatRow, ...]
    net: Decimal
    vat: Decimal
    gross: Decimal
    kind: Literal["invoice", "credit_note"] = "invoice"
    copy: bool = False
    currency: str = "GBP"
    due_date: date | None = None
    payment_words: str = ""
    message: str = ""
