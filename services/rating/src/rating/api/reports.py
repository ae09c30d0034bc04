"""Reports: the account of every record, how far the stream is stored, what was charged."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy import RowMapping

from rating.api.views import After, Id, Limit, Page, exact_pounds, page, pounds
from rating.service import reports as use
from rating.service.retrying import retry_all
from service_kit.auth import scope

router = APIRouter(tags=["reports"])
READ = [scope("rating:read")]
WRITE = [scope("rating:write")]
Day = Annotated[date | None, Query()]


class Outcomes(BaseModel):
    """SPEC R3: received = rated + unpriced + suspended + ignored + duplicate + rejected. `charge` in pounds, exact."""

    received: int
    rated: int = 0
    unpriced: int = 0
    suspended: int = 0
    ignored: int = 0
    duplicate: int = 0
    rejected: int = 0
    charge: str
    by_reason: dict[str, int]


class SourceOutcomes(Outcomes):
    """The account of a source and a local day of arrival; null stands for all."""

    source: str | None
    day: date | None


class OutcomesReport(BaseModel):
    """The account in groups, and all together."""

    items: list[SourceOutcomes]
    total: Outcomes


class PositionView(BaseModel):
    """How far a partition is stored; `end` is the offset that its next record will get."""

    topic: str
    partition: int
    position: int
    end: int


class CallView(BaseModel):
    """A call as it was read; numbers in E.164, costs in `currency`."""

    usage_id: int
    source: str
    record_id: str
    charged_number: str
    other_party: str
    direction: str
    service_type: str
    started: datetime
    local_date: date
    band: str
    seconds: int
    units: int
    volume_bytes: int
    call_class: str | None
    suggested_retail_price: str | None
    cdr_cost: str | None
    carrier_cost: str | None
    currency: str
    received_on: date


class HeldView(CallView):
    """A call that is not charged, and why."""

    outcome: str
    reason: str
    detail: str
    customer_id: int | None
    number_id: int | None


class RejectedView(BaseModel):
    """A record that could not be read, as it came."""

    usage_id: int
    outcome: Literal["rejected"] = "rejected"
    source: str
    record_id: str
    reason: str
    field: str | None
    detail: str
    raw: str
    file_id: int | None
    file_row: int | None
    received_on: date


class DuplicateView(BaseModel):
    """A second copy; `conflict` where its content is another (SPEC Z21)."""

    usage_id: int
    source: str
    record_id: str
    first_usage_id: int
    conflict: bool
    raw: str
    received_on: date


class UsageView(CallView):
    """A priced call: who pays, by which tariff and prefix, and what. Amounts in pounds, exact."""

    revision: int
    customer_id: int
    number_id: int
    destination: str
    tariff: str | None
    prefix: str | None
    step: int
    billed_seconds: int
    charge: str
    cost: str | None


class ChargesView(BaseModel):
    """What a customer's calls come to, in pounds, exact: all = closed (and not released) + to the date + after it."""

    customer_id: int
    calls: int
    rated_charge: str
    closed_charge: str
    unbilled_to_date: str
    unbilled_after: str


class Accepted(BaseModel):
    """It goes on by itself."""

    state: Literal["requested"] = "requested"


@router.get("/reports/outcomes", dependencies=READ, summary="What became of every record")
async def get_outcomes(group: use.Group = "source_day", first: Day = None, last: Day = None) -> OutcomesReport:
    """By source and local day of arrival, from `first` to `last`, both included."""
    items, total = await use.account(group, first, last)
    return OutcomesReport(
        items=[SourceOutcomes(source=each.source, day=each.day, **_account(each)) for each in items],
        total=Outcomes(**_account(total)),
    )


@router.get("/positions", dependencies=READ, summary="How far the CDR topics are stored")
async def get_positions() -> Page[PositionView]:
    """A record is judged and stored when its partition's position has passed its offset."""
    found = await use.standings()
    return Page(items=[PositionView.model_validate(each, from_attributes=True) for each in found])


