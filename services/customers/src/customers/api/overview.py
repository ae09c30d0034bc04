"""A customer's page in one call."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from fastapi import Response
from pydantic import BaseModel, Field

from contracts.base import Amount, Id, Instant, Money
from contracts.reference import StatusFlags
from customers.api.views import CustomerView, tag, view_customer
from customers.config import settings
from customers.domain.accounts import Account, Part, Standing
from customers.domain.overview import Overview
from customers.service.overview import get_overview
from money.rounding import to_pennies
from service_kit.auth import scope
from service_kit.http import Router

router = Router(tags=["customers"])
READ = [scope("customers:read")]


class StatusToday(BaseModel):
    """SPEC C8: the status of today; before the history begins, that with which it will."""

    code: str
    name: str
    flags: StatusFlags | None


class CountsView(BaseModel, from_attributes=True):
    """What the customer has. Open is what has not ended: today, or from a later day on."""

    numbers: int
    numbers_open: int
    features: int = Field(description="without call plans")
    features_open: int
    recurring_charges: int = Field(description="those that run today")
    recurring_monthly: Money = Field(description="what they come to in a month, net, rounded once")


class NoticeView(BaseModel):
    """The last time that unbilled charges and balance reached 80 % of the limit (warning), or passed it (limit)."""

    level: Literal["warning", "limit"]
    limit: Money
    unbilled: Money
    balance: Money
    as_of: Instant


class AccountView(BaseModel):
    """SPEC C13: pounds with VAT, but for `unbilled_net`; null is what is not known yet, and stands in `not_known`."""

    credit_limit: Money | None
    currency: str
    balance: Money | None = Field(description="approved invoices less credit notes and payments")
    unbilled_usage: Money | None = Field(description="with the VAT of the customer's rate of today")
    unbilled_charges: Money | None = Field(description="charges on no approved invoice, as invoicing tells")
    exposure: Money | None = Field(description="what of the three is known, together")
    headroom: Money | None = Field(description="the limit less the exposure; negative where it is passed")
    used_percent: Amount | None
    standing: Standing
    not_known: tuple[Part, ...]
    unbilled_net: Amount | None = Field(description="usage without VAT, exact")
    unbilled_calls: int | None
    unbilled_as_of: Instant | None
    last_notice: NoticeView | None


class InvoiceShown(BaseModel, from_attributes=True):
    """An invoice or credit note as invoicing last told it."""

    invoice_id: int
    number: str | None
    kind: str
    status: str
    bill_to: date
    invoice_date: date
    due_date: date | None
    currency: str
    net: Money
    vat: Money
    gross: Money
    document_url: str | None = Field(description="the PDF that was sent; null before")
    document_name: str | None


class PaymentShown(BaseModel, from_attributes=True):
    """A payment as invoicing last told it."""

    payment_id: int
    state: Literal["received", "reversed", "refunded"]
    amount: Money
    currency: str
    received_on: date
    method: str | None
    reference: str


class NextBillView(BaseModel, from_attributes=True):
    """SPEC C5: what is known here of when the customer is billed next; which runs there are, invoicing knows."""

    cycle: str | None
    cycle_name: str | None
    every_months: int | None
    anchor_month: int | None
    month: date | None = Field(description="the first day of the month whose runs take it; null where not known")
    hindered_by: tuple[str, ...] = Field(description="why runs leave it out or park it")
    last_bill_to: date | None
    last_invoice_date: date | None


class OverviewView(BaseModel):
    """A customer's page: everything in it at once, and where there is more."""

    customer: CustomerView
    status: StatusToday
    counts: CountsView
    account: AccountView
    next_bill: NextBillView
    invoices: list[InvoiceShown] = Field(description="the latest twelve that were told, the newest first")
    payments: list[PaymentShown] = Field(description="the same")
    missing: tuple[str, ...] = Field(description="what a first invoice still needs")
    warnings: tuple[str, ...] = Field(description="what whoever opens the page should see at once")
    links: dict[str, str] = Field(description="where there is more, in this service and the others")


@router.get("/customers/{customer_id}/page", dependencies=READ, summary="All that a customer's page needs")
async def get_page(customer_id: Id, response: Response) -> OverviewView:
    """The ETag is the customer's, for `PUT /customers/{id}`."""
    found = await get_overview(customer_id)
    tag(response, found.customer.version)
    view = view_customer(found.customer)
    flags = found.status_entry.attributes if found.status_entry else None
    return OverviewView(
        customer=view,
        status=StatusToday(
            code=found.status,
            name=found.status_entry.name if found.status_entry else found.status,
            flags=flags if isinstance(flags, StatusFlags) else None,
        ),
        counts=CountsView.model_validate(found.counts),
        account=account_view(found.account),
        next_bill=NextBillView.model_validate(found.next_bill),
        invoices=[InvoiceShown.model_validate(each) for each in found.invoices],
        payments=[PaymentShown.model_validate(each) for each in found.payments],
        missing=found.missing,
        warnings=(*found.warnings, *(each.message for each in view.warnings)),
        links=links_of(found),
    )


def account_view(account: Account) -> AccountView:
    """An account, as answered."""
    used = account.used_percent
    beside: dict[str, Any] = {
        "used_percent": None if used is None else to_pennies(used),
        "last_notice": account.notice,
    }
    own = {name: getattr(account, name) for name in AccountView.model_fields if name not in beside}
    return AccountView(**own, **beside)


def links_of(found: Overview) -> dict[str, str]:
    """Addresses of what the customer has, here and elsewhere."""
    known = settings()
    customer_id = found.customer.customer_id
    mine = f"{known.customers_url.rstrip('/')}/customers/{customer_id}"
    invoicing, rating = known.invoicing_url.rstrip("/"), known.rating_url.rstrip("/")
    return {
        "customer": mine,
        "status": f"{mine}/status",
        "actions": f"{mine}/actions",
        "numbers": f"{mine}/numbers",
        "features": f"{mine}/features",
        "audit": f"{mine}/audit",
        "usage": f"{rating}/customers/{customer_id}/usage",
        "invoices": f"{invoicing}/invoices?customer_id={customer_id}",
        "unsent": f"{invoicing}/transactions?customer_id={customer_id}&unsent=true",
        "messages": f"{known.notifications_url.rstrip('/')}/messages?customer_id={customer_id}",
    }
