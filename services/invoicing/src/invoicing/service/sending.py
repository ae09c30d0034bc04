"""Sending invoices: asked for once per run and invoice, told to the others when the document exists (SPEC I6, N1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from contracts.billing import InvoiceSent
from contracts.customers import CustomerState
from contracts.reference import BillStyle
from invoicing.domain.allocations import status_of
from invoicing.domain.reference import ReferenceLists
from invoicing.domain.runs import Run
from invoicing.service.approvals import ERASED, approve_one_in
from invoicing.service.events import invoice_values
from invoicing.service.runs import found
from invoicing.store import documents, invoices, readmodel
from invoicing.store import runs as store
from service_kit import clock
from service_kit.database import Transaction, transaction
from service_kit.faults import crash_point
from service_kit.problems import Conflict

GROUP = 200


async def send_run(run_id: int, requested_by: str) -> Run:
    """Ask for every approved invoice of a run to be sent; where the run is being approved, also for those approved
    from now on. Asked again, only what was not asked for before is.

    Raises:
        NotFound: there is no such run.
        Conflict: it has no invoices yet.
    """
    async with transaction() as tx:
        run = await found(tx, run_id)
        if run.state in ("draft", "requested", "cancelled"):
            raise Conflict(f"run {run_id} is {run.state}: it has no invoices to send")
        await documents.request_run(tx.connection, run_id, requested_by, clock.now())
        return await store.save(tx.connection, run_id, sending=run.approving)


async def send_invoice(invoice_id: int, recipients: Sequence[str] | None, requested_by: str) -> int:
    """Ask for one invoice to be sent, approving it first where it is a draft; one that was sent is sent again.

    Args:
        recipients: email addresses for this time only; None for the customer's own.

    Returns: the request's id.

    Raises:
        NotFound: there is no such invoice.
        Conflict: it cannot be approved, or its customer was erased.
    """
    async with transaction() as tx:
        await approve_one_in(tx, invoice_id)
        await _check_customer(tx, invoice_id)
        return await documents.request_one(
            tx.connection,
            {
                "invoice_id": invoice_id,
                "recipients": list(recipients) if recipients is not None else None,
                "requested_by": requested_by,
                "created_at": clock.now(),
            },
        )


async def _check_customer(tx: Transaction, invoice_id: int) -> None:
    """SPEC C17: what is kept of an erased customer is sent to nobody."""
    invoice = await invoices.find(tx.connection, invoice_id)
    if invoice is None or not await readmodel.lock_customers(tx.connection, [invoice.customer_id]):
        raise Conflict(f"invoice {invoice_id} cannot be sent: {ERASED}")


async def send_next(invoicing_url: str, group: int = GROUP) -> bool:
    """Tell of the next invoices whose documents exist: they are sent.

    Args:
        invoicing_url: this service's public address, under which the documents are to be had.

    Returns: whether there were any.
    """
    async with transaction() as tx:
        requests = await documents.lock_sendable(tx.connection, group)
        if requests:
            await readmodel.lock_customers(tx.connection, [each.customer_id for each in requests])
            sent = await _told(tx, requests, invoicing_url)
            await tx.publish_many(sent)
            await documents.mark_sent(tx.connection, [each.request_id for each in sent], clock.now())
            unread = [each.request_id for each in sent if not each.recipients]
            await documents.mark_not_emailed(tx.connection, unread)
            crash_point("invoicing.sent")
        return bool(requests)


async def _told(tx: Transaction, requests: Sequence[Row[Any]], invoicing_url: str) -> list[InvoiceSent]:
    """Mark the invoices as sent, and say so, one event for each request."""
    ids = sorted({each.invoice_id for each in requests})
    rows = await _marked_sent(tx, ids)
    printed = await invoices.particulars(tx.connection, ids)
    vat_lines = await invoices.vat_lines(tx.connection, ids)
    customers = await readmodel.customers_by_id(tx.connection, [each.customer_id for each in requests])
    lists = await readmodel.reference_lists(tx.connection)
    told = []
    for request in requests:
        row, customer = rows[request.invoice_id], customers[request.customer_id]
        style = _style(customer, printed[row.invoice_id], lists)
        values = invoice_values(row, vat_lines[row.invoice_id])
        told.append(_sent(request, values, printed[row.invoice_id], customer, style, invoicing_url))
    return told


async def _marked_sent(tx: Transaction, ids: Sequence[int]) -> dict[int, Row[Any]]:
    """These invoices, those that were not sent before being sent now."""
    rows = await invoices.lock(tx.connection, ids)
    changes = [
        {"invoice_id": row.invoice_id, "status": status_of(row.gross, row.paid, sent=True), "sent_at": clock.now()}
        for row in rows
        if row.sent_at is None
    ]
    changed = await invoices.save(tx.connection, ["status", "sent_at"], changes)
    return {row.invoice_id: row for row in [*rows, *changed]}


def _style(customer: CustomerState, printed: Mapping[str, Any], lists: ReferenceLists) -> BillStyle:
    """The email's brand: as it is now, so that a corrected sender counts; else as on the document."""
    return lists.bill_style(customer.bill_style) or BillStyle.model_validate(printed["supplier"])


def _sent(
    request: Row[Any],
    values: Mapping[str, Any],
    printed: Mapping[str, Any],
    customer: CustomerState,
    style: BillStyle,
    invoicing_url: str,
) -> InvoiceSent:
    recipients = customer.emails if request.recipients is None else request.recipients
    return InvoiceSent(
        **values,
        request_id=request.request_id,
        recipients=tuple(recipients),
        customer_name=printed["name"],
        company_name=printed["company_name"],
        account_number=printed["account_number"],
        billing_address=printed["billing_address"],
        bill_style=style,
        document_url=f"{invoicing_url.rstrip('/')}/documents/{request.sha256}",
        document_sha256=request.sha256,
        document_name=f"{values['number'].replace('/', '-')}.pdf",
    )
