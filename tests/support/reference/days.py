"""Days and times as they are charged: Europe/London, bank holidays of England and Wales, bands and months."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
ONE_DAY = timedelta(days=1)
PEAK, OFF_PEAK, WEEKEND = "peak", "offpeak", "weekend"

_HOLIDAYS_BY_YEAR = {
    2023: "01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26",
    2024: "01-01 03-29 04-01 05-06 05-27 08-26 12-25 12-26",
    2025: "01-01 04-18 04-21 05-05 05-26 08-25 12-25 12-26",
    2026: "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
    2027: "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28",
}
BANK_HOLIDAYS = frozenset(
    date.fromisoformat(f"{year}-{day}") for year, days in _HOLIDAYS_BY_YEAR.items() for day in days.split()
)
"""England and Wales, substitute days included (SPEC Z18)."""


def instant_of(wall: datetime) -> datetime | None:
    """SPEC Z20: the UTC instant of a wall clock time in London.

    In the hour that October repeats the first one is meant. None for a time in the hour that March leaves out.
    """
    instant = wall.replace(tzinfo=LONDON, fold=0).astimezone(UTC)
    return instant if instant.astimezone(LONDON).replace(tzinfo=None) == wall else None


def local(instant: datetime) -> datetime:
    """The London wall clock at an instant."""
    return instant.astimezone(LONDON)


def band_of(start: datetime) -> str:
    """SPEC R6: the time band of a call that starts at this London time."""
    if start.weekday() >= 5 or start.date() in BANK_HOLIDAYS:
        return WEEKEND
    return PEAK if 8 <= start.hour < 18 else OFF_PEAK


def first_of_month(day: date) -> date:
    """The first day of a day's month."""
    return day.replace(day=1)


def month_later(first: date, months: int) -> date:
    """The first of the month so many months after a first of the month."""
    count = first.year * 12 + first.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def last_of_month(day: date) -> date:
    """The last day of a day's month."""
    return month_later(first_of_month(day), 1) - ONE_DAY
