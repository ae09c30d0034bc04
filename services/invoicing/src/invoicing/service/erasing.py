"""Erasing a customer (SPEC C17): at once it is not known any more; what is kept of it then goes step by step.

Invoice number, dates, amounts and VAT stay, as tax law asks, with nothing that names anybody; so do the amounts and
days of payments, of which the balance is made. A draft without a number goes; one that has a number keeps it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.base import Event
from contracts.billing import InvoiceRemoved
from contracts.closing import UsageCloseReleased
from contracts.customers import CustomerErased
from invoicing.service.events import invoice_values
from invoicing.store import erasing as store
from invoicing.store import invoices, readmodel
from invoicing.store.adjustment_tables import usage_adjustment
from invoicing.store.credit_tables import credit, credit_changed
from invoicing.store.tables import charge, feature, number
from service_kit import erasures
from service_kit.database import Transaction

SERVICE = "invoicing"


async def let_go(tx: Transaction, events: Sequence[Event]) -> list[Event]:
    """Take note of customers that are erased. Returns the events that are about others, or about nobody."""
    gone = await erasures.begin(tx.connection, [each for each in events if isinstance(each, CustomerErased)])
    if gone:
        await _leave(tx, gone)
    about = {each.customer_key() for each in events} - {None}
    erased = await erasures.erased_among(tx.connection, [each for each in about if each is not None])
    return [each for each in events if each.customer_key() not in erased]


async def _leave(tx: Transaction, customers: set[int]) -> None:
    """What works by itself (runs, sending) must not meet a customer that is not known any more."""
    await readmodel.lock_customers(tx.connection, customers)
    left = await store.leave_runs(tx.connection, customers)
    await tx.publish_many(UsageCloseReleased(run_id=r, customer_id=c, close_id=close) for r, c, close in left)
    removed = await store.remove_drafts(tx.connection, customers)
    vat_lines = await invoices.vat_lines(tx.connection, [row.invoice_id for row in removed])
    await tx.publish_many(InvoiceRemoved(**invoice_values(row, vat_lines[row.invoice_id])) for row in removed)
    await store.cancel_sending(tx.connection, customers)
    await store.remove_customers(tx.connection, customers)


async def erase_next(rows: int = erasures.ROWS) -> bool:
    """Erase the next rows of a customer, or confirm. Returns whether there was one to be erased."""
    return await erasures.erase_next(SERVICE, PARTS, rows)


async def _apart(
    erase: Callable[[AsyncConnection, int, int], Awaitable[int]], tx: Transaction, customer_id: int, rows: int
) -> int:
    return await erase(tx.connection, customer_id, rows)


async def _all_of(table: Table, tx: Transaction, customer_id: int, rows: int) -> int:
    return await store.remove(tx.connection, table, customer_id, rows)


PARTS: tuple[erasures.Part, ...] = (
    partial(_apart, store.remove_documents),
    partial(_apart, store.remove_lines),
    partial(_apart, store.empty_lines),
    partial(_apart, store.remove_invoices),
    partial(_apart, store.empty_invoices),
    partial(_apart, store.empty_send_requests),
    partial(_apart, store.empty_payments),
    partial(_apart, store.empty_runs),
    partial(_apart, store.remove_closes),
    *(partial(_all_of, each) for each in (charge, feature, number, usage_adjustment, credit, credit_changed)),
)
"""All that is kept of a customer, in the order in which it goes: lines before the invoices they are found by."""
