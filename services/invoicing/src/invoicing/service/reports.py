"""Reading: runs, their customers, invoices, documents and transactions, as they are now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.billing import RunTotals, VatLine
from invoicing.domain.particulars import changed
from invoicing.domain.progress import Stage, stages_of
from invoicing.domain.runs import Run
from invoicing.domain.transactions import Transaction
from invoicing.service.events import run_totals
from invoicing.store import documents, invoices, readmodel, runs, transactions
from invoicing.store.progress import milestones
from invoicing.store.runs import Progress
from service_kit import clock
from service_kit.database import reading
from service_kit.erasures import erased_among
from service_kit.problems import Conflict, NotFound, Problem


@dataclass(frozen=True)
class RunReport:
    """A run with how far it is. `failed_documents` could not be rendered, and a person has to look."""

    run: Run
    stage: str
    progress: Progress
    stages: list[Stage]
    totals: RunTotals
    failed_documents: int


@dataclass(frozen=True)
class InvoiceReport:
    """An invoice with its VAT lines and, where asked for, its transactions.

    `changed` names what is printed of the customer and is another now, of a draft.
    """

    invoice: Row[Any]
    vat_lines: list[VatLine]
    lines: list[Transaction]
    changed: list[str] = field(default_factory=list)


async def run_report(run_id: int) -> RunReport:
    """A run with how far it is. Raises NotFound."""
    async with reading() as connection:
        run = await runs.find(connection, run_id)
        if run is None:
            raise NotFound(f"there is no billing run {run_id}")
        progress = await runs.progress(connection, run_id)
        failed = await documents.failed_of_run(connection, run_id)
        stages = stages_of(progress.customers, await milestones(connection, run_id), clock.now())
    return RunReport(run, stage_of(run, progress), progress, stages, run_totals(progress), failed)


def stage_of(run: Run, progress: Progress) -> str:
    """What a run is doing or waiting for."""
    if run.cancelling:
        return "cancelling"
    if run.approving:
        return "approving"
    if run.state == "requested":
        return "waiting_for_cut"
    if run.state == "running":
        return "drafting" if progress.customers.get("closed") else "waiting_for_usage"
    return run.state


async def run_page(after: int | None, limit: int) -> list[Run]:
    """Runs, the newest first."""
    async with reading() as connection:
        return await runs.page(connection, after, limit)


async def run_customers(run_id: int, state: str | None, after: int, limit: int) -> list[dict[str, Any]]:
    """A run's customers in the order of their ids. Raises NotFound."""
    async with reading() as connection:
        if await runs.find(connection, run_id) is None:
            raise NotFound(f"there is no billing run {run_id}")
        return await runs.customers_page(connection, run_id, state, after, limit)


async def invoice_report(invoice_id: int) -> InvoiceReport:
    """An invoice with its lines. Raises NotFound."""
    async with reading() as connection:
        invoice = await invoices.find(connection, invoice_id)
        if invoice is None:
            raise NotFound(f"there is no invoice {invoice_id}")
        vat_lines = await invoices.vat_lines(connection, [invoice_id])
        lines = await transactions.of_invoices(connection, [invoice_id])
        differing = await _changed(connection, invoice) if invoice.status == "draft" else []
        return InvoiceReport(invoice, vat_lines[invoice_id], lines[invoice_id], differing)


async def _changed(connection: AsyncConnection, draft: Row[Any]) -> list[str]:
    customer = (await readmodel.customers_by_id(connection, [draft.customer_id])).get(draft.customer_id)
    return changed(draft.particulars, customer, await readmodel.reference_lists(connection)) if customer else []


async def invoice_page(run_id: int | None, customer_id: int | None, after: int, limit: int) -> list[InvoiceReport]:
    """Invoices in the order of their ids, without their lines."""
    async with reading() as connection:
        rows = await invoices.page(connection, run_id=run_id, customer_id=customer_id, after=after, limit=limit)
        vat_lines = await invoices.vat_lines(connection, [row.invoice_id for row in rows])
        return [InvoiceReport(row, vat_lines[row.invoice_id], []) for row in rows]


async def invoice_document(invoice_id: int, copy: int = 0) -> tuple[str, bytes]:
    """An invoice's number and the bytes of its Long document, or of one of its copies.

    Raises:
        NotFound: there is no such invoice or copy, or its customer was erased.
        Conflict: it is a draft, which has no document, or its document could not be rendered.
        Problem: 503, it is being rendered.
    """
    async with reading() as connection:
        invoice = await invoices.find(connection, invoice_id)
        if invoice is None:
            raise NotFound(f"there is no invoice {invoice_id}")
        if invoice.number is None or invoice.status in ("draft", "removed"):
            raise Conflict(f"invoice {invoice_id} is {invoice.status}: approve it first, then it has a document")
        if await erased_among(connection, [invoice.customer_id]):
            raise NotFound(f"invoice {invoice_id} has no document any more: its customer was erased")
        document = await documents.of_invoice(connection, invoice_id, copy)
    if document is None and copy:
        raise NotFound(f"there is no copy {copy} of invoice {invoice_id}")
    if document is None or document.sha256 is None:
        raise _not_rendered(invoice_id, document)
    return invoice.number, document.bytes


def _not_rendered(invoice_id: int, document: Row[Any] | None) -> Problem:
    if document is not None and document.failures >= documents.MAX_FAILURES:
        return Conflict(f"the document of invoice {invoice_id} could not be rendered: {document.problem}")
    detail = f"the document of invoice {invoice_id} is being rendered: try again in a few seconds"
    return Problem(503, "not-rendered-yet", "Not rendered yet", detail, headers={"Retry-After": "2"})


async def document_bytes(sha256: str) -> bytes:
    """A document by the digest of its bytes. Raises NotFound."""
    async with reading() as connection:
        document = await documents.by_sha256(connection, sha256)
    if document is None:
        raise NotFound(f"there is no document {sha256}")
    content: bytes = document.bytes
    return content


async def transaction_page(customer_id: int | None, on_unsent: bool, after: int, limit: int) -> list[Transaction]:
    """Transactions in the order of their ids; only those on Unsent where `on_unsent`."""
    async with reading() as connection:
        return await transactions.page(
            connection, customer_id=customer_id, on_unsent=on_unsent, after=after, limit=limit
        )
