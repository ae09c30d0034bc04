"""The local day and band of a call, and numbers as digits."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rating.support.plain import day_and_band
from tests.support.reference import days as reference_days
from tests.support.reference.numbers import digits_of

from rating.domain.numbers import normalise


@pytest.mark.parametrize(
    ("instant", "day", "band"),
    [
        ("2025-01-15T07:59:59", "2025-01-15", "offpeak"),
        ("2025-01-15T08:00:00", "2025-01-15", "peak"),
        ("2025-01-15T17:59:59", "2025-01-15", "peak"),
        ("2025-01-15T18:00:00", "2025-01-15", "offpeak"),
        ("2025-07-15T06:59:59", "2025-07-15", "offpeak"),  # summer: 07:59:59 in London
        ("2025-07-15T07:00:00", "2025-07-15", "peak"),
        ("2025-07-15T17:00:00", "2025-07-15", "offpeak"),
        ("2025-01-17T23:59:59", "2025-01-17", "offpeak"),  # Friday night
        ("2025-01-18T00:00:00", "2025-01-18", "weekend"),
        ("2025-01-19T23:59:59", "2025-01-19", "weekend"),
        ("2025-01-20T00:00:00", "2025-01-20", "offpeak"),
        ("2025-07-18T23:00:00", "2025-07-19", "weekend"),  # Friday in UTC, Saturday in London
        ("2025-07-20T23:00:00", "2025-07-21", "offpeak"),  # Sunday in UTC, Monday in London
        ("2025-01-01T12:00:00", "2025-01-01", "weekend"),  # New Year's Day, a Wednesday
        ("2025-04-21T12:00:00", "2025-04-21", "weekend"),  # Easter Monday
        ("2025-08-25T12:00:00", "2025-08-25", "weekend"),
        ("2025-08-04T12:00:00", "2025-08-04", "peak"),  # a bank holiday in Scotland only
        ("2026-12-28T12:00:00", "2026-12-28", "weekend"),  # Boxing Day's substitute
        ("2025-03-30T00:59:59", "2025-03-30", "weekend"),
        ("2025-03-30T01:00:00", "2025-03-30", "weekend"),
        ("2025-03-31T06:59:59", "2025-03-31", "offpeak"),  # the first Monday of summer time: 07:59:59
        ("2025-03-31T07:00:00", "2025-03-31", "peak"),
        ("2025-10-26T23:30:00", "2025-10-26", "weekend"),  # winter again: still Sunday
        ("2025-10-27T07:59:59", "2025-10-27", "offpeak"),
        ("2025-10-27T08:00:00", "2025-10-27", "peak"),
    ],
)
def test_the_band_is_that_of_the_calls_start_in_local_time(instant: str, day: str, band: str) -> None:
    """R6, Z18, B2, B3: peak Monday to Friday 08:00 to 18:00, weekend with bank holidays of England and Wales."""
    started = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert day_and_band(started) == (date.fromisoformat(day), band)


@given(st.datetimes(datetime(2023, 1, 1), datetime(2027, 12, 31)))
def test_days_and_bands_equal_the_independent_reference(instant: datetime) -> None:
    """R6: any instant of five years, to the second."""
    started = instant.replace(tzinfo=UTC)
    local = reference_days.local(started)
    assert day_and_band(started) == (local.date(), reference_days.band_of(local))


def test_every_hour_around_the_clock_changes_is_the_references() -> None:
    """B3: no hour is lost or counted twice."""
    for first in (datetime(2025, 3, 29, tzinfo=UTC), datetime(2025, 10, 25, tzinfo=UTC)):
        for hours in range(72):
            started = first + timedelta(hours=hours, minutes=59, seconds=59)
            local = reference_days.local(started)
            assert day_and_band(started) == (local.date(), reference_days.band_of(local))


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+442079460123", "442079460123"),
        ("020 7946 0123", "442079460123"),
        ("(020) 7946-0123", "442079460123"),
        ("+44 (0)20 7946 0123", "442079460123"),
        ("442079460123", "442079460123"),
        ("00442079460123", "442079460123"),
        ("0033123456789", "33123456789"),
        ("+33123456789", "33123456789"),
        ("07700 900123", "447700900123"),
        ("08081570123", "448081570123"),
        ("100", "44100"),
        ("118500", "44118500"),
        ("116123", "44116123"),
        ("999", "44999"),
        ("", ""),
        ("withheld", ""),
        ("anonymous@example", ""),
        ("+", ""),
        ("٠١٢٣", ""),
    ],
)
def test_numbers_become_the_digits_of_e164(text: str, digits: str) -> None:
    """R3: spellings of one number are one number; UK short codes are 44 and the code."""
    assert normalise(text) == digits


@given(st.text("0123456789+ ()-.", max_size=24))
def test_numbers_equal_the_independent_reference(text: str) -> None:
    """R3: any spelling."""
    assert normalise(text) == digits_of(text)
