"""Local days of Europe/London, and calendar months. Instants are UTC (SPEC, "Words"; Z20)."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

LOCAL_ZONE = ZoneInfo("Europe/London")


class MissingLocalTime(ValueError):
    """The clock was put forward over this local time: it never was (SPEC Z20)."""


def local_date(instant: datetime) -> date:
    """The day in Europe/London on which an instant falls.

    Raises:
        ValueError: the instant has no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no time zone")
    return instant.astimezone(LOCAL_ZONE).date()


def from_local(local: datetime, *, second_of_repeated_hour: bool = False) -> datetime:
    """Read a local time without zone as Europe/London, and give the instant in UTC (SPEC Z20).

    Args:
        local: a naive datetime.
        second_of_repeated_hour: take winter time in October's repeated hour; the first, summer time, is meant
            unless a mapping says otherwise.

    Raises:
        MissingLocalTime: the time lies in March's missing hour.
        ValueError: the datetime has a zone already.
    """
    if local.tzinfo is not None:
        raise ValueError(f"{local.isoformat()} has a time zone already")
    instant = local.replace(tzinfo=LOCAL_ZONE, fold=int(second_of_repeated_hour)).astimezone(UTC)
    if instant.astimezone(LOCAL_ZONE).replace(tzinfo=None) != local:
        raise MissingLocalTime(f"{local.isoformat(sep=' ')} did not exist in Europe/London: the clock went forward")
    return instant


def local_midnight(day: date) -> datetime:
    """The instant at which a local day begins, in UTC; midnight is never missing or repeated in London."""
    return from_local(datetime(day.year, day.month, day.day))  # noqa: DTZ001 (local on purpose)


def days_in_month(day: date) -> int:
    """How many days the day's month has."""
    return monthrange(day.year, day.month)[1]


def month_start(day: date) -> date:
    """The first day of the day's month."""
    return day.replace(day=1)


def month_end(day: date) -> date:
    """The last day of the day's month."""
    return day.replace(day=days_in_month(day))


def add_months(day: date, months: int) -> date:
    """The same day so many months on (or back), or the last day of a shorter month."""
    index = day.year * 12 + day.month - 1 + months
    first = date(index // 12, index % 12 + 1, 1)
    return first.replace(day=min(day.day, days_in_month(first)))


def months_between(earlier: date, later: date) -> int:
    """Calendar months from one day's month to another's, negative if it lies before."""
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def next_day(day: date) -> date:
    """The day after."""
    return day + timedelta(days=1)


def day_before(day: date) -> date:
    """The day before."""
    return day - timedelta(days=1)
