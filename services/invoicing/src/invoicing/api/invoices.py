"""Invoices, transactions and the number series over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel, Field

from contracts.base import Id
from invoicing.api.views import (
    After,
    InvoiceDetails,
    InvoiceView,
    Page,
    TransactionView,
    invoice_details,
    invoice_view,
    page_of,
    transaction_view,
)
from invoicing.domain.numbering import MAX_WIDTH
from invoicing.service import approvals, reports, sending
from service_kit.auth import principal, scope
from service_kit.http import Router

router = Router(tags=["invoices"])
_READ = [scope("invoicing:read")]
_WRITE = [scope("invoicing:write")]
Limit = Annotated[int, Query(ge=1, le=1000)]


class SendBody(BaseModel):
    """To whom an invoice goes this time; without it, to the customer's addresses."""

    recipients: list[Annotated[str, Field(pattern=r"^[^@\s,]+@[^@\s,]+$", max_length=254)]] | None = Field(
        default=None, max_length=20
    )


class SendView(BaseModel):
    """A request to send, which is told in `invoice.sent` and the message log."""

    request_id: int
    invoice_id: int


class SeriesView(BaseModel):
    """How invoice numbers look: the prefix and the count, filled with zeros up to the width (SPEC I6)."""

    prefix: str = Field(pattern=r"^([A-Za-z0-9/._-]*[A-Za-z/._-])?$", max_length=20, examples=["INV"])
    width: int = Field(ge=1, le=MAX_WIDTH)


class SeriesDetails(SeriesView):
    """The series with the last count given."""

    last: int


@router.get("/invoices", dependencies=_READ, summary="Invoices, without their lines")
async def get_invoices(
    run_id: Id | None = None, customer_id: Id | None = None, limit: Limit = 100, after: After = 0
) -> Page[InvoiceView]:
    rows = await reports.invoice_page(run_id, customer_id, after, limit)
    return page_of(map(invoice_view, rows), limit, "invoice_id")


@router.get("/invoices/{invoice_id}", dependencies=_READ, summary="An invoice with its lines and VAT")
async def get_invoice(invoice_id: Id) -> InvoiceDetails:
    return invoice_details(await reports.invoice_report(invoice_id))


@router.post("/invoices/{invoice_id}/approve", dependencies=_WRITE, summary="Number and lock a draft")
async def approve_invoice(invoice_id: Id) -> InvoiceDetails:
    await approvals.approve_invoice(invoice_id)
    return invoice_details(await reports.invoice_report(invoice_id))


@router.post("/invoices/{invoice_id}/send", status_code=202, dependencies=_WRITE, summary="Send it, also again")
async def send_invoice(invoice_id: Id, request: Request, body: SendBody | None = None) -> SendView:
    recipients = body.recipients if body else None
    request_id = await sending.send_invoice(invoice_id, recipients, principal(request))
    return SendView(request_id=request_id, invoice_id=invoice_id)


@router.get("/transactions", dependencies=_READ, summary="Transactions; with unsent=true those on no invoice yet")
async def get_transactions(
    customer_id: Id | None = None, unsent: bool = False, limit: Limit = 100, after: After = 0
) -> Page[TransactionView]:
    rows = await reports.transaction_page(customer_id, unsent, after, limit)
    return page_of(map(transaction_view, rows), limit, "transaction_id")


@router.get("/invoice-series", dependencies=_READ, summary="How invoice numbers look, and the last one given")
async def get_series() -> SeriesDetails:
    prefix, width, last = await approvals.current_series()
    return SeriesDetails(prefix=prefix, width=width, last=last)


@router.put("/invoice-series", dependencies=_WRITE, summary="Change how the next numbers look; the count goes on")
async def change_series(body: SeriesView) -> SeriesDetails:
    await approvals.change_series(body.prefix, body.width)
    return await get_series()
