"""What customers owe, over HTTP (SPEC I9)."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy import Row

from contracts.base import Id, Money
from contracts.billing import InvoiceStatus
from invoicing.domain.statements import Entry
from invoicing.service import statements
from service_kit.auth import scope

router = APIRouter(tags=["accounts"])
_READ = [scope("invoicing:read")]
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "a header row, then a row for each"}
}
_From = Annotated[date | None, Query(alias="from", description="the first day; without it, from the beginning")]
_To = Annotated[date | None, Query(description="the last day; without it, all there is, whatever its date")]


class OpenItemView(BaseModel):
    """An invoice with something left to pay, or a credit note with something left to use."""

    invoice_id: int
    number: str
    kind: Literal["invoice", "credit_note"]
    status: InvoiceStatus
    invoice_date: date
    due_date: date | None
    gross: Money
    paid: Money
    left: Money = Field(description="gross less paid; of a credit note below zero")


class AccountView(BaseModel):
    """What a customer owes: approved invoices less credit notes and payments."""

    customer_id: int
    balance: Money = Field(description="above zero: the customer owes it; below zero: the customer has it")
    version: int = Field(description="grows with each change, as in account.balance_changed")
    credit: Money = Field(description="of payments and credit notes, what pays nothing yet")
    open: list[OpenItemView] = Field(description="the oldest first")


class EntryView(BaseModel):
    """What changed the balance: `id` is the invoice's or, of the others, the payment's."""

    date: date
    kind: Literal["invoice", "credit_note", "payment", "reversal", "refund"]
    id: int
    reference: str = Field(description="the invoice's number, the payment's reference, or why it was reversed")
    amount: Money
    balance: Money = Field(description="after it")


class StatementView(BaseModel):
    """A statement of account."""

    customer_id: int
    opening: Money
    entries: list[EntryView]
    closing: Money


@router.get("/customers/{customer_id}/account", dependencies=_READ, summary="Balance and open invoices")
async def get_account(customer_id: Id) -> AccountView:
    found = await statements.account(customer_id)
    return AccountView(
        customer_id=found.customer_id,
        balance=found.balance,
        version=found.version,
        credit=found.credit,
        open=[_open(row) for row in found.open_items],
    )


@router.get("/customers/{customer_id}/statement", dependencies=_READ, summary="Statement of account")
async def get_statement(customer_id: Id, first: _From = None, to: _To = None) -> StatementView:
    """Invoices, credit notes, payments, reversals and refunds by date, with the balance after each."""
    found = await statements.statement(customer_id, first, to)
    return StatementView(
        customer_id=customer_id,
        opening=found.opening,
        entries=[EntryView(**_entry(each)) for each in found.entries],
        closing=found.closing,
    )


@router.get(
    "/customers/{customer_id}/statement.csv",
    dependencies=_READ,
    summary="The same as CSV",
    response_class=Response,
    responses=_CSV,
)
async def get_statement_csv(customer_id: Id, first: _From = None, to: _To = None) -> Response:
    found = await statements.statement(customer_id, first, to)
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow(EntryView.model_fields)
    rows.writerow([first or "", "opening", "", "", "", found.opening])
    rows.writerows([*map(cell, _entry(each).values())] for each in found.entries)
    rows.writerow([to or "", "closing", "", "", "", found.closing])
    headers = {"Content-Disposition": f'attachment; filename="statement-{customer_id}.csv"'}
    return Response(written.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _open(row: Row[Any]) -> OpenItemView:
    names = [name for name in OpenItemView.model_fields if name != "left"]
    return OpenItemView(**{name: getattr(row, name) for name in names}, left=row.gross - row.paid)


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "date": entry.day,
        "kind": entry.kind,
        "id": entry.id,
        "reference": entry.reference,
        "amount": entry.amount,
        "balance": entry.balance,
    }


def cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
