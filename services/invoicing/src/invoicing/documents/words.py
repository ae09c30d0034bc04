"""A bill as the words and figures that stand on paper: all is text here, nothing is worked out in the template."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from invoicing.documents.model import InvoiceDocument, Section, Supplier, UsageLine

SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$"}
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
BANDS = {"peak": "Peak", "offpeak": "Off-peak", "weekend": "Weekend"}
MEGABYTE = 1_000_000
MINUS = "−"
DEFAULT_COLOUR = "#0b5fff"
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Money:
    """Writes amounts of one currency: `£1,234.50`, `−£0.42`, `CHF 10.00`."""

    currency: str

    def __call__(self, amount: Decimal) -> str:
        symbol = SYMBOLS.get(self.currency, f"{self.currency} ")
        return f"{MINUS if amount < 0 else ''}{symbol}{abs(amount):,.2f}"


def printed(document: InvoiceDocument) -> dict[str, Any]:
    """The data of the template; every value is text, a list of these, or true and false."""
    credit = document.kind == "credit_note"
    money = Money(document.currency)
    due = document.gross > 0 and not credit
    words = {
        "title": ("Credit note" if credit else "Invoice") + (" (copy)" if document.copy else ""),
        "copy": document.copy,
        "draft": not document.number,
        "number": document.number or "DRAFT",
        "supplier": _supplier(document.supplier),
        "address": _address(document),
        "facts": _facts(document),
        "amount_label": "Amount credited" if credit else "Amount due",
        "amount": money(abs(document.gross) if credit else document.gross),
        "due": long_date(document.due_date) if document.due_date and due else "",
        "nothing_due": document.gross <= 0 and not credit,
        "payment": "" if credit else document.payment_words,
        "message": document.message,
        "summary": _summary(document.sections, money),
        "sections": [_section(section, money) for section in document.sections],
        "vat_rows": [[row.name, row.percent_words, money(row.net), money(row.vat)] for row in document.vat_rows],
        "statements": list(dict.fromkeys(row.statement for row in document.vat_rows if row.statement)),
        "net": money(document.net),
        "vat": money(document.vat),
        "gross": money(document.gross),
        "currency": document.currency,
    }
    return {name: _clean(value) for name, value in words.items()}


def _clean(value: Any) -> Any:
    """No control characters and line breaks: a PDF has no sign for them."""
    if isinstance(value, str):
        return _UNPRINTABLE.sub(" ", value)
    if isinstance(value, dict):
        return {name: _clean(each) for name, each in value.items()}
    return [_clean(each) for each in value] if isinstance(value, (list, tuple)) else value


def _supplier(supplier: Supplier) -> dict[str, Any]:
    return {
        "name": supplier.name,
        "brand": supplier.brand or supplier.name,
        "lines": supplier.lines,
        "vat_number": supplier.vat_number,
        "colour": supplier.colour if _COLOUR.fullmatch(supplier.colour) else DEFAULT_COLOUR,
        "email": supplier.email,
        "footer": supplier.footer,
    }


def _address(document: InvoiceDocument) -> list[str]:
    customer = document.customer
    return [line for line in (customer.name, customer.company_name, *customer.lines) if line]


def _facts(document: InvoiceDocument) -> list[list[str]]:
    credit = document.kind == "credit_note"
    facts = [
        ["Credit note number" if credit else "Invoice number", document.number or "not yet numbered"],
        ["Account number", document.account_number],
        ["Credit note date" if credit else "Invoice date", long_date(document.invoice_date)],
        ["Tax point", long_date(document.tax_point)],
        ["Charges up to", long_date(document.bill_to)],
        ["Due date", long_date(document.due_date) if document.due_date else ""],
        ["Your VAT number", document.customer.vat_number],
    ]
    return [fact for fact in facts if fact[1]]


def _summary(sections: tuple[Section, ...], money: Money) -> list[list[str]]:
    """What the bill comes to by kind of charge: recurring and one-off charges, then usage by class."""
    usage: dict[str, list[UsageLine]] = defaultdict(list)
    for section in sections:
        for line in section.usage:
            usage[line.call_class or "Other"].append(line)
    charges = [line.net for section in sections for line in section.charges]
    rows = [["Rental and other charges", "", money(sum(charges, Decimal(0)))]] if charges else []
    for name, lines in sorted(usage.items()):
        detail = _used_together(lines)
        rows.append([name, detail, money(sum((line.net for line in lines), Decimal(0)))])
    return rows


def _used_together(lines: list[UsageLine]) -> str:
    whole = UsageLine(
        call_class="",
        band="",
        calls=sum(line.calls for line in lines),
        net=Decimal(0),
        seconds=sum(line.seconds for line in lines),
        units=sum(line.units for line in lines),
        volume_bytes=sum(line.volume_bytes for line in lines),
    )
    counted = whole.volume_bytes or (whole.units and not whole.seconds)
    return used(whole) if counted else f"{whole.calls:,} call{'s' if whole.calls != 1 else ''}, {used(whole)}"


def _section(section: Section, money: Money) -> dict[str, Any]:
    both = bool(section.charges and section.usage)
    return {
        "title": section.title,
        "subtitle": section.subtitle,
        "charges": [
            [
                line.description,
                _period(line.first_day, line.last_day),
                "" if line.quantity is None else f"{line.quantity.normalize():f}",
                money(line.net),
            ]
            for line in section.charges
        ],
        "usage": [
            [
                _usage_words(line, money),
                BANDS.get(line.band, line.band.capitalize()),
                f"{line.calls:,}",
                used(line),
                money(line.net),
            ]
            for line in section.usage
        ],
        "charges_net": money(sum((line.net for line in section.charges), Decimal(0))) if both else "",
        "usage_net": money(sum((line.net for line in section.usage), Decimal(0))) if both else "",
        "net": money(section.net),
    }


def _usage_words(line: UsageLine, money: Money) -> str:
    """`National`, or `National, plan MOBILE-500: £4.20 discount`."""
    what = line.call_class or "Other"
    if not line.plan:
        return what
    return (
        f"{what}, plan {line.plan}: {money(line.discount)} discount" if line.discount else f"{what}, plan {line.plan}"
    )


def used(line: UsageLine) -> str:
    """How much: `12.5 MB`, `3 messages`, or hours:minutes:seconds."""
    if line.volume_bytes:
        return f"{Decimal(line.volume_bytes) / MEGABYTE:,.1f} MB"
    if line.units and not line.seconds:
        return f"{line.units:,} message{'s' if line.units != 1 else ''}"
    hours, rest = divmod(line.seconds, 3600)
    return f"{hours:,}:{rest // 60:02d}:{rest % 60:02d}"


def _period(first: date | None, last: date | None) -> str:
    if first is None:
        return ""
    return short_date(first) if last is None or last == first else f"{short_date(first)} – {short_date(last)}"


def short_date(day: date) -> str:
    """`1 Feb 2025`."""
    return f"{day.day} {MONTHS[day.month - 1][:3]} {day.year}"


def long_date(day: date) -> str:
    """`1 February 2025`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
