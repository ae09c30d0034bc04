"""A statement of account: what a customer owed before, what changed it, and what is owed after each entry (SPEC I9)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Entry:
    """What changed a balance, in pounds: an invoice raises it, a payment lowers it.

    `kind` is invoice, credit_note, payment, reversal or refund; `id` is the invoice's or the payment's.
    """

    day: date
    kind: str
    id: int
    reference: str
    amount: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """Entries in the order of their days, between two balances."""

    opening: Decimal
    entries: tuple[Entry, ...]
    closing: Decimal


def statement_of(opening: Decimal, changes: Iterable[tuple[date, str, int, str, Decimal]]) -> Statement:
    """The running balance: (day, kind, id, reference, amount) in their order, from the opening balance on."""
    balance, entries = opening, []
    for day, kind, entry_id, reference, amount in changes:
        balance += amount
        entries.append(Entry(day, kind, entry_id, reference, amount, balance))
    return Statement(opening, tuple(entries), balance)
