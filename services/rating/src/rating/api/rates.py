"""Versions of tariffs and their rates: listed, exported, taken back, asked."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping

from rating.api.imports import ProblemView
from rating.api.views import After, Limit, Page, exact_pounds, page, pounds
from rating.service import desk
from rating.service import versions as use
from service_kit import clock
from service_kit.auth import principal, scope

router = APIRouter(tags=["tariffs"])
READ = [scope("rating:read")]
WRITE = [scope("rating:write")]
Number = Annotated[int, Path(gt=0, lt=2**31)]
VersionQuery = Annotated[int | None, Query(alias="version", gt=0, lt=2**31, description="none: the one in force")]
On = Annotated[date | None, Query(description="the local day on which it is in force; none: today")]

_RATE: dict[str, Any] = {
    "rate_id": 8121,
    "prefix": "4420",
    "call_class": "",
    "band": "peak",
    "price_per_minute": "0.012500",
    "connection_charge": "0.000000",
    "initial_seconds": 60,
    "step_seconds": 6,
    "minimum_charge": "0.010000",
    "maximum_charge": None,
    "free_seconds": 0,
    "valid_from": None,
    "valid_to": None,
}
_VERSION: dict[str, Any] = {
    "tariff": "BUSINESS",
    "version": 7,
    "effective_from": "2026-02-01",
    "rows": 4180,
    "note": "spring prices",
    "created_by": "ann",
    "created_at": "2026-01-12T09:30:00Z",
}
_ANSWER: dict[str, Any] = {
    "tariff": "BUSINESS",
    "number": "+442079460123",
    "destination": "London",
    "call_class": "National",
    "day": "2026-01-05",
    "band": "peak",
    "rate": _RATE,
    "version": {**_VERSION, "tariff": "STANDARD"},
    "inherited_from": "STANDARD",
}


class RateView(BaseModel):
    """A rate, money in pounds; `initial`, `step` and `free` in seconds, messages or bytes (SPEC R6)."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RATE]})

    rate_id: int
    prefix: str
    call_class: str
    band: str
    price_per_minute: str
    connection_charge: str
    initial_seconds: int
    step_seconds: int
    minimum_charge: str
    maximum_charge: str | None
    free_seconds: int
    valid_from: date | None
    valid_to: date | None


class VersionView(BaseModel):
    """A version of a tariff: the rates that came with one import. Its number is the tariff's version of then.

    `effective_from` is the first local day of calls that it is for, null for always.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_VERSION]})

    tariff: str
    version: int
    effective_from: date | None
    rows: int
    note: str
    created_by: str
    created_at: datetime | None = Field(description="null of what was there before times were kept")


class VersionReport(VersionView):
    """A version with what its import found."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_VERSION, "prefixes": 4100}]})

    prefixes: int | None = None
    problems: list[ProblemView] = []
    totals: dict[str, int] = {}


class RateAnswer(BaseModel):
    """Which rate answers for a call, and why; `rate` and `version` are null where none does.

    `inherited_from` is the tariff whose rate it is, null where it is the tariff's own.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_ANSWER]})

    tariff: str
    number: str
    destination: str
    call_class: str
    day: date = Field(description="local day of the call")
    band: str
    rate: RateView | None
    version: VersionView | None
    inherited_from: str | None


@router.get("/tariffs/{code}/versions", dependencies=READ, summary="A tariff's versions")
async def get_versions(code: str) -> Page[VersionView]:
    """The oldest first. The one in force on a day is that with the latest `effective_from`; of equal ones the last."""
    return Page(items=[_version(row) for row in await use.list_versions(code)])


@router.get("/tariffs/{code}/versions/{version}", dependencies=READ, summary="A version and what its import found")
async def get_version(code: str, version: Number) -> VersionReport:
    row = await use.get_version(code, version)
    return VersionReport(**_version(row).model_dump(), **(row["report"] or {}))


@router.delete("/tariffs/{code}/versions/{version}", status_code=204, dependencies=WRITE, summary="Take a version back")
async def delete_version(code: str, version: Number, request: Request) -> Response:
    """Only one that takes effect in the future; 409 for others."""
    await use.delete_version(code, version, principal(request))
    return Response(status_code=204)


@router.get("/tariffs/{code}/rates", dependencies=READ, summary="A tariff's rates")
async def get_rates(
    code: str, version: VersionQuery = None, on: On = None, limit: Limit = 100, after: After = 0
) -> Page[RateView]:
    """Of a version, or of the one in force on a day; what the tariff inherits is not among them."""
    found = await use.list_rates(code, version=version, on=on, after=after, limit=limit)
    return page([_rate(row) for row in found], limit, found[-1]["rate_id"] if found else None)


@router.get(
    "/tariffs/{code}/rates.csv",
    dependencies=READ,
    summary="A tariff's rates as a file",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"text/csv": {"example": "prefix,call_class,band,price_per_minute\r\n4420,,peak,0.012500\r\n"}}
        }
    },
)
async def export_rates(code: str, version: VersionQuery = None, on: On = None) -> StreamingResponse:
    """In the columns of the import: what is exported can be changed and imported again."""
    name = f"{code}-{version or on or clock.today()}.csv"
    return StreamingResponse(
        await use.export_rates(code, version=version, on=on),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get("/tariffs/{code}/rate", dependencies=READ, summary="Which rate answers for a call")
async def get_rate(
    code: str,
    number: Annotated[str, Query(min_length=1, max_length=40, examples=["+442079460123"])],
    service: Literal["voice", "sms", "data"] = "voice",
    direction: Literal["outbound", "inbound"] = "outbound",
    at: Annotated[AwareDatetime | None, Query(examples=["2026-01-05T10:00:00Z"], description="none: now")] = None,
    call_class: Annotated[
        str, Query(alias="class", max_length=100, description="none: as destinations and inbound classes say")
    ] = "",
) -> RateAnswer:
    """The other party's number of an outbound call, the charged one of an inbound call. Prefixes are asked for voice
    calls made; inbound calls, messages and data have rates by class.
    """
    asked = desk.Question(number, service, direction, (at or clock.now()).astimezone(UTC), call_class)
    told = await desk.which_rate(code, asked)
    version = _version(told.version) if told.version else None
    return RateAnswer(
        tariff=told.tariff,
        number=f"+{told.digits}",
        destination=told.destination,
        call_class=told.call_class,
        day=told.day,
        band=told.band,
        rate=_rate(told.rate) if told.rate else None,
        version=version,
        inherited_from=version.tariff if version and version.tariff != told.tariff else None,
    )


def _version(row: RowMapping) -> VersionView:
    return VersionView(**{name: row[name] for name in VersionView.model_fields})


def _rate(row: RowMapping) -> RateView:
    return RateView(
        price_per_minute=exact_pounds(row["price_micro"]),
        connection_charge=exact_pounds(row["connection_micro"]),
        initial_seconds=row["initial"],
        step_seconds=row["step"],
        minimum_charge=exact_pounds(row["minimum_micro"]),
        maximum_charge=pounds(row["maximum_micro"]),
        free_seconds=row["free"],
        **{name: row[name] for name in ("rate_id", "prefix", "call_class", "band", "valid_from", "valid_to")},
    )
