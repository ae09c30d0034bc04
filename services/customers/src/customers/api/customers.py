"""Customers and their status."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Query, Request, Response

from contracts.base import Id
from customers.api.bodies import After, CustomerChange, Day, Limit, NewCustomer, StatusChange
from customers.api.views import (
    CustomerView,
    Page,
    StatusView,
    expected_version,
    page,
    tag,
    view_customer,
)
from customers.service import customers as use
from customers.service.opening import open_one
from service_kit import clock
from service_kit.auth import principal, scope
from service_kit.http import Router

router = Router(tags=["customers"])
READ = [scope("customers:read")]
WRITE = [scope("customers:write")]
IfMatch = Annotated[
    str | None, Header(alias="If-Match", description='the ETag of the version that you changed, or "*"')
]


@router.post("/customers", status_code=201, dependencies=WRITE, summary="Add a customer")
async def post_customer(body: NewCustomer, request: Request, response: Response) -> CustomerView:
    opened = await open_one(body.opening(), principal(request))
    response.headers["Location"] = f"/customers/{opened.customer.customer_id}"
    tag(response, opened.customer.version)
    return view_customer(opened.customer, opened.warnings)


@router.get("/customers", dependencies=READ, summary="Customers by id, or the one of an account number")
async def get_customers(
    limit: Limit = 100,
    after: After = 0,
    account_number: Annotated[str | None, Query(max_length=40)] = None,
) -> Page[CustomerView]:
    found = await use.list_customers(after=after, limit=limit, account_number=account_number)
    return page(found, limit, view_customer, lambda customer: customer.customer_id)


@router.get("/customers/{customer_id}", dependencies=READ, summary="A customer")
async def get_customer(customer_id: Id, response: Response) -> CustomerView:
    customer = await use.get_customer(customer_id)
    tag(response, customer.version)
    return view_customer(customer)


@router.put("/customers/{customer_id}", dependencies=WRITE, summary="Change the details that are sent")
async def put_customer(
    customer_id: Id, body: CustomerChange, request: Request, response: Response, if_match: IfMatch = None
) -> CustomerView:
    customer = await use.change_customer(
        customer_id,
        body.details(),
        account_number=body.account_number,
        expected=expected_version(if_match, needed=True),
        actor=principal(request),
    )
    tag(response, customer.version)
    return view_customer(customer)


@router.get("/customers/{customer_id}/status", dependencies=READ, summary="The status on a day (today)")
async def get_status(customer_id: Id, on: Day | None = None) -> StatusView:
    answer = await use.get_status(customer_id, on)
    period = answer.period
    return StatusView(
        customer_id=customer_id,
        on=answer.on,
        status=period.status if period else None,
        name=answer.entry.name if answer.entry else None,
        effective_from=period.effective_from if period else None,
        reason=period.reason if period else None,
        flags=answer.flags,
        history=answer.history,
    )


@router.post("/customers/{customer_id}/status", dependencies=WRITE, summary="Another status from a day on")
async def post_status(
    customer_id: Id, body: StatusChange, request: Request, response: Response, if_match: IfMatch = None
) -> CustomerView:
    customer = await use.change_status(
        customer_id,
        body.period(clock.today()),
        expected=expected_version(if_match),
        actor=principal(request),
    )
    tag(response, customer.version)
    return view_customer(customer)
