"""The report of what a run would bill, over HTTP (SPEC I3)."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from contracts.base import Id, Money
from invoicing.api.accounts import cell
from invoicing.api.views import After, Page, page_of
from invoicing.asking import NotAnswered, not_rated
from invoicing.domain.forecasts import Forecast
from invoicing.domain.runs import Run
from invoicing.service.forecasts import forecast_page, forecast_totals, forecasts, run_of
from service_kit.auth import scope
from service_kit.http import Router

router = Router(prefix="/billing-runs", tags=["billing runs"])
_READ = [scope("invoicing:read")]
Limit = Annotated[int, Query(ge=1, le=1000)]
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}


class ForecastView(BaseModel):
    """What would become of a customer, with what is known now; money in pounds."""

    customer_id: int
    account_number: str
    name: str
    state: str = Field(description="drafted, skipped or parked", examples=["drafted"])
    reason: str = Field(description="why it would be skipped or parked, with all that is missing")
    charges: Money = Field(description="settled to the bill-to date, net")
    unsent: Money = Field(description="what waits on Unsent, net")
    usage: Money = Field(description="unbilled usage as rating told it last, net, also after the bill-to date")
    net: Money = Field(description="of the invoice; 0.00 where there would be none")
    gross: Money
    before: Money | None = Field(description="net of the last invoice")
    difference: Money = Field(description="net less that of the last invoice")
    other_run: int | None = Field(description="the run that has the customer now")


class NotRatedView(BaseModel):
    """What rating holds, and so is on no bill, and what it cannot discount; null where rating could not be asked, and
    `problem` says why.
    """

    suspended: int | None = None
    unpriced: int | None = None
    lag: int | None = Field(default=None, description="records that have come and are not stored yet")
    unknown_plans: list[str] | None = Field(
        default=None, description="discount plans that customers have and that there are not: billed without"
    )
    problem: str = ""


class ForecastTotalsView(BaseModel):
    """What a run would come to."""

    customers: dict[str, int] = Field(examples=[{"drafted": 950, "skipped": 40, "parked": 10}])
    in_another_run: int
    net: Money
    gross: Money
    before: Money = Field(description="nets of these customers' last invoices")
    difference: Money
    not_rated: NotRatedView


@router.get("/{run_id}/report", dependencies=_READ, summary="What it would bill, customer by customer")
async def get_report(run_id: Id, limit: Limit = 100, after: After = 0) -> Page[ForecastView]:
    """Before a run is requested as after: what it would come to with what is known now."""
    found = await forecast_page(await run_of(run_id), after, limit)
    return page_of(map(_view, found), limit, "customer_id")


@router.get("/{run_id}/report/totals", dependencies=_READ, summary="What it would come to, and what rating holds")
async def get_report_totals(run_id: Id) -> ForecastTotalsView:
    totals = await forecast_totals(await run_of(run_id))
    return ForecastTotalsView(**vars(totals), difference=totals.net - totals.before, not_rated=await _not_rated())


@router.get(
    "/{run_id}/report.csv",
    dependencies=_READ,
    summary="What it would bill, all customers, as CSV",
    response_class=StreamingResponse,
    responses=_CSV,
)
async def get_report_csv(run_id: Id) -> StreamingResponse:
    run = await run_of(run_id)
    headers = {"Content-Disposition": f'attachment; filename="run-{run_id}-report.csv"'}
    return StreamingResponse(_csv(run), media_type="text/csv; charset=utf-8", headers=headers)


async def _csv(run: Run) -> AsyncIterator[str]:
    yield _line(list(ForecastView.model_fields))
    async for each in forecasts(run):
        yield _line([cell(value) for value in _view(each).model_dump().values()])


def _line(values: list[Any]) -> str:
    written = io.StringIO(newline="")
    csv.writer(written).writerow(values)
    return written.getvalue()


def _view(each: Forecast) -> ForecastView:
    return ForecastView(**{name: getattr(each, name) for name in ForecastView.model_fields})


async def _not_rated() -> NotRatedView:
    try:
        held = await not_rated()
    except NotAnswered as error:
        return NotRatedView(problem=f"rating could not be asked: {error}")
    return NotRatedView(**asdict(held))
