"""Invoices, transactions and the number series over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal

from fastapi import Query, Request
from pydantic import BaseModel, Field

from contracts.base import Code, Id, Money
from invoicing.api.payments import LARGEST, Words
from invoicing.api.runs import Message
from invoicing.api.views import (
    After,
    InvoiceDetails,
    InvoiceView,
    Page,
    RunView,
    TransactionView,
    invoice_details,
    invoice_view,
    page_of,
    run_view,
    transaction_view,
)
from invoicing.domain.numbering import MAX_WIDTH, Series
from invoicing.service import approvals, by_hand, copies, numbering, recreating, reports, sending, unapproving
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


class RecreateBody(BaseModel):
    """Drafts that are to be made again."""

    invoice_ids: list[Id] = Field(min_length=1, max_length=1000)


class CopyView(BaseModel):
    """A copy of a sent invoice, which is being rendered."""

    invoice_id: int
    copy_number: int = Field(description="which copy of the invoice it is, from 1")


class SeriesView(BaseModel):
    """How invoice numbers look: the prefix and the count, filled with zeros up to the width (SPEC I6).

    With the scope `account` every account has a series of its own, ACCOUNT/n; the company's waits meanwhile. The prefix
    ends in no digit and no stroke, so that no number of the one kind is ever one of the other.
    """

    prefix: str = Field(pattern=r"^([A-Za-z0-9/._-]*[A-Za-z._-])?$", max_length=20, examples=["INV"])
    width: int = Field(ge=1, le=MAX_WIDTH)
    scope: Literal["company", "account"] = "company"


class SeriesDetails(SeriesView):
    """The series with the last count given in the company's."""

    last: int


class LineBody(BaseModel):
    """A one-off line, net of VAT; below zero it is given back. Without a VAT rate it has the customer's."""

    description: Annotated[Words, Field(min_length=1)]
    net: Annotated[Money, Field(ge=-LARGEST, le=LARGEST)]
    vat_rate: Code | None = None


class NewInvoiceBody(BaseModel):
    """All that is not billed up to a day, and one-off lines, on an invoice by hand (SPEC I10, Z11)."""

    customer_id: Id
    bill_to: date
    invoice_date: date | None = Field(default=None, description="today where it is not given")
    due_date: date | None = Field(default=None, description="in place of the customer's payment terms")
    message: Message = ""
    lines: list[LineBody] = Field(default=[], max_length=1000)
    confirm_empty: bool = Field(default=False, description="make it even if there is nothing to bill")


@router.get("/invoices", dependencies=_READ, summary="Invoices, without their lines")
async def get_invoices(
    run_id: Id | None = None, customer_id: Id | None = None, limit: Limit = 100, after: After = 0
) -> Page[InvoiceView]:
    rows = await reports.invoice_page(run_id, customer_id, after, limit)
    return page_of(map(invoice_view, rows), limit, "invoice_id")


@router.post("/invoices", status_code=202, dependencies=_WRITE, summary="Make an invoice by hand")
async def post_invoice(body: NewInvoiceBody, request: Request) -> RunView:
    """The answer is the run that makes it; when it is completed, `GET /invoices?run_id=` has the draft."""
    lines = tuple(by_hand.NewLine(each.description, each.net, each.vat_rate) for each in body.lines)
    new = by_hand.NewInvoice(**{**dict(body), "lines": lines})
    return run_view(await by_hand.make_by_hand(new, principal(request)))


@router.get("/invoices/{invoice_id}", dependencies=_READ, summary="An invoice with its lines and VAT")
async def get_invoice(invoice_id: Id) -> InvoiceDetails:
    return invoice_details(await reports.invoice_report(invoice_id))


@router.post("/invoices/{invoice_id}/approve", dependencies=_WRITE, summary="Number and lock a draft")
async def approve_invoice(invoice_id: Id, confirm_unusual: bool = False) -> InvoiceDetails:
    """A draft whose figures are unusual needs `confirm_unusual=true`: a person has looked at it."""
    await approvals.approve_invoice(invoice_id, unusual=confirm_unusual)
    return invoice_details(await reports.invoice_report(invoice_id))


@router.post("/invoices/{invoice_id}/unapprove", dependencies=_WRITE, summary="Make an unsent invoice a draft again")
async def unapprove_invoice(invoice_id: Id) -> InvoiceDetails:
    """Its number stays with it, and its documents as they are; the next approval has documents of its own."""
    await unapproving.unapprove_invoice(invoice_id)
    return invoice_details(await reports.invoice_report(invoice_id))


@router.post(
    "/invoices/{invoice_id}/recreate", status_code=202, dependencies=_WRITE, summary="Make a draft again from new data"
)
async def recreate_invoice(invoice_id: Id, request: Request) -> InvoiceDetails:
    """It is empty, and cannot be approved, until the run named in `remade_by` has filled it."""
    await recreating.recreate_invoices([invoice_id], principal(request))
    return invoice_details(await reports.invoice_report(invoice_id))


@router.post("/invoices/recreate", status_code=202, dependencies=_WRITE, summary="Make drafts again from new data")
async def recreate_invoices(body: RecreateBody, request: Request) -> Page[RunView]:
    """All of them or none. The answer is the runs that do it: one for those with the same dates and message."""
    runs = await recreating.recreate_invoices(set(body.invoice_ids), principal(request))
    return Page(items=list(map(run_view, runs)), next=None)


@router.delete("/invoices/{invoice_id}", status_code=204, dependencies=_WRITE, summary="Remove a draft without number")
async def delete_invoice(invoice_id: Id) -> None:
    """Its charges go back to Unsent, its usage to the next bill; its customer is free for other runs."""
    await recreating.remove_invoice(invoice_id)


@router.post("/invoices/{invoice_id}/send", status_code=202, dependencies=_WRITE, summary="Send it, also again")
async def send_invoice(invoice_id: Id, request: Request, body: SendBody | None = None) -> SendView:
    recipients = body.recipients if body else None
    request_id = await sending.send_invoice(invoice_id, recipients, principal(request))
    return SendView(request_id=request_id, invoice_id=invoice_id)


@router.post("/invoices/{invoice_id}/copy", status_code=202, dependencies=_WRITE, summary="Issue a sent one as a copy")
async def post_copy(invoice_id: Id) -> CopyView:
    """With the customer's present name and address and marked as a copy; `GET /invoices/{id}/document?copy=` has it."""
    return CopyView(invoice_id=invoice_id, copy_number=await copies.issue_copy(invoice_id))


@router.get("/transactions", dependencies=_READ, summary="Transactions; with unsent=true those on no invoice yet")
async def get_transactions(
    customer_id: Id | None = None, unsent: bool = False, limit: Limit = 100, after: After = 0
) -> Page[TransactionView]:
    rows = await reports.transaction_page(customer_id, unsent, after, limit)
    return page_of(map(transaction_view, rows), limit, "transaction_id")


@router.get("/invoice-series", dependencies=_READ, summary="How invoice numbers look, and the last one given")
async def get_series() -> SeriesDetails:
    return SeriesDetails(**asdict(await numbering.current_series()))


@router.put("/invoice-series", dependencies=_WRITE, summary="Change how the next numbers look; the count goes on")
async def change_series(body: SeriesView) -> SeriesDetails:
    await numbering.change_series(Series(**dict(body)))
    return await get_series()
