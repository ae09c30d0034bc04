"""Billing runs over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import Query, Request
from pydantic import BaseModel, Field

from contracts.base import Code, Id
from invoicing.api.views import After, Page, RunCustomerView, RunDetails, RunView, page_of, run_details, run_view
from invoicing.service import approvals, cancelling, reports, resuming, runs, sending
from service_kit.auth import principal, scope
from service_kit.http import Router

router = Router(prefix="/billing-runs", tags=["billing runs"])
_READ = [scope("invoicing:read")]
_RUN = [scope("billing:run")]
Message = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
Limit = Annotated[int, Query(ge=1, le=1000)]


class NewRunBody(BaseModel):
    """A run to be made. Without `customers` it takes the customers whose billing cycle is due (SPEC Z10)."""

    bill_to: date = Field(description="the last day billed")
    invoice_date: date
    due_date: date | None = Field(default=None, description="in place of every customer's payment terms")
    message: Message = Field(default="", description="printed on the invoices")
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


class ChangedRunBody(BaseModel):
    """What is to be changed of a run that was not requested yet; what is left out stays.

    Only a due date and a list of customers may be taken away, by null.
    """

    bill_to: date | None = None
    invoice_date: date | None = None
    due_date: date | None = None
    message: Message | None = None
    cycles: list[Code] | None = None
    customers: list[Id] | None = Field(default=None, min_length=1, max_length=100_000)


_MAY_BE_TAKEN_AWAY = ("due_date", "customers")


class CancelledView(RunView):
    """A cancelled run. Its drafts are removed in the background; invoices that have a number stay."""

    kept: int = Field(description="how many of its invoices have a number and stay")


@router.patch("/{run_id}", dependencies=_RUN, summary="Change a run that was not requested yet")
async def patch_run(run_id: Id, body: ChangedRunBody) -> RunView:
    given = body.model_dump(exclude_unset=True)
    changes = {name: value for name, value in given.items() if value is not None or name in _MAY_BE_TAKEN_AWAY}
    return run_view(await runs.change_run(run_id, changes))


@router.delete("/{run_id}", status_code=204, dependencies=_RUN, summary="Delete a run that was not requested yet")
async def delete_run(run_id: Id) -> None:
    await runs.delete_run(run_id)


@router.post("/{run_id}/cancel", status_code=202, dependencies=_RUN, summary="Cancel it and remove its drafts")
async def cancel_run(run_id: Id) -> CancelledView:
    cancelled = await cancelling.cancel_run(run_id)
    return CancelledView(**run_view(cancelled.run).model_dump(), kept=cancelled.kept)


@router.post("/{run_id}/resume", status_code=202, dependencies=_RUN, summary="Try its parked customers again")
async def resume_run(run_id: Id, request: Request) -> RunView:
    """In a run of their own with the same dates, which is the answer: what was corrected since counts."""
    return run_view(await resuming.resume_run(run_id, principal(request)))


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
