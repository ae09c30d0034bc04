"""Billing runs over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import Query, Request
from pydantic import BaseModel, Field

from contracts.base import Id
from invoicing.api.views import After, Page, RunCustomerView, RunDetails, RunView, page_of, run_details, run_view
from invoicing.service import approvals, reports, runs, sending
from service_kit.auth import principal, scope
from service_kit.http import Router

router = Router(prefix="/billing-runs", tags=["billing runs"])
_READ = [scope("invoicing:read")]
_RUN = [scope("billing:run")]
Limit = Annotated[int, Query(ge=1, le=1000)]


class NewRunBody(BaseModel):
    """A run to be made. Without `customers` it takes the customers whose billing cycle is due (SPEC Z10)."""

    bill_to: date = Field(description="the last day billed")
    invoice_date: date
    due_date: date | None = Field(default=None, description="in place of every customer's payment terms")
    message: str = Field(default="", max_length=2000, description="printed on the invoices")
    cycles: list[str] = Field(default=[], description="only these billing cycles")
    customers: list[Id] | None = Field(default=None, min_length=1, max_length=100_000)


@router.post("", status_code=201, dependencies=_RUN, summary="Make a draft run")
async def post_run(body: NewRunBody, request: Request) -> RunView:
    listed = None if body.customers is None else tuple(body.customers)
    new = runs.NewRun(**{**dict(body), "cycles": tuple(body.cycles), "customers": listed})
    return run_view(await runs.create_run(new, principal(request)))


@router.get("", dependencies=_READ, summary="Runs, the newest first")
async def get_runs(limit: Limit = 50, after: After | None = None) -> Page[RunView]:
    return page_of(map(run_view, await reports.run_page(after, limit)), limit, "run_id")


@router.get("/{run_id}", dependencies=_READ, summary="A run and how far it is")
async def get_run(run_id: Id) -> RunDetails:
    return run_details(await reports.run_report(run_id))


@router.get("/{run_id}/customers", dependencies=_READ, summary="What became of each customer of a run")
async def get_run_customers(
    run_id: Id,
    state: Literal["waiting", "closed", "drafted", "skipped", "parked"] | None = None,
    limit: Limit = 100,
    after: After = 0,
) -> Page[RunCustomerView]:
    rows = await reports.run_customers(run_id, state, after, limit)
    return page_of((RunCustomerView(**row) for row in rows), limit, "customer_id")


@router.post("/{run_id}/request", status_code=202, dependencies=_RUN, summary="Lock its dates and let it run")
async def request_run(run_id: Id) -> RunView:
    return run_view(await runs.request_run(run_id))


@router.post("/{run_id}/approve", status_code=202, dependencies=_RUN, summary="Approve all its drafts")
async def approve_run(run_id: Id) -> RunView:
    return run_view(await approvals.approve_run(run_id))


@router.post("/{run_id}/send", status_code=202, dependencies=_RUN, summary="Send its approved invoices")
async def send_run(run_id: Id, request: Request) -> RunView:
    return run_view(await sending.send_run(run_id, principal(request)))
