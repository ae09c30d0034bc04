"""Suppliers' CSV files as data: what each column means, and a row read by it (SPEC R1, R2, Z17, Z18, Z20, Z21)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.cdrs import Direction, ServiceType
from money.dates import MissingLocalTime, from_local

Cdr = dict[str, Any]
"""The JSON fields of a `CdrReceived`, without `source` and `origin`."""
LONGEST_RECORD_ID = 255
LONGEST_NUMBER = 64
LONGEST_CLASS = 64
_VOLUME_FACTORS = {"bytes": 1, "kilobytes": 1_000, "megabytes": 1_000_000}
_PENCE_PLACES = 2
_DECIMAL = re.compile(r"(?:\d{1,15}(?:\.\d{0,12})?|\.\d{1,12})", re.ASCII)
_AMOUNT = re.compile(rf"-?{_DECIMAL.pattern}", re.ASCII)
_CLOCK = re.compile(r"(\d{1,5}):([0-5]\d):([0-5]\d)", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


class CallType(BaseModel):
    """What a code in the column of call types stands for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service_type: ServiceType
    direction: Direction


class Columns(BaseModel):
    """Which column holds what. A record id may be built from several columns, joined by `/` (SPEC Z21)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    call_type: str
    record_id: tuple[str, ...] = Field(min_length=1)
    charged_number: str
    other_party: str | None = None
    date: str
    time: str
    duration: str
    volume: str | None = None
    units: str | None = None
    call_class: str | None = None
    currency: str | None = None
    suggested_retail_price: str | None = None
    cdr_cost: str | None = None
    carrier_cost: str | None = None


class CdrMapping(BaseModel):
    """How a supplier's CSV file is read. Times are local, in Europe/London (SPEC Z20)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = ""
    header: tuple[str, ...] = Field(min_length=1, description="the file's first line, column by column")
    columns: Columns
    call_types: dict[str, CallType] = Field(min_length=1)
    date_format: str = "%d/%m/%Y"
    time_format: str = "%H:%M:%S"
    second_of_repeated_hour: bool = Field(default=False, description="October's repeated hour: winter time is meant")
    duration_unit: Literal["seconds", "hh:mm:ss"] = "seconds"
    volume_unit: Literal["bytes", "kilobytes", "megabytes"] = "bytes"
    cost_unit: Literal["pounds", "pence"] = "pounds"
    empty_when_zero: tuple[Literal["suggested_retail_price", "cdr_cost", "carrier_cost"], ...] = ()
    default_currency: str = Field(default="GBP", pattern=r"^[A-Z]{3}$")

    @model_validator(mode="after")
    def _columns_are_in_the_header(self) -> CdrMapping:
        if len(set(self.header)) != len(self.header):
            raise ValueError("header: a column stands in it twice")
        named = self.columns.model_dump()
        for field, names in named.items():
            for name in names if isinstance(names, tuple) else [names]:
                if name is not None and name not in self.header:
                    raise ValueError(f"columns.{field}: '{name}' is not a column of the header")
        return self


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a row is no CDR, with what could be read of it; `field` is the column."""

    reason: str
    field: str | None
    detail: str
    record_id: str = ""
    charged_number: str = ""


class _BadCellError(ValueError):
    """A cell that cannot be read: reason, column, what is wrong."""


class RowReader:
    """A mapping made ready to read many rows."""

    def __init__(self, mapping: CdrMapping) -> None:
        self.mapping = mapping
        self._width = len(mapping.header)
        place = {name: number for number, name in enumerate(mapping.header)}
        named = mapping.columns.model_dump()
        self._record_id = [place[name] for name in mapping.columns.record_id]
        self._places = {field: place[name] for field, name in named.items() if isinstance(name, str)}
        self._costs = [
            (field, name, place[name], field in mapping.empty_when_zero)
            for field in ("suggested_retail_price", "cdr_cost", "carrier_cost")
            if (name := named[field]) is not None
        ]
        self._clock = _Clock(mapping)

    def read(self, cells: list[str]) -> Cdr | Unreadable:
        """A row as the fields of a CdrReceived, or why it cannot be read."""
        if len(cells) != self._width:
            return Unreadable("wrong_columns", None, f"{len(cells)} columns, the mapping has {self._width}")
        try:
            return self._cdr(cells)
        except _BadCellError as bad:
            reason, column, detail = bad.args
            charged = self._text(cells, "charged_number")[:LONGEST_NUMBER]
            return Unreadable(reason, column, detail, self._id(cells)[:LONGEST_RECORD_ID], charged)

    def _cdr(self, cells: list[str]) -> Cdr:
        kind = self._call_type(cells)
        cdr: Cdr = {
            "record_id": self._needed_id(cells),
            "charged_number": self._needed_number(cells),
            "other_party": self._text(cells, "other_party")[:LONGEST_NUMBER],
            "direction": kind.direction,
            "service_type": kind.service_type,
            "start": self._clock.instant(
                self._text(cells, "date"),
                self._text(cells, "time"),
                self.mapping.columns.date,
                self.mapping.columns.time,
            ),
        }
        self._add_usage(cdr, kind.service_type, cells)
        self._add_costs(cdr, cells)
        if call_class := self._text(cells, "call_class"):
            cdr["call_class"] = call_class[:LONGEST_CLASS]
        return cdr

    def _text(self, cells: list[str], field: str) -> str:
        place = self._places.get(field)
        return "" if place is None else cells[place].strip()

    def _call_type(self, cells: list[str]) -> CallType:
        text = self._text(cells, "call_type")
        kind = self.mapping.call_types.get(text)
        if kind is None:
            known = ", ".join(self.mapping.call_types)
            raise _BadCellError("bad_call_type", self.mapping.columns.call_type, f"'{text[:20]}' is none of {known}")
        return kind

    def _id(self, cells: list[str]) -> str:
        parts = [cells[place].strip() for place in self._record_id]
        return "/".join(parts) if all(parts) else ""

    def _needed_id(self, cells: list[str]) -> str:
        record_id = self._id(cells)
        column = self.mapping.columns.record_id[0]
        if not record_id:
            raise _BadCellError("missing_record_id", column, "a record without an id cannot be charged once only")
        if len(record_id) > LONGEST_RECORD_ID:
            raise _BadCellError("bad_record_id", column, f"longer than {LONGEST_RECORD_ID} characters")
        return record_id

    def _needed_number(self, cells: list[str]) -> str:
        number = self._text(cells, "charged_number")
        column = self.mapping.columns.charged_number
        if not number:
            raise _BadCellError("missing_charged_number", column, "there is no number to charge")
        if len(number) > LONGEST_NUMBER:
            raise _BadCellError("bad_charged_number", column, f"longer than {LONGEST_NUMBER} characters")
        return number

    def _add_usage(self, cdr: Cdr, service_type: ServiceType, cells: list[str]) -> None:
        duration = self._text(cells, "duration")
        if service_type == "voice":
            cdr["duration_seconds"] = self._seconds(duration)
            return
        if duration:
            self._seconds(duration)
        if service_type == "data":
            cdr["volume_bytes"] = self._bytes(self._text(cells, "volume"))
        else:
            cdr["units"] = self._units(self._text(cells, "units"))

    def _seconds(self, text: str) -> int:
        """SPEC Z18: whole seconds, fractions rounded up."""
        if self.mapping.duration_unit == "seconds":
            if text.isascii() and text.isdigit() and len(text) <= 9:
                return int(text)
            if _DECIMAL.fullmatch(text) and len(text) <= 20:
                return int(Decimal(text).to_integral_value(ROUND_CEILING))
        elif found := _CLOCK.fullmatch(text):
            hours, minutes, seconds = map(int, found.groups())
            return hours * 3600 + minutes * 60 + seconds
        unit = self.mapping.duration_unit
        raise _BadCellError("bad_duration", self.mapping.columns.duration, f"'{text[:40]}' is not a duration in {unit}")

    def _bytes(self, text: str) -> int:
        unit = self.mapping.volume_unit
        if text.isascii() and text.isdigit() and len(text) <= 15 and unit == "bytes":
            return int(text)
        if _DECIMAL.fullmatch(text) and unit != "bytes":
            return int((Decimal(text) * _VOLUME_FACTORS[unit]).to_integral_value(ROUND_CEILING))
        raise _BadCellError("bad_volume", self.mapping.columns.volume, f"'{text[:40]}' is not a number of {unit}")

    def _units(self, text: str) -> int:
        if not text:
            return 1
        if text.isascii() and text.isdigit() and len(text) <= 9:
            return int(text)
        raise _BadCellError("bad_units", self.mapping.columns.units, f"'{text[:40]}' is not a number of messages")

    def _add_costs(self, cdr: Cdr, cells: list[str]) -> None:
        """SPEC Z17: absent or empty is missing, 0 is a cost unless the mapping says otherwise."""
        currency = self._text(cells, "currency") or self.mapping.default_currency
        if not _CURRENCY.fullmatch(currency):
            raise _BadCellError("bad_currency", self.mapping.columns.currency, f"'{currency[:20]}' is no ISO 4217 code")
        cdr["currency"] = currency
        for field, column, place, empty_when_zero in self._costs:
            text = cells[place].strip()
            if text:
                cost = self._cost(text, column)
                if not (empty_when_zero and Decimal(cost) == 0):
                    cdr[field] = cost

    def _cost(self, text: str, column: str) -> str:
        if not _AMOUNT.fullmatch(text):
            unit = self.mapping.cost_unit
            raise _BadCellError("bad_cost", column, f"'{text[:40]}' is not an amount in {unit}, like 0.0125")
        if self.mapping.cost_unit == "pounds" and text[-1] != "." and text[0].isdigit():
            return text
        return format(Decimal(text).scaleb(-_PENCE_PLACES if self.mapping.cost_unit == "pence" else 0), "f")


class _Clock:
    """Local dates and times in a mapping's formats, as instants. All but the days of a change are plain text work."""

    def __init__(self, mapping: CdrMapping) -> None:
        self._second = mapping.second_of_repeated_hour
        self._day = lru_cache(maxsize=4_000)(_day_reader(mapping.date_format))
        self._time = lru_cache(maxsize=90_000)(_time_reader(mapping.time_format))

    def instant(self, day_text: str, time_text: str, day_column: str, time_column: str) -> str:
        """The instant in RFC 3339. Raises _BadCellError."""
        day = self._day(day_text)
        if day is None:
            raise _BadCellError("bad_date", day_column, f"'{day_text[:40]}' is not a date in the mapping's format")
        moment = self._time(time_text)
        if moment is None:
            raise _BadCellError("bad_time", time_column, f"'{time_text[:40]}' is not a time in the mapping's format")
        local_day, offset = day
        if offset is not None:
            return f"{local_day}T{moment}{offset}"
        local = datetime.combine(local_day, moment)
        try:
            return from_local(local, second_of_repeated_hour=self._second).isoformat().replace("+00:00", "Z")
        except MissingLocalTime as missing:
            raise _BadCellError("missing_local_time", time_column, str(missing)) from None


def _day_reader(written: str) -> Callable[[str], tuple[date, str | None] | None]:
    """Reads a date as it is written; with it the offset of the whole day, None where the clocks change in it."""

    def read(text: str) -> tuple[date, str | None] | None:
        try:
            told = datetime.strptime(text, written)  # noqa: DTZ007 (a local date)
        except ValueError:
            return None
        if told.strftime(written) != text or not date.min.year < told.year < date.max.year:
            return None
        return told.date(), _offset(told)

    return read


def _time_reader(written: str) -> Callable[[str], time | None]:
    def read(text: str) -> time | None:
        try:
            told = datetime.strptime(text, written)  # noqa: DTZ007 (a local time)
        except ValueError:
            return None
        return told.time() if told.strftime(written) == text else None

    return read


def _offset(midnight: datetime) -> str | None:
    """`Z` or `+01:00` where it holds from this midnight to the next, None where it changes or is another."""
    begin, end = from_local(midnight), from_local(midnight + timedelta(days=1))
    if end - begin != timedelta(days=1):
        return None
    ahead = midnight - begin.replace(tzinfo=None)
    return {timedelta(0): "Z", timedelta(hours=1): "+01:00"}.get(ahead)
