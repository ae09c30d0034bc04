"""What an email about a bill says, as values in words; the templates only lay them out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from contracts.billing import InvoiceSent

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$"}
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_DEFAULT_COLOUR = "#0b5fff"
_WHITE, _BLACK = "#ffffff", "#1a1f26"
_READABLE_ON_WHITE = 150_000


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the table of figures."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class BillLetter:
    """Everything that a template may use. Colours are #rrggbb; `on_colour` is readable on `colour`."""

    credit_note: bool
    brand: str
    colour: str
    on_colour: str
    supplier_name: str
    supplier_address: str
    supplier_vat_number: str
    footer: str
    greeting_name: str
    number: str
    account_number: str
    amount: str
    due_date: str
    facts: tuple[Fact, ...]
    document_name: str
    reply_to: str


def occasion_of(event: InvoiceSent) -> str:
    """Which templates write it (SPEC N3)."""
    return event.kind


def bill_letter(event: InvoiceSent) -> BillLetter:
    """The words of an invoice or credit note, in its bill style."""
    style = event.bill_style
    credit_note = event.kind == "credit_note"
    colour = style.colour if _COLOUR.fullmatch(style.colour) else _DEFAULT_COLOUR
    return BillLetter(
        credit_note=credit_note,
        brand=style.brand,
        colour=colour,
        on_colour=_readable_on(colour),
        supplier_name=style.supplier_name,
        supplier_address=", ".join(
            each for each in (*style.supplier_address.lines, style.supplier_address.postcode) if each
        ),
        supplier_vat_number=style.supplier_vat_number,
        footer=style.footer,
        greeting_name=event.customer_name,
        number=event.number or "",
        account_number=event.account_number,
        amount=money(abs(event.gross) if credit_note else event.gross, event.currency),
        due_date=long_date(event.due_date) if event.due_date and not credit_note else "",
        facts=_facts(event, credit_note),
        document_name=event.document_name,
        reply_to=style.reply_to or style.email_from,
    )


def _facts(event: InvoiceSent, credit_note: bool) -> tuple[Fact, ...]:
    sign = -1 if credit_note else 1
    facts = [
        Fact("Credit note number" if credit_note else "Invoice number", event.number or ""),
        Fact("Account number", event.account_number),
        Fact("Date", long_date(event.invoice_date)),
        Fact("Charges up to", long_date(event.bill_to)),
        Fact("Total excluding VAT", money(sign * event.net, event.currency)),
        Fact("VAT", money(sign * event.vat, event.currency)),
        Fact("Total credited" if credit_note else "Total", money(sign * event.gross, event.currency)),
    ]
    return tuple(fact for fact in facts if fact.value)


def money(amount: Decimal, currency: str) -> str:
    """`£1,234.50`, `-£0.42`, `CHF 10.00`."""
    symbol = SYMBOLS.get(currency, f"{currency} ")
    return f"{'-' if amount < 0 else ''}{symbol}{abs(amount):,.2f}"


def long_date(day: date) -> str:
    """`1 February 2025`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _readable_on(colour: str) -> str:
    """White or black, whichever stands out (weights of perceived brightness, in thousandths)."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return _WHITE if 299 * red + 587 * green + 114 * blue < _READABLE_ON_WHITE else _BLACK
