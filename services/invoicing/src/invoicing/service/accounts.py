"""What customers owe, and which money pays which invoice (SPEC I9, Z14).

Whoever calls these has locked the customers. What is left of credit notes, and of payments that are to be spread, never
waits while an invoice is open: each use case ends with `spread`, and tells of each invoice that changed once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from contracts.billing import InvoiceUpdated
from invoicing.domain.allocations import Allocation, oldest_first, status_of
from invoicing.service.events import invoice_values
from invoicing.service.unbilled import tell_balances, unbilled_charges
from invoicing.store import allocations, balances, credit, invoices, payments, readmodel
from service_kit.database import Transaction


async def owe(tx: Transaction, amounts: Mapping[int, Decimal], approved: Collection[int] = ()) -> None:
    """Change what customers owe, and tell of it: customer id to pounds, negative ones lower it.

    Invoices are as they will be, for what is unbilled is told with the balance; but for drafts that the caller
    approves next: their ids are given.
    """
    lists = await readmodel.reference_lists(tx.connection)
    charges = await unbilled_charges(tx, amounts, lists, approved)
    await tell_balances(tx, await balances.add(tx.connection, amounts), charges)
    await credit.note(tx.connection, amounts)


async def have_credit(tx: Transaction, customers: Collection[int]) -> set[int]:
    """Those of these customers who have credit that goes to the next open invoice."""
    return set(await allocations.credits(tx.connection, customers))


async def spread(tx: Transaction, customers: Collection[int]) -> set[int]:
    """SPEC I9, Z14: waiting credit pays the oldest open invoices. Returns the ids of invoices that changed."""
    credits = await allocations.credits(tx.connection, customers)
    debts = await allocations.debts(tx.connection, credits) if credits else {}
    return await allocate(tx, [each for customer in debts for each in oldest_first(credits[customer], debts[customer])])


async def allocate(tx: Transaction, made: Sequence[Allocation]) -> set[int]:
    """Make allocations. Returns the ids of invoices and credit notes that changed."""
    if not made:
        return set()
    await allocations.add(tx.connection, made)
    return await _count(tx, made, 1)


async def release(tx: Transaction, taken: Sequence[Allocation]) -> set[int]:
    """Take allocations back, in whole or in part. Returns the same."""
    if not taken:
        return set()
    await allocations.remove(tx.connection, taken)
    return await _count(tx, taken, -1)


async def _count(tx: Transaction, changes: Sequence[Allocation], sign: int) -> set[int]:
    """Keep how much of payments is allocated, and what is paid of invoices."""
    given: dict[int, Decimal] = defaultdict(Decimal)
    paid: dict[int, Decimal] = defaultdict(Decimal)
    for each in changes:
        paid[each.invoice_id] += sign * each.amount
        if each.source.kind == "credit_note":
            paid[each.source.id] -= sign * each.amount
        else:
            given[each.source.id] += sign * each.amount
    await payments.allocate(tx.connection, given)
    rows = await invoices.lock(tx.connection, paid)
    await invoices.save(tx.connection, ["paid", "status"], [_paid(row, paid[row.invoice_id]) for row in rows])
    return set(paid)


def _paid(row: Row[Any], more: Decimal) -> dict[str, Any]:
    paid = row.paid + more
    status = status_of(row.gross, paid, sent=row.sent_at is not None)
    return {"invoice_id": row.invoice_id, "paid": paid, "status": status}


async def tell(tx: Transaction, changed: Collection[int]) -> None:
    """Publish what became of these invoices."""
    if changed:
        rows = await invoices.lock(tx.connection, changed)
        vat_lines = await invoices.vat_lines(tx.connection, changed)
        await tx.publish_many([InvoiceUpdated(**invoice_values(row, vat_lines[row.invoice_id])) for row in rows])


async def withdraw(tx: Transaction, approved: Sequence[Row[Any]]) -> set[int]:
    """SPEC I6: these invoices will be drafts again: what paid them is free, and they are owed no more.

    The caller makes them drafts, then calls `spread`, and `tell` for the others that changed.

    Returns: the ids of the other invoices that changed.
    """
    ids = {row.invoice_id for row in approved}
    changed = await release(tx, await allocations.of_invoices(tx.connection, ids))
    owed: dict[int, Decimal] = defaultdict(Decimal)
    for row in approved:
        owed[row.customer_id] -= row.gross
    await owe(tx, owed)
    return changed - ids
