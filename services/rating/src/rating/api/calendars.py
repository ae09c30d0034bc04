"""Calendars: peak hours, weekends and bank holidays."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rating.api.views import Page
from rating.service import calendars as use
from service_kit.auth import principal, scope

router = APIRouter(tags=["calendars"])
READ = [scope("rating:read")]
WRITE = [scope("rating:write")]
CalendarCode = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Weekday = Annotated[int, Field(ge=1, le=7)]
_CLOCK = r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"
_EXAMPLE: dict[str, Any] = {
    "name": "Scotland",
    "country": "GB",
    "subdivision": "SCT",
    "peak": [{"days": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00"}],
    "weekend": [6, 7],
}


class PeakHours(BaseModel):
    """Weekdays, 1 is Monday and 7 Sunday, and the local hours on them that are peak: `to` is not among them."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    days: list[Weekday] = Field(min_length=1)
    begin: str = Field(alias="from", pattern=_CLOCK, examples=["08:00"])
    end: str = Field(alias="to", pattern=_CLOCK, examples=["18:00"])

    @field_validator("days")
    @classmethod
    def _in_order(cls, days: list[int]) -> list[int]:
        return sorted(set(days))

    @model_validator(mode="after")
    def _begins_first(self) -> PeakHours:
        if self.begin >= self.end:
            raise ValueError(
                f"peak hours from {self.begin} to {self.end} are none: those over midnight take two entries"
            )
        return self


class CalendarBody(BaseModel):
    """When it is peak and when weekend; what is neither is off-peak. Bank holidays are weekend (SPEC R6).

    `country` and `subdivision` say whose bank holidays: ISO 3166 codes like GB and ENG.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    country: str = Field(pattern=r"^[A-Z]{2}$")
    subdivision: str | None = Field(default=None, max_length=20)
    peak: list[PeakHours] = Field(max_length=100)
    weekend: list[Weekday]

    @field_validator("weekend")
    @classmethod
    def _in_order(cls, days: list[int]) -> list[int]:
        return sorted(set(days))


class CalendarView(CalendarBody):
    """A calendar."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "scotland", **_EXAMPLE}]})

    code: str


@router.get("/calendars", dependencies=READ, summary="All calendars")
async def get_calendars() -> Page[CalendarView]:
    return Page(items=[CalendarView.model_validate(dict(row)) for row in await use.list_calendars()])


@router.put("/calendars/{code}", dependencies=WRITE, summary="Add a calendar, or change it")
async def put_calendar(
    code: CalendarCode, body: Annotated[CalendarBody, Body(examples=[_EXAMPLE])], request: Request
) -> CalendarView:
    """Changed, it counts for calls that are stored from now on; what was rated stays. A tariff names its calendar."""
    told = {"code": code, **body.model_dump(by_alias=True)}
    await use.save_calendar(told, principal(request))
    return CalendarView.model_validate(told)
