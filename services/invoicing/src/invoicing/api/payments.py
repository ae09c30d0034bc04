"""Payments over HTTP (SPEC I9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import Row

from contracts.base import Code, Id, Money
from invoicing.api.views import After, Page, page_of
from invoicing.service import payments
from invoicing.service.payments import NewPayment, PaymentReport, Plan
from service_kit.auth import principal, scope
from service_kit.http import Router

router = Router(tags=["payments"])
_READ = [scope("invoicing:read")]
_WRITE = [scope("invoicing:write")]
Limit = Annotated[int, Query(ge=1, le=1000)]
LARGEST = Decimal("999999999.99")


def _above_zero(value: Decimal) -> Decimal:
    if not 0 < value <= LARGEST:
        raise ValueError(f"give an amount from 0.01 to {LARGEST}")
    return value


def _no_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("there is a NUL character in it")
    return value


Paid = Annotated[Money, AfterValidator(_above_zero)]
Words = Annotated[str, Field(max_length=200), AfterValidator(_no_nul)]


class PaysBody(BaseModel):
    """An invoice, and how much of the payment goes to it."""

    invoice_id: Id
    amount: Paid


def _each_once(value: Any) -> Any:
    if isinstance(value, list) and len({each.invoice_id for each in value}) < len(value):
        raise ValueError("an invoice is named twice")
    return value


Allocate = Annotated[
    Literal["oldest", "none"] | Annotated[list[PaysBody], Field(min_length=1, max_length=1000)],
    AfterValidator(_each_once),
    Field(
        description="oldest: the oldest open invoices, and with what is left those approved later; none: nothing until "
        "it is allocated by hand; or the invoices with their amounts, and nothing else"
    ),
]


class NewPaymentBody(BaseModel):
    """A payment that came in."""

    customer_id: Id
    amount: Paid
    received_on: date
    method: Annotated[Code, AfterValidator(_no_nul)] | None = Field(
        default=None, description="a code of the list payment_methods", examples=["direct_debit"]
    )
    reference: Words = Field(default="", description="what the payer or the bank calls it")
    allocate: Allocate = "oldest"


class ReverseBody(BaseModel):
    """Why the bank took a payment back, and on which day; today where no day is given."""

    reason: Words = Field(min_length=1, examples=["refer to payer"])
    on: date | None = None


class RefundBody(BaseModel):
    """How much is given back, all that is left where no amount is given, and on which day; today without one."""

    amount: Paid | None = None
    on: date | None = None


class AllocateBody(BaseModel):
    """Where a payment goes from now on."""

    allocate: Allocate


class PaymentView(BaseModel):
    """A payment (SPEC I9). Amount = allocated + refunded + unallocated, unless it was reversed."""

    payment_id: int
    version: int
    customer_id: int
    amount: Money
    currency: str
    received_on: date
    method: str | None
    reference: str
    allocated: Money
    refunded: Money
    unallocated: Money
    spread: bool = Field(description="what is unallocated goes to the next open invoice by itself")
    reversed_on: date | None
    reason: str = Field(description="why it was reversed")
    recorded_by: str
    created_at: datetime


class PaysView(BaseModel):
    """How much of a payment an invoice got."""

    invoice_id: int
    amount: Money


class RefundView(BaseModel):
    """What was given back of a payment, and when."""

    refund_id: int
    amount: Money
    refunded_on: date
    recorded_by: str


class PaymentDetails(PaymentView):
    """A payment with the invoices it pays, the oldest first, and its refunds."""

    allocations: list[PaysView]
    refunds: list[RefundView]


@router.post("/payments", status_code=201, dependencies=_WRITE, summary="Record a payment and allocate it")
async def post_payment(body: NewPaymentBody, request: Request) -> PaymentDetails:
    given = {name: getattr(body, name) for name in NewPaymentBody.model_fields if name != "allocate"}
    new = NewPayment(**given, plan=_plan(body.allocate))
    return _details(await payments.record_payment(new, principal(request)))


@router.get("/payments/{payment_id}", dependencies=_READ, summary="A payment, what it pays and its refunds")
async def get_payment(payment_id: Id) -> PaymentDetails:
    return _details(await payments.payment_report(payment_id))


@router.get("/customers/{customer_id}/payments", dependencies=_READ, summary="A customer's payments")
async def get_customer_payments(customer_id: Id, limit: Limit = 100, after: After = 0) -> Page[PaymentView]:
    rows = await payments.payment_page(customer_id, after, limit)
    return page_of((PaymentView(**_values(row)) for row in rows), limit, "payment_id")


@router.post("/payments/{payment_id}/reverse", dependencies=_WRITE, summary="The bank took it back")
async def reverse_payment(payment_id: Id, body: ReverseBody) -> PaymentDetails:
    """What it paid is open again, and owed again."""
    return _details(await payments.reverse_payment(payment_id, body.on, body.reason))


@router.post("/payments/{payment_id}/refund", dependencies=_WRITE, summary="Give it back, or a part of it")
async def refund_payment(payment_id: Id, request: Request, body: RefundBody | None = None) -> PaymentDetails:
    """What is unallocated goes first; then what it paid, of the newest invoice first, which is open again."""
    told = body or RefundBody()
    return _details(await payments.refund_payment(payment_id, told.amount, told.on, principal(request)))


@router.post("/payments/{payment_id}/allocations", dependencies=_WRITE, summary="Allocate it anew")
async def post_allocations(payment_id: Id, body: AllocateBody) -> PaymentDetails:
    """It is taken back from all it pays first."""
    return _details(await payments.reallocate(payment_id, _plan(body.allocate)))


def _plan(allocate: Literal["oldest", "none"] | Sequence[PaysBody]) -> Plan:
    if isinstance(allocate, str):
        return allocate
    return [(each.invoice_id, each.amount) for each in allocate]


def _details(report: PaymentReport) -> PaymentDetails:
    return PaymentDetails(
        **_values(report.payment),
        allocations=[PaysView(invoice_id=each.invoice_id, amount=each.amount) for each in report.allocations],
        refunds=[
            RefundView(**{k: v for k, v in row._mapping.items() if k in RefundView.model_fields})
            for row in report.refunds
        ],
    )


def _values(row: Row[Any]) -> dict[str, Any]:
    left = Decimal("0.00") if row.reversed else row.amount - row.allocated - row.refunded
    names = [name for name in PaymentView.model_fields if name != "unallocated"]
    return {**{name: getattr(row, name) for name in names}, "unallocated": left}
