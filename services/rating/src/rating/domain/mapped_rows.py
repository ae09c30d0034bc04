"""Rows of a supplier's file, read by its mapping (SPEC R1, R2, Z17, Z18, Z21).

A file has millions of them, so a row's cells are taken out together, and texts that come again are looked at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from contracts.cdrs import ServiceType
from rating.domain.local_times import LocalTimes
from rating.domain.mapping import BadCellError, CallType, CdrMapping

Cdr = dict[str, Any]
"""The JSON fields of a `CdrReceived`, without `source` and `origin`."""
LONGEST_RECORD_ID = 255
LONGEST_NUMBER = 64
LONGEST_CLASS = 64
_VOLUME_FACTORS = {"bytes": 1, "kilobytes": 1_000, "megabytes": 1_000_000}
_COSTS = ("suggested_retail_price", "cdr_cost", "carrier_cost")
_PENCE_PLACES = 2
_COSTS_KEPT = 50_000
_LONGEST_KEPT = 32
_DECIMAL = re.compile(r"(?:\d{1,15}(?:\.\d{0,12})?|\.\d{1,12})", re.ASCII)
_AMOUNT = re.compile(rf"-?{_DECIMAL.pattern}", re.ASCII)
_CLOCK = re.compile(r"(\d{1,5}):([0-5]\d):([0-5]\d)", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a row is no CDR, with what could be read of it; `field` is the column."""

    reason: str
    field: str | None
    detail: str
    record_id: str = ""
    charged_number: str = ""


class _Told(NamedTuple):
    """The cells that a mapping names, trimmed; empty where it has no such column."""

    call_type: str
    charged_number: str
    other_party: str
    date: str
    time: str
    duration: str
    volume: str
    units: str
    call_class: str
    currency: str
    suggested_retail_price: str
    cdr_cost: str
    carrier_cost: str


