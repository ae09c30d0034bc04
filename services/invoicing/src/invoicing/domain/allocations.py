"""Which money pays which invoice, and what that makes of the invoices (SPEC I9, Z14).

Money is in pounds with two places. Credit is what a payment or a credit note has left; debt is what is left to pay of
an invoice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from contracts.billing import InvoiceStatus
from invoicing.domain.transactions import ZERO

SourceKind = Literal["payment", "credit_note"]


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A payment by its id, or a credit note by its invoice id."""

    kind: SourceKind
    id: int


@dataclass(frozen=True, slots=True)
class Credit:
    """What a source has left to allocate."""

    source: Source
    left: Decimal


@dataclass(frozen=True, slots=True)
class Debt:
    """What is left to pay of an approved invoice."""

    invoice_id: int
    left: Decimal


@dataclass(frozen=True, slots=True)
class Allocation:
    """Money of a source that pays an invoice, or a part of it; the amount is above zero."""

    source: Source
    invoice_id: int
    amount: Decimal


class Refused(ValueError):
    """The invoices that were chosen cannot be paid so."""


def oldest_first(credits: Iterable[Credit], debts: Iterable[Debt]) -> list[Allocation]:
    """SPEC I9, Z14: the oldest credit pays the oldest invoice, until one of them is used up.

    Args:
        credits: one customer's, the oldest first.
        debts: the same customer's, the oldest first.
    """
    made = []
    open_debts = [(each.invoice_id, each.left) for each in debts if each.left > 0]
    for credit in credits:
        left = credit.left
        while left > 0 and open_debts:
            invoice_id, owed = open_debts[0]
            amount = min(left, owed)
            made.append(Allocation(credit.source, invoice_id, amount))
            left -= amount
            open_debts[:1] = [(invoice_id, owed - amount)] if owed > amount else []
    return made


def chosen(credit: Credit, wanted: Sequence[tuple[int, Decimal]], debts: Mapping[int, Debt]) -> list[Allocation]:
    """SPEC I9: money for the invoices that were chosen.

    Args:
        wanted: invoice ids with amounts above zero, each invoice once.
        debts: the customer's open invoices by id.

    Raises:
        Refused: an invoice is not open, is given more than is left of it, or all is more than the credit.
    """
    for invoice_id, amount in wanted:
        if invoice_id not in debts:
            raise Refused(f"invoice {invoice_id} is no open invoice of this customer")
        if amount > debts[invoice_id].left:
            raise Refused(f"invoice {invoice_id} has {debts[invoice_id].left} left to pay, not {amount}")
    total = sum((amount for _, amount in wanted), ZERO)
    if total > credit.left:
        raise Refused(f"the allocations come to {total}, there is {credit.left} to allocate")
    return [Allocation(credit.source, invoice_id, amount) for invoice_id, amount in wanted]


def given_back(allocations: Iterable[Allocation], amount: Decimal) -> list[Allocation]:
    """What to take back of a source's allocations to have this amount, or all there is.

    Args:
        allocations: those of one source, in the order in which they are given up.
    """
    taken = []
    for each in allocations:
        part = min(each.amount, amount)
        if part > 0:
            taken.append(Allocation(each.source, each.invoice_id, part))
            amount -= part
    return taken


def status_of(gross: Decimal, paid: Decimal, *, sent: bool) -> InvoiceStatus:
    """SPEC I6: an approved invoice's state, by how much of it is paid; of a credit note, how much of it is used."""
    if paid == 0:
        return "sent" if sent else "approved"
    return "paid" if paid == gross else "part_paid"