@router.get("/held", dependencies=READ, summary="Records that are not charged, the oldest first")
async def get_held(
    outcome: Literal["suspended", "unpriced", "ignored", "rejected"] = "suspended",
    reason: str | None = None,
    limit: Limit = 100,
    after: After = 0,
) -> Page[HeldView] | Page[RejectedView]:
    if outcome == "rejected":
        rejected = [_with_raw(RejectedView, row) for row in await use.list_rejected(reason, after=after, limit=limit)]
        return page(rejected, limit, rejected[-1].usage_id if rejected else None)
    rows = await use.list_held(outcome, reason, after=after, limit=limit)
    held = [HeldView(**{**row, **_call(row), "call_class": row["known_class"]}) for row in rows]
    return page(held, limit, held[-1].usage_id if held else None)


@router.get("/duplicates", dependencies=READ, summary="Second copies of records, the oldest first")
async def get_duplicates(conflict: bool | None = None, limit: Limit = 100, after: After = 0) -> Page[DuplicateView]:
    items = [_with_raw(DuplicateView, row) for row in await use.list_duplicates(conflict, after=after, limit=limit)]
    return page(items, limit, items[-1].usage_id if items else None)


@router.get("/customers/{customer_id}/usage", dependencies=READ, summary="A customer's priced calls")
async def get_usage(
    customer_id: Id,
    first: Annotated[date | None, Query(alias="from", description="local day of the call's start")] = None,
    last: Annotated[date | None, Query(alias="to", description="included")] = None,
    limit: Limit = 100,
    after: After = 0,
) -> Page[UsageView]:
    rows = await use.list_usage(customer_id, first, last, after=after, limit=limit)
    items = [_usage(row) for row in rows]
    return page(items, limit, items[-1].usage_id if items else None)


@router.get("/reports/charges", dependencies=READ, summary="What each customer's calls come to")
async def get_charges(bill_to: date, limit: Limit = 100, after: After = 0) -> Page[ChargesView]:
    items = [_charges(row) for row in await use.charges(bill_to, after=after, limit=limit)]
    return page(items, limit, items[-1].customer_id if items else None)


@router.post("/retry", status_code=202, dependencies=WRITE, summary="Judge everything again that is held")
async def post_retry() -> Accepted:
    await retry_all()
    return Accepted()


def _account(account: use.Account) -> dict[str, Any]:
    return {
        **account.outcomes,
        "received": sum(account.outcomes.values()),
        "charge": exact_pounds(account.charge_micro),
        "by_reason": account.reasons,
    }


def _with_raw(view: Any, row: RowMapping) -> Any:
    return view(**{**row, "raw": bytes(row["raw"]).decode("utf-8", "replace")})


def _call(row: RowMapping) -> dict[str, Any]:
    """What a stored call is answered as, where it is stored otherwise."""
    return {
        "charged_number": _e164(row["charged_number"]),
        "other_party": _e164(row["other_party"]),
        "suggested_retail_price": pounds(row["retail_micro"]),
        "cdr_cost": pounds(row["cdr_cost_micro"]),
        "carrier_cost": pounds(row["carrier_cost_micro"]),
    }


def _usage(row: RowMapping) -> UsageView:
    amounts = {"charge": exact_pounds(row["charge_micro"]), "cost": pounds(row["cost_micro"])}
    return UsageView(**{**row, **_call(row), **amounts})


def _charges(row: RowMapping) -> ChargesView:
    return ChargesView(
        customer_id=row["customer_id"],
        calls=row["calls"],
        rated_charge=exact_pounds(row["rated"]),
        closed_charge=exact_pounds(row["closed"]),
        unbilled_to_date=exact_pounds(row["unbilled_to_date"]),
        unbilled_after=exact_pounds(row["unbilled_after"]),
    )


def _e164(digits: str) -> str:
    return f"+{digits}" if digits else ""
