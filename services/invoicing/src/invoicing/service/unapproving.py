"""Unapproving: an approved, unsent invoice is a draft again, and its number stays with it (SPEC I6, Z14)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from contracts.billing import InvoiceUnapproved
from contracts.closing import UsageCloseReopened
from invoicing.service import accounts
from invoicing.service.events import invoice_values
from invoicing.service.marked import refuse_marked_among
from invoicing.service.recreating import in_another_run
from invoicing.store import adjustments, course, documents, invoices, readmodel, transactions
from invoicing.store import runs as store
from service_kit.database import Transaction, transaction
from service_kit.faults import crash_point
from service_kit.problems import Conflict, NotFound

_UNSENT = ("approved", "part_paid", "paid")


async def unapprove_invoice(invoice_id: int) -> None:
    """Make an approved invoice a draft again: it is owed no more, what paid it pays others, its usage is open again.

    Requests to send it that were not acted on are withdrawn, as is a document that was not rendered yet; one that
    was stays as it is, and the next approval has one of its own.

    Raises:
        NotFound: there is no such invoice.
        Conflict: it is not approved, it was sent or is being sent, usage on it was corrected since, its customer was
            erased, is to be deleted or is in another run.
    """
    async with transaction() as tx:
        await documents.withdraw(tx.connection, [invoice_id])  # first: who sends locks requests before customers
        invoice = await _locked(tx, invoice_id)
        await _check(tx, invoice)
        await _back_to_draft(tx, invoice)
        crash_point("invoicing.unapproved")


async def _locked(tx: Transaction, invoice_id: int) -> Row[Any]:
    found = await invoices.find(tx.connection, invoice_id)
    if found is None:
        raise NotFound(f"there is no invoice {invoice_id}")
    if found.run_id is not None:
        await store.lock(tx.connection, found.run_id)
    if not await readmodel.lock_customers(tx.connection, [found.customer_id]):
        raise Conflict(f"invoice {invoice_id} cannot be unapproved: its customer was erased")
    await refuse_marked_among(tx, [found.customer_id])
    (invoice,) = await invoices.lock(tx.connection, [invoice_id])
    return invoice


async def _check(tx: Transaction, invoice: Row[Any]) -> None:
    told = f"invoice {invoice.invoice_id} cannot be unapproved:"
    if invoice.sent_at is not None:
        raise Conflict(f"{told} it was sent on {invoice.sent_at:%Y-%m-%d}; correct it with a credit note")
    if invoice.status not in _UNSENT:
        raise Conflict(f"{told} it is {invoice.status}, not approved")
    if await documents.is_asked_for(tx.connection, invoice.invoice_id):
        raise Conflict(f"{told} it is being sent")
    if await adjustments.adjusted_invoices(tx.connection, [invoice.invoice_id]):
        raise Conflict(f"{told} usage on it was corrected since, and the refund refers to it")
    busy = await store.active_run_of(tx.connection, [invoice.customer_id])
    if busy:
        raise in_another_run(invoice.customer_id, busy[invoice.customer_id])


async def _take_back(tx: Transaction, invoice: Row[Any]) -> None:
    """Make the customer active in the run of its draft; one that starts takes customers without their locks."""
    try:
        await course.activate(tx.connection, {invoice.customer_id: invoice.invoice_id})
    except IntegrityError as error:
        raise in_another_run(invoice.customer_id) from error


async def _back_to_draft(tx: Transaction, invoice: Row[Any]) -> None:
    changed = await accounts.withdraw(tx, [invoice])
    draft = {"invoice_id": invoice.invoice_id, "status": "draft"}
    (row,) = await invoices.save(tx.connection, ["status", "approved_at"], [draft])
    await transactions.let_refunds_follow(tx.connection, [row.invoice_id])
    await _take_back(tx, row)
    vat_lines = await invoices.vat_lines(tx.connection, [row.invoice_id])
    await tx.publish(InvoiceUnapproved(**invoice_values(row, vat_lines[row.invoice_id])))
    closes = await course.closes(tx.connection, [] if row.close_id is None else [row.close_id])
    await tx.publish_many([UsageCloseReopened(**each._asdict(), invoice_id=row.invoice_id) for each in closes])
    await accounts.tell(tx, changed | await accounts.spread(tx, [row.customer_id]))