class RowReader:
    """A mapping made ready to read many rows."""

    def __init__(self, mapping: CdrMapping) -> None:
        self.mapping = mapping
        self._columns = mapping.columns
        self._width = len(mapping.header)
        place = {name: number for number, name in enumerate(mapping.header)}
        named = mapping.columns.model_dump()
        # A column that the mapping does not name is the empty cell that is put behind each row.
        self._pick = itemgetter(*(place.get(named[field], self._width) for field in _Told._fields))
        self._record_id = [place[name] for name in mapping.columns.record_id]
        self._times = LocalTimes(mapping)
        self._costs = {field: _cost_reader(mapping, field in mapping.empty_when_zero) for field in _COSTS}

    def read(self, cells: list[str]) -> Cdr | Unreadable:
        """A row as the fields of a CdrReceived, or why it cannot be read."""
        if len(cells) != self._width:
            return Unreadable("wrong_columns", None, f"{len(cells)} columns, the mapping has {self._width}")
        told = _Told._make(map(str.strip, self._pick([*cells, ""])))
        record_id = self._id(cells)
        try:
            return self._cdr(told, record_id)
        except BadCellError as bad:
            reason, column, detail = bad.args
            return Unreadable(
                reason, column, detail, record_id[:LONGEST_RECORD_ID], told.charged_number[:LONGEST_NUMBER]
            )

    def _cdr(self, told: _Told, record_id: str) -> Cdr:
        kind = self._kind(told.call_type)
        self._check_id(record_id)
        self._check_number(told.charged_number)
        columns = self._columns
        cdr: Cdr = {
            "record_id": record_id,
            "charged_number": told.charged_number,
            "other_party": told.other_party[:LONGEST_NUMBER],
            "direction": kind.direction,
            "service_type": kind.service_type,
            "start": self._times.instant(told.date, told.time, columns.date, columns.time),
        }
        self._add_usage(cdr, kind.service_type, told)
        self._add_costs(cdr, told)
        if told.call_class:
            cdr["call_class"] = told.call_class[:LONGEST_CLASS]
        return cdr

    def _kind(self, text: str) -> CallType:
        kind = self.mapping.call_types.get(text)
        if kind is None:
            known = ", ".join(self.mapping.call_types)
            raise BadCellError("bad_call_type", self._columns.call_type, f"'{text[:20]}' is none of {known}")
        return kind

    def _id(self, cells: Sequence[str]) -> str:
        parts = [cells[place].strip() for place in self._record_id]
        return "/".join(parts) if all(parts) else ""

    def _check_id(self, record_id: str) -> None:
        column = self._columns.record_id[0]
        if not record_id:
            raise BadCellError("missing_record_id", column, "a record without an id cannot be charged once only")
        if len(record_id) > LONGEST_RECORD_ID:
            raise BadCellError("bad_record_id", column, f"longer than {LONGEST_RECORD_ID} characters")

    def _check_number(self, number: str) -> None:
        column = self._columns.charged_number
        if not number:
            raise BadCellError("missing_charged_number", column, "there is no number to charge")
        if len(number) > LONGEST_NUMBER:
            raise BadCellError("bad_charged_number", column, f"longer than {LONGEST_NUMBER} characters")

    def _add_usage(self, cdr: Cdr, service_type: ServiceType, told: _Told) -> None:
        if service_type == "voice":
            cdr["duration_seconds"] = self._seconds(told.duration)
            return
        if told.duration:
            self._seconds(told.duration)
        if service_type == "data":
            cdr["volume_bytes"] = self._bytes(told.volume)
        else:
            cdr["units"] = self._units(told.units)

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
        raise BadCellError("bad_duration", self._columns.duration, f"'{text[:40]}' is not a duration in {unit}")

    def _bytes(self, text: str) -> int:
        unit = self.mapping.volume_unit
        if text.isascii() and text.isdigit() and len(text) <= 15 and unit == "bytes":
            return int(text)
        if _DECIMAL.fullmatch(text) and unit != "bytes":
            return int((Decimal(text) * _VOLUME_FACTORS[unit]).to_integral_value(ROUND_CEILING))
        raise BadCellError("bad_volume", self._columns.volume, f"'{text[:40]}' is not a number of {unit}")

    def _units(self, text: str) -> int:
        if not text:
            return 1
        if text.isascii() and text.isdigit() and len(text) <= 9:
            return int(text)
        raise BadCellError("bad_units", self._columns.units, f"'{text[:40]}' is not a number of messages")

    def _add_costs(self, cdr: Cdr, told: _Told) -> None:
        """SPEC Z17: absent or empty is missing, 0 is a cost unless the mapping says otherwise."""
        currency = told.currency or self.mapping.default_currency
        if not _CURRENCY.fullmatch(currency):
            raise BadCellError("bad_currency", self._columns.currency, f"'{currency[:20]}' is no ISO 4217 code")
        cdr["currency"] = currency
        for field, read in self._costs.items():
            text = getattr(told, field)
            if text and (cost := self._cost(read, text, field)) is not None:
                cdr[field] = cost

    def _cost(self, read: Callable[[str], str | None], text: str, field: str) -> str | None:
        try:
            return read(text)
        except ValueError:
            column, unit = getattr(self._columns, field), self.mapping.cost_unit
            raise BadCellError("bad_cost", column, f"'{text[:40]}' is not an amount in {unit}, like 0.0125") from None


def _cost_reader(mapping: CdrMapping, empty_when_zero: bool) -> Callable[[str], str | None]:
    """Reads an amount as pounds, None where it counts as empty; ValueError where it is none."""

    def read(text: str) -> str | None:
        if not _AMOUNT.fullmatch(text):
            raise ValueError(text)
        if empty_when_zero and Decimal(text) == 0:
            return None
        if mapping.cost_unit == "pounds" and text[-1] != "." and text[0].isdigit():
            return text
        return format(Decimal(text).scaleb(-_PENCE_PLACES if mapping.cost_unit == "pence" else 0), "f")

    kept = lru_cache(maxsize=_COSTS_KEPT)(read)
    return lambda text: kept(text) if len(text) <= _LONGEST_KEPT else read(text)
