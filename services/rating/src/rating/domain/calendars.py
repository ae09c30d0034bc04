"""Local days and time bands of instants, by calendars that are data (SPEC R6, Z18, Z20).

A calendar says which hours of which weekdays are peak, which weekdays are weekend, and whose bank holidays count as
weekend. The band is that of a call's start on the wall clock in Europe/London.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import holidays
import numpy as np
from numpy.typing import NDArray

from money.dates import LOCAL_ZONE
from rating.domain.calls import Int

ALL_BANDS, PEAK, OFF_PEAK, WEEKEND = range(4)
BANDS = ("", "peak", "offpeak", "weekend")
EARLIEST_YEAR, LATEST_YEAR = 1990, 2200
MINUTES_A_DAY, MINUTES_AN_HOUR, HOURS_A_DAY, DAYS_A_WEEK = 1_440, 60, 24, 7
MICROS_A_MINUTE = 60_000_000
EPOCH = date(1970, 1, 1)
_FIRST_DAY = (date(EARLIEST_YEAR - 1, 12, 1) - EPOCH).days
_LAST_DAY = (date(LATEST_YEAR + 1, 2, 1) - EPOCH).days
_EPOCH_WEEKDAY = 3
"""1 January 1970 was a Thursday; 0 is Monday."""


@dataclass(frozen=True, slots=True)
class PeakHours:
    """Weekdays (1 is Monday, 7 Sunday) on which the minutes from `first` up to, not including, `end` are peak."""

    days: tuple[int, ...]
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """When it is peak and when weekend. `country` and `subdivision` name bank holidays of the holidays library."""

    code: str
    country: str = "GB"
    subdivision: str | None = "ENG"
    peak: tuple[PeakHours, ...] = (PeakHours((1, 2, 3, 4, 5), 8 * MINUTES_AN_HOUR, 18 * MINUTES_AN_HOUR),)
    weekend: tuple[int, ...] = (6, 7)


ENGLAND_AND_WALES = Calendar("england-and-wales")


class LocalTime:
    """The offset of Europe/London at every hour of UTC; clocks change on the hour."""

    def __init__(self) -> None:
        self._minutes = np.zeros((_LAST_DAY - _FIRST_DAY) * HOURS_A_DAY, dtype=np.int16)
        self._known = np.zeros(LATEST_YEAR + 2, dtype=bool)

    def of(self, started: Int) -> tuple[Int, Int]:
        """The local day, as days since 1970, and the minute of that day.

        Args:
            started: microseconds since 1970 in UTC, of the years 1990 to 2200.
        """
        minutes = started // MICROS_A_MINUTE
        hours = minutes // MINUTES_AN_HOUR
        self._learn(hours)
        local = minutes + self._minutes[hours - _FIRST_DAY * HOURS_A_DAY]
        return local // MINUTES_A_DAY, local % MINUTES_A_DAY

    def _learn(self, hours: Int) -> None:
        for year in years_of(hours // HOURS_A_DAY):
            if not self._known[year]:
                self._learn_year(year)
                self._known[year] = True

    def _learn_year(self, year: int) -> None:
        begin, end = (_clamped(date(each, 1, 1)) for each in (year, year + 1))
        midnight = datetime.combine(EPOCH, datetime.min.time(), UTC) + timedelta(days=begin)
        for day in range(begin, end):
            at = (day - _FIRST_DAY) * HOURS_A_DAY
            self._minutes[at : at + HOURS_A_DAY] = _offsets(midnight + timedelta(days=day - begin))


def _offsets(midnight: datetime) -> Sequence[int]:
    """Minutes that the local time is ahead at each hour of a day of UTC."""
    first, last = _offset(midnight), _offset(midnight + timedelta(hours=HOURS_A_DAY))
    if first == last:
        return [first] * HOURS_A_DAY
    return [_offset(midnight + timedelta(hours=hour)) for hour in range(HOURS_A_DAY)]


def _offset(instant: datetime) -> int:
    ahead = instant.astimezone(LOCAL_ZONE).utcoffset() or timedelta()
    return int(ahead.total_seconds()) // 60


class Bands:
    """The bands of all calendars; a calendar's index is its place in `calendars`."""

    def __init__(self, calendars: Sequence[Calendar] = (ENGLAND_AND_WALES,)) -> None:
        self.calendars = list(calendars)
        self._index = {calendar.code: index for index, calendar in enumerate(calendars)}
        week = [_week_of(calendar) for calendar in calendars]
        self._week: NDArray[np.int8] = np.array(week, dtype=np.int8).reshape(len(week), DAYS_A_WEEK, MINUTES_A_DAY)
        self._holiday = np.zeros((len(week), _LAST_DAY - _FIRST_DAY), dtype=bool)
        self._known = np.zeros(LATEST_YEAR + 2, dtype=bool)

    def index(self, code: str) -> int:
        """The index of a calendar; the first one's where the code is not known."""
        return self._index.get(code, 0)

    def of(self, calendar: Int, day: Int, minute: Int) -> Int:
        """The bands (`BANDS`) of starts at a local day and minute, each by its own calendar."""
        for year in years_of(day):
            if not self._known[year]:
                self._learn_year(year)
                self._known[year] = True
        band = self._week[calendar, (day + _EPOCH_WEEKDAY) % DAYS_A_WEEK, minute]
        return np.where(self._holiday[calendar, day - _FIRST_DAY], WEEKEND, band).astype(np.int64)

    def _learn_year(self, year: int) -> None:
        for index, calendar in enumerate(self.calendars):
            found = holidays.country_holidays(calendar.country, subdiv=calendar.subdivision, years=year)
            for day in found:
                if day.year == year:
                    self._holiday[index, _clamped(day) - _FIRST_DAY] = True


def years_of(days: Int) -> Collection[int]:
    """The years that a column of days since 1970 touches, and those between them."""
    if not len(days):
        return ()
    first, last = (EPOCH + timedelta(days=int(day)) for day in (days.min(), days.max()))
    return range(first.year, last.year + 1)


def _clamped(day: date) -> int:
    return min(max((day - EPOCH).days, _FIRST_DAY), _LAST_DAY)


def _week_of(calendar: Calendar) -> NDArray[np.int8]:
    """The band of each minute of a week without bank holidays; what is weekend is never peak."""
    week = np.full((DAYS_A_WEEK, MINUTES_A_DAY), OFF_PEAK, dtype=np.int8)
    for hours in calendar.peak:
        for weekday in hours.days:
            week[weekday - 1, hours.first : hours.end] = PEAK
    for weekday in calendar.weekend:
        week[weekday - 1] = WEEKEND
    return week


LOCAL_TIME = LocalTime()
"""Offsets do not depend on any data of ours: one table serves all."""


def to_day(days: int) -> date:
    """The date of days since 1970."""
    return EPOCH + timedelta(days=days)
