"""The report of annual increases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from contracts.base import Money
from customers.api import csvs
from customers.api.bodies import After, Day, Limit
from customers.api.views import Page, page
from customers.service import annual as use
from service_kit.auth import scope
from service_kit.http import Router

router = Router(tags=["reports"])
READ = [scope("customers:read")]
_PATH = "/reports/annual-increases"
_From = Annotated[Day, Query(alias="from", description="the first day", examples=["2026-04-01"])]
_To = Annotated[Day, Query(alias="to", description="the last day, within a year", examples=["2026-04-30"])]


class DueView(BaseModel):
    """A customer whose annual increase is due on a day of the window."""

    customer_id: int
    account_number: str
    name: str
    company_name: str
    account_manager: str | None
    profile: str | None
    reference_date: date
    due_on: date = Field(description="the reference date or an anniversary; 29 February is the 28th in other years")
    last_on: date | None = Field(description="the one before; null where this is the first")
    recurring_monthly: Money = Field(description="net pounds a month of the recurring charges that run today")


@router.get(_PATH, dependencies=READ, summary="Customers whose annual increase is due")
async def get_annual_increases(first: _From, last: _To, limit: Limit = 100, after: After = 0) -> Page[DueView]:
    """By customer id. Dropped customers and those whose profile is `none` are left out."""
    found = await use.list_annual_increases(first, last, after=after, limit=limit)
    return page(found, limit, lambda due: DueView(**vars(due)), lambda due: due.customer_id)


@router.get(
    f"{_PATH}.csv",
    dependencies=READ,
    summary="The same as CSV, all of them",
    response_class=StreamingResponse,
    responses=csvs.RESPONSES,
)
async def get_annual_increases_csv(first: _From, last: _To) -> StreamingResponse:
    """Streamed: of any length."""
    await use.list_annual_increases(first, last, after=0, limit=1)  # what is wrong is said before the answer begins
    return csvs.answer("annual-increases", list(DueView.model_fields), _rows(first, last))


async def _rows(first: date, last: date) -> AsyncIterator[list[list[Any]]]:
    async for found in use.all_annual_increases(first, last):
        yield [[getattr(due, name) for name in DueView.model_fields] for due in found]
