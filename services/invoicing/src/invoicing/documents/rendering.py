"""From the dataclass to the PDF: the data goes to Typst as JSON, so no text of it is ever read as mark-up."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

import typst

from invoicing.documents.model import InvoiceDocument, Section, UsageLine

SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$"}
MONTHS = "January February March April May June July August September October November December".split()
BANDS = {"peak": "Peak", "offpeak": "Off-peak", "weekend": "Weekend"}
MEGABYTE = 1_000_000


def render(document: InvoiceDocument) -> bytes:
    """The Long bill as PDF; the same document gives the same bytes.

    Raises:
        RuntimeError: Typst could not set it; the message says why.
    """
    day = document.invoice_date
    return bytes(
        typst.compile(
            _template(),
            sys_inputs={"data": json.dumps(_printed(document), ensure_ascii=False)},
            timestamp=int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()),
            format="pdf",
        )
    )


@cache
def _template() -> bytes:
    return files("invoicing.documents").joinpath("long.typ").read_bytes()


def _printed(document: InvoiceDocument) -> dict[str, Any]:
    """Everything as the words and figures that stand on paper."""
    money = _money(document.currency)
    supplier, customer = document.supplier, document.customer
    credit = document.kind == "credit_note"
    return {
        "title": "Credit note" if credit else "Invoice",
        "credit": credit,
        "supplier": {
            "name": supplier.name,
            "brand": supplier.brand,
            "lines": supplier.lines,
            "vat_number": supplier.vat_number,
            "colour": supplier.colour,
            "email": supplier.email,
            "footer": supplier.footer,
        },
        "address": [line for line in (customer.name, customer.company_name, *customer.lines) if line],
        "facts": _facts(document),
        "number": document.number or "DRAFT",
        "amount_label": "Amount credited" if credit else "Amount due",
        "amount": money(abs(document.gross) if credit else document.gross),
        "due": _day(document.due_date) if document.due_date else "",
        "payment": document.payment_words,
        "message": document.message,
        "sections": [_section(section, document.currency) for section in document.sections],
        "vat_rows": [
            {"name": row.name, "percent": row.percent_words, "net": money(row.net), "vat": money(row.vat)}
            for row in document.vat_rows
        ],
        "statements": list(dict.fromkeys(row.statement for row in document.vat_rows if row.statement)),
        "net": money(document.net),
        "vat": money(document.vat),
        "gross": money(document.gross),
        "currency": document.currency,
    }


def _facts(document: InvoiceDocument) -> list[list[str]]:
    number_label = "Credit note number" if document.kind == "credit_note" else "Invoice number"
    facts = [
        [number_label, document.number or "not yet numbered"],
        ["Account number", document.account_number],
        ["Invoice date", _day(document.invoice_date)],
        ["Tax point", _day(document.tax_point)],
        ["Charges to", _day(document.bill_to)],
        ["Due date", _day(document.due_date) if document.due_date else ""],
        ["Your VAT number", document.customer.vat_number],
    ]
    return [fact for fact in facts if fact[1]]


def _section(section: Section, currency: str) -> dict[str, Any]:
    money = _money(currency)
    return {
        "title": section.title,
        "subtitle": section.subtitle,
        "charges": [
            {
                "description": line.description,
                "period": _period(line.first_day, line.last_day),
                "quantity": "" if line.quantity is None else f"{line.quantity.normalize():f}",
                "net": money(line.net),
            }
            for line in section.charges
        ],
        "usage": [
            {
                "name": line.call_class or "Other",
                "band": BANDS.get(line.band, line.band.capitalize()),
                "calls": f"{line.calls:,}",
                "used": _used(line),
                "net": money(line.net),
            }
            for line in section.usage
        ],
        "net": money(section.net),
    }


def _used(line: UsageLine) -> str:
    if line.volume_bytes:
        return f"{Decimal(line.volume_bytes) / MEGABYTE:,.1f} MB"
    if line.units and not line.seconds:
        return f"{line.units:,} message{'s' if line.units != 1 else ''}"
    hours, rest = divmod(line.seconds, 3600)
    return f"{hours:,}:{rest // 60:02d}:{rest % 60:02d}"


def _period(first: date | None, last: date | None) -> str:
    if first is None:
        return ""
    return _short(first) if last is None or last == first else f"{_short(first)} – {_short(last)}"


def _short(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1][:3]} {day.year}"


def _day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


class _money:
    """Writes amounts of one currency: `£1,234.50`, `-£0.42`."""

    def __init__(self, currency: str) -> None:
        self._symbol = SYMBOLS.get(currency, f"{currency} ")

    def __call__(self, amount: Decimal) -> str:
        return f"{'−' if amount < 0 else ''}{self._symbol}{abs(amount):,.2f}"
