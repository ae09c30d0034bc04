"""Tariffs and default tariffs."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.base import Amount
from rating.api.views import Code, Page
from rating.domain.calendars import ENGLAND_AND_WALES
from rating.domain.tariffs import DEFAULT_ROUNDING_PLACES, MEGABYTE_BYTES
from rating.service import tariffs as use
from rating.store.tariffs import TariffHeader
from service_kit.auth import principal, scope
from service_kit.http import Router

router = Router(tags=["tariffs"])
READ = [scope("rating:read")]
WRITE = [scope("rating:write")]
Percent = Annotated[Amount, Field(ge=Decimal(0), le=Decimal(10_000))]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Places = Annotated[int, Field(ge=0, le=6)]

_NEW: dict[str, Any] = {
    "code": "BUSINESS",
    "name": "Business",
    "currency": "GBP",
    "rounding_places": 4,
    "fallback_markup": "25",
    "is_default": False,
    "megabyte_bytes": 1_000_000,
    "parent": "STANDARD",
    "calendar": "england-and-wales",
}
_CHANGE: dict[str, Any] = {"parent": "STANDARD", "calendar": "scotland", "fallback_markup": None}
_DEFAULT: dict[str, Any] = {"source": "", "number_type": "mobile", "tariff": "MOBILE"}


class NewTariff(BaseModel):
    """A tariff to add; its rates are imported.

    What its own rates do not answer, those of `parent` do: over both the longest prefix wins. `calendar` gives the
    time bands of its calls.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_NEW]})

    code: Code
    name: Name
    currency: str = Field(default="GBP", pattern=r"^[A-Z]{3}$", description="never changes")
    rounding_places: Places = Field(default=DEFAULT_ROUNDING_PLACES, description="of a call's charge")
    fallback_markup: Percent | None = Field(default=None, description="percentage on cost, at billing time (SPEC R5)")
    is_default: bool = False
    megabyte_bytes: int = Field(default=MEGABYTE_BYTES, description="1,000,000, or 1,048,576 (SPEC Z18)", ge=1)
    parent: Code | None = Field(default=None, description="the tariff that it inherits rates from")
    calendar: Code = Field(default=ENGLAND_AND_WALES.code, description="whose peak hours and bank holidays count")


class TariffView(NewTariff):
    """A tariff; its version grows with every change of it or its rates."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_NEW, "version": 3}]})

    version: int


class TariffChange(BaseModel):
    """What is to change of a tariff; what is not given stays. Its code and currency never change."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_CHANGE]})

    name: Name | None = None
    rounding_places: Places | None = None
    fallback_markup: Percent | None = Field(default=None, description="null: none")
    is_default: bool | None = None
    megabyte_bytes: int | None = Field(default=None, ge=1)
    parent: Code | None = Field(default=None, description="null: none")
    calendar: Code | None = None

    @model_validator(mode="before")
    @classmethod
    def _says_why(cls, told: Any) -> Any:
        if isinstance(told, dict):
            for name in ("code", "currency"):
                if name in told:
                    raise ValueError(f"{name} never changes: usage was rated under it; add another tariff")
            for name, value in told.items():
                if value is None and name not in ("parent", "fallback_markup"):
                    raise ValueError(f"{name} cannot be null; leave it out if it is to stay")
        return told


class DefaultTariff(BaseModel):
    """The default tariff of a source, of a number type, or of both; empty stands for any (SPEC R5)."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_DEFAULT]})

    source: str = Field(default="", max_length=64, pattern=r"^[^\x00]*$")
    number_type: str = Field(default="", max_length=64, pattern=r"^[^\x00]*$")
    tariff: Code


@router.post("/tariffs", status_code=201, dependencies=WRITE, summary="Add a tariff")
async def post_tariff(
    body: Annotated[NewTariff, Body(examples=[_NEW])], request: Request, response: Response
) -> TariffView:
    """Its parent must be in its currency, and no more than four tariffs stand in one line."""
    made = await use.create_tariff(TariffHeader(version=1, **dict(body)), principal(request))
    response.headers["Location"] = f"/tariffs/{made.code}"
    return _view(made)


@router.get("/tariffs", dependencies=READ, summary="All tariffs")
async def get_tariffs() -> Page[TariffView]:
    return Page(items=[_view(tariff) for tariff in await use.list_tariffs()])


@router.get("/tariffs/{code}", dependencies=READ, summary="A tariff")
async def get_tariff(code: str) -> TariffView:
    return _view(await use.get_tariff(code))


@router.patch("/tariffs/{code}", dependencies=WRITE, summary="Change a tariff")
async def patch_tariff(
    code: str, body: Annotated[TariffChange, Body(examples=[_CHANGE])], request: Request
) -> TariffView:
    """For calls that are stored from now on; what was rated stays. A change to what it is already is none."""
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    return _view(await use.change_tariff(code, changes, principal(request)))


@router.post("/default-tariffs", dependencies=WRITE, summary="Set a default tariff")
async def post_default_tariff(
    body: Annotated[DefaultTariff, Body(examples=[_DEFAULT])], request: Request
) -> DefaultTariff:
    await use.set_default_tariff(body.source, body.number_type, body.tariff, principal(request))
    return body


@router.get("/default-tariffs", dependencies=READ, summary="The default tariffs, but the system's")
async def get_default_tariffs() -> Page[DefaultTariff]:
    return Page(items=[DefaultTariff.model_validate(dict(row)) for row in await use.list_default_tariffs()])


def _view(tariff: TariffHeader) -> TariffView:
    return TariffView(**asdict(tariff))
