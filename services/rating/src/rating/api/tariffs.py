"""Tariffs, destinations, inbound classes and default tariffs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from contracts.base import Amount
from rating.api.views import After, Limit, Page, exact_pounds, page, pounds
from rating.domain.tariffs import DEFAULT_ROUNDING_PLACES, MEGABYTE_BYTES
from rating.service import tariffs as use
from rating.store.tariffs import TariffHeader
from service_kit.auth import principal, scope

router = APIRouter(tags=["tariffs"])
READ = [scope("rating:read")]
WRITE = [scope("rating:write")]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Percent = Annotated[Amount, Field(ge=Decimal(0), le=Decimal(10_000))]


class NewTariff(BaseModel):
    """A tariff to add; its rates are imported."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    name: str = Field(min_length=1, max_length=200)
    currency: str = Field(default="GBP", pattern=r"^[A-Z]{3}$")
    rounding_places: int = Field(default=DEFAULT_ROUNDING_PLACES, ge=0, le=6, description="of a call's charge")
    fallback_markup: Percent | None = Field(default=None, description="percentage on cost, at billing time (SPEC R5)")
    is_default: bool = False
    megabyte_bytes: int = Field(default=MEGABYTE_BYTES, description="1,000,000, or 1,048,576 (SPEC Z18)", ge=1)


class TariffView(NewTariff):
    """A tariff; its version grows with every change of it or its rates."""

    version: int


class RateView(BaseModel):
    """A rate, money in pounds; `initial`, `step` and `free` in seconds, messages or bytes (SPEC R6)."""

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


class ProblemView(BaseModel):
    """What is wrong in a row of an import; rows count from 1, the header is row 0."""

    row: int
    message: str


class ImportReport(BaseModel):
    """What an import did."""

    rows: int
    prefixes: int
    version: int
    problems: list[ProblemView]


class DefaultTariff(BaseModel):
    """The default tariff of a source, of a number type, or of both; empty stands for any (SPEC R5)."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(default="", max_length=64)
    number_type: str = Field(default="", max_length=64)
    tariff: Code


@router.post("/tariffs", status_code=201, dependencies=WRITE, summary="Add a tariff")
async def post_tariff(body: NewTariff, request: Request, response: Response) -> TariffView:
    made = await use.create_tariff(TariffHeader(version=1, **body.model_dump()), principal(request))
    response.headers["Location"] = f"/tariffs/{made.code}"
    return TariffView(**asdict(made))


@router.get("/tariffs", dependencies=READ, summary="All tariffs")
async def get_tariffs() -> Page[TariffView]:
    return Page(items=[TariffView(**asdict(tariff)) for tariff in await use.list_tariffs()])


@router.get("/tariffs/{code}", dependencies=READ, summary="A tariff")
async def get_tariff(code: str) -> TariffView:
    return TariffView(**asdict(await use.get_tariff(code)))


@router.get("/tariffs/{code}/rates", dependencies=READ, summary="A tariff's rates")
async def get_rates(code: str, limit: Limit = 100, after: After = 0) -> Page[RateView]:
    found = await use.list_rates(code, after=after, limit=limit)
    items = [
        RateView(
            price_per_minute=exact_pounds(row.price_micro),
            connection_charge=exact_pounds(row.connection_micro),
            initial_seconds=row.initial,
            step_seconds=row.step,
            minimum_charge=exact_pounds(row.minimum_micro),
            maximum_charge=pounds(row.maximum_micro),
            free_seconds=row.free,
            **{name: row[name] for name in ("rate_id", "prefix", "call_class", "band", "valid_from", "valid_to")},
        )
        for row in found
    ]
    return page(items, limit, items[-1].rate_id if items else None)


@router.post("/tariffs/{code}/rates", dependencies=WRITE, summary="Replace a tariff's rates by a CSV file")
async def post_rates(code: str, file: UploadFile, request: Request) -> ImportReport:
    """Columns `prefix,call_class,band,price_per_minute,connection_charge,initial_seconds,step_seconds,minimum_charge,
    maximum_charge,free_seconds,valid_from,valid_to`. A row has a prefix, or only a call class. Any problem refuses
    the whole file with 422; `problems` names the rows.
    """
    return _report(await use.import_rates(code, file.file, principal(request)))


@router.post("/destinations", dependencies=WRITE, summary="Replace the destinations by a CSV file")
async def post_destinations(file: UploadFile, request: Request) -> ImportReport:
    """Columns `prefix,destination,call_class` (SPEC R4)."""
    return _report(await use.import_list("destinations", file.file, principal(request)))


@router.post("/inbound-classes", dependencies=WRITE, summary="Replace the classes of inbound calls by a CSV file")
async def post_inbound_classes(file: UploadFile, request: Request) -> ImportReport:
    """Columns `prefix,call_class`; what has no row is `Inbound` (SPEC R4)."""
    return _report(await use.import_list("inbound_classes", file.file, principal(request)))


@router.post("/default-tariffs", dependencies=WRITE, summary="Set a default tariff")
async def post_default_tariff(body: DefaultTariff, request: Request) -> DefaultTariff:
    await use.set_default_tariff(body.source, body.number_type, body.tariff, principal(request))
    return body


@router.get("/default-tariffs", dependencies=READ, summary="The default tariffs, but the system's")
async def get_default_tariffs() -> Page[DefaultTariff]:
    return Page(items=[DefaultTariff.model_validate(dict(row)) for row in await use.list_default_tariffs()])


def _report(imported: use.Imported) -> ImportReport:
    return ImportReport.model_validate(asdict(imported))
