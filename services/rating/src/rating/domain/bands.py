"""The time band of a call: peak, offpeak or weekend, by the local time of its start (SPEC R6, Z18)."""

from __future__ import annotations

from collections.abc import Container
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import holidays

from money.dates import LOCAL_ZONE

PEAK, OFF_PEAK, WEEKEND = "peak", "offpeak", "weekend"
PEAK_HOURS = range(8, 18)
SATURDAY = 5

BANK_HOLIDAYS: Container[date] = holidays.country_holidays("GB", subdiv="ENG")
"""England and Wales, substitute days included; years are worked out as they are asked for."""

_HOUR = timedelta(hours=1)


def band_of(local_start: datetime) -> str:
    """The band of a call that starts at this time on the wall clock in Europe/London."""
    if local_start.weekday() >= SATURDAY or local_start.date() in BANK_HOLIDAYS:
        return WEEKEND
    return PEAK if local_start.hour in PEAK_HOURS else OFF_PEAK


def day_and_band(started: datetime) -> tuple[date, str]:
    """The local day and the band of an instant.

    Clocks change on the hour, and so do bands: one answer serves all instants of an hour of UTC.
    """
    return _of_hour(started.replace(minute=0, second=0, microsecond=0))


@lru_cache(maxsize=100_000)
def _of_hour(hour: datetime) -> tuple[date, str]:
    local = hour.astimezone(LOCAL_ZONE)
    if local.minute or (hour + _HOUR).astimezone(LOCAL_ZONE).minute:
        raise ValueError(f"{hour.astimezone(UTC)}: this zone's offset is not of whole hours")
    return local.date(), band_of(local)
