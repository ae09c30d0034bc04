"""Dates and times as suppliers write them, in local time (SPEC Z20)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from money.dates import MissingLocalTime, from_local
from rating.domain.mapping import BadCellError, CdrMapping

_ISO_TIME = "%H:%M:%S"


class LocalTimes:
    """Local dates and times in a mapping's formats, as instants. All but the days of a change are plain text work."""

    def __init__(self, mapping: CdrMapping) -> None:
        self._second = mapping.second_of_repeated_hour
        self._day = lru_cache(maxsize=4_000)(_day_reader(mapping.date_format))
        self._time = lru_cache(maxsize=90_000)(_time_reader(mapping.time_format))

    def instant(self, day_text: str, time_text: str, day_column: str, time_column: str) -> str:
        """The instant in RFC 3339. Raises BadCellError."""
        day = self._day(day_text)
        if day is None:
            raise BadCellError("bad_date", day_column, f"'{day_text[:40]}' is not a date in the mapping's format")
        moment = self._time(time_text)
        if moment is None:
            raise BadCellError("bad_time", time_column, f"'{time_text[:40]}' is not a time in the mapping's format")
        local_day, offset = day
        if offset is not None:
            return f"{local_day}T{moment}{offset}"
        local = datetime.combine(local_day, moment)
        try:
            return from_local(local, second_of_repeated_hour=self._second).isoformat().replace("+00:00", "Z")
        except MissingLocalTime as missing:
            raise BadCellError("missing_local_time", time_column, str(missing)) from None


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

    return iso_time if written == _ISO_TIME else read


def iso_time(text: str) -> time | None:
    """What the reader of `%H:%M:%S` says, in a tenth of its time."""
    try:
        told = time.fromisoformat(text)
    except ValueError:
        return None
    return told if told.isoformat("seconds") == text else None


def _offset(midnight: datetime) -> str | None:
    """`Z` or `+01:00` where it holds from this midnight to the next, None where it changes or is another."""
    begin, end = from_local(midnight), from_local(midnight + timedelta(days=1))
    if end - begin != timedelta(days=1):
        return None
    ahead = midnight - begin.replace(tzinfo=None)
    return {timedelta(0): "Z", timedelta(hours=1): "+01:00"}.get(ahead)
