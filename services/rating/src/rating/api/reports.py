"""Reports: the account of every record, how far the stream is stored, what was charged."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping

from rating.api.calls import CallView, call_of
from rating.api.views import After, Limit, Page, exact_pounds, page
from rating.service import reports as use
from rating.service.retrying import retry_all
from service_kit.auth import scope
from service_kit.http import Router

router = Router(tags=["reports"])
READ = [scope("rating:read")]
WRITE = [scope("rating:write")]
Day = Annotated[date | None, Query(description="local day of arrival, included", examples=["2025-01-16"])]
_COUNTED: dict[str, Any] = {
    "received": 1_000,
    "rated": 950,
    "unpriced": 5,
    "suspended": 12,
    "ignored": 3,
    "duplicate": 29,
    "rejected": 1,
    "charge": "148.201600",
    "by_reason": {"no_price": 5, "unknown_number": 12, "ignored_number_type": 3, "conflict": 1, "bad_duration": 1},
}
_RAW = '{"source": "northstar", "record_id": "NS-000001", "charged_number": "+442079460123"}'


class Outcomes(BaseModel):
    """SPEC R3: received = rated + unpriced + suspended + ignored + duplicate + rejected. `charge` in pounds, exact."""

    model_config = ConfigDict(json_schema_extra={"examples": [_COUNTED]})

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

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"source": "northstar", "day": "2025-01-16", **_COUNTED}]}
    )

    source: str | None
    day: date | None


class OutcomesReport(BaseModel):
    """The account in groups, and all together."""

    items: list[SourceOutcomes]
    total: Outcomes


class PositionView(BaseModel):
    """How far a partition is stored; `end` is the offset that its next record will get."""

    topic: str = Field(examples=["cdr.received"])
    partition: int = Field(examples=[3])
    position: int = Field(examples=[84_112])
    end: int = Field(examples=[84_112])


class HeldView(CallView):
    """A call that is not charged, and why."""

    outcome: str = Field(examples=["suspended"])
    reason: str = Field(examples=["unknown_number"])
    detail: str = Field(examples=["nobody holds +442079460123"])
    customer_id: int | None = Field(description="where it is known whose it is", examples=[None])
    number_id: int | None = Field(examples=[None])


class RejectedView(BaseModel):
    """A record that could not be read, as it came."""

    usage_id: int = Field(examples=[281474976710701])
    outcome: Literal["rejected"] = "rejected"
    source: str = Field(examples=["northstar"])
    record_id: str = Field(description="empty where it could not be read", examples=["NS-000002"])
    reason: str = Field(examples=["bad_duration"])
    field: str | None = Field(examples=["Duration"])
    detail: str = Field(examples=["'abc' is not a whole number of seconds"])
    raw: str = Field(examples=[_RAW])
    file_id: int | None = Field(examples=[17])
    file_row: int | None = Field(description="counts from 1 behind the header", examples=[204])
    received_on: date = Field(examples=["2025-01-16"])


class DuplicateView(BaseModel):
    """A second copy; `conflict` where its content is another (SPEC Z21)."""

    usage_id: int = Field(examples=[281474976710702])
    source: str = Field(examples=["northstar"])
    record_id: str = Field(examples=["NS-000001"])
    first_usage_id: int = Field(examples=[281474976710700])
    conflict: bool = Field(examples=[False])
    raw: str = Field(examples=[_RAW])
    received_on: date = Field(examples=["2025-01-16"])


class ChargesView(BaseModel):
    """What a customer's calls come to, in pounds, exact: all = closed (and not released) + to the date + after it."""

    customer_id: int = Field(examples=[1204])
    calls: int = Field(examples=[311])
    rated_charge: str = Field(examples=["62.318400"])
    closed_charge: str = Field(examples=["40.100000"])
    unbilled_to_date: str = Field(examples=["20.200000"])
    unbilled_after: str = Field(examples=["2.018400"])


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
    reason: Annotated[str | None, Query(examples=["unknown_number"])] = None,
    limit: Limit = 100,
    after: After = 0,
) -> Page[HeldView] | Page[RejectedView]:
    if outcome == "rejected":
        rejected = [_with_raw(RejectedView, row) for row in await use.list_rejected(reason, after=after, limit=limit)]
        return page(rejected, limit, rejected[-1].usage_id if rejected else None)
    rows = await use.list_held(outcome, reason, after=after, limit=limit)
    held = [HeldView(**{**row, **call_of(row), "call_class": row["known_class"]}) for row in rows]
    return page(held, limit, held[-1].usage_id if held else None)


@router.get("/duplicates", dependencies=READ, summary="Second copies of records, the oldest first")
async def get_duplicates(conflict: bool | None = None, limit: Limit = 100, after: After = 0) -> Page[DuplicateView]:
    items = [_with_raw(DuplicateView, row) for row in await use.list_duplicates(conflict, after=after, limit=limit)]
    return page(items, limit, items[-1].usage_id if items else None)


@router.get("/reports/charges", dependencies=READ, summary="What each customer's calls come to")
async def get_charges(
    bill_to: Annotated[date, Query(examples=["2025-01-31"])], limit: Limit = 100, after: After = 0
) -> Page[ChargesView]:
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


def _charges(row: RowMapping) -> ChargesView:
    return ChargesView(
        customer_id=row["customer_id"],
        calls=row["calls"],
        rated_charge=exact_pounds(row["rated"]),
        closed_charge=exact_pounds(row["closed"]),
        unbilled_to_date=exact_pounds(row["unbilled_to_date"]),
        unbilled_after=exact_pounds(row["unbilled_after"]),
    )
