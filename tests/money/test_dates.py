"""Local days and the two odd hours of the year."""

from datetime import UTC, date, datetime, timedelta

import pytest

from money.dates import LOCAL_ZONE, MissingLocalTime, add_months, from_local, local_date, local_midnight, months_between


def test_the_local_day_is_not_the_utc_day_in_summer() -> None:
    """B2: 23:30 UTC on 30 June is 1 July in London."""
    assert local_date(datetime(2025, 6, 30, 23, 30, tzinfo=UTC)) == date(2025, 7, 1)
    assert local_date(datetime(2025, 1, 31, 23, 30, tzinfo=UTC)) == date(2025, 1, 31)


def test_the_missing_hour_of_march_is_refused_with_its_reason() -> None:
    """Z20, B3: a time in the missing hour of March is rejected."""
    with pytest.raises(MissingLocalTime, match="2025-03-30 01:30:00 did not exist"):
        from_local(datetime(2025, 3, 30, 1, 30))
    assert from_local(datetime(2025, 3, 30, 0, 59, 59)) == datetime(2025, 3, 30, 0, 59, 59, tzinfo=UTC)
    assert from_local(datetime(2025, 3, 30, 2, 0)) == datetime(2025, 3, 30, 1, 0, tzinfo=UTC)


def test_the_repeated_hour_of_october_means_the_first_unless_said_otherwise() -> None:
    """Z20, B3: in the repeated hour of October the first (summer time) is meant."""
    repeated = datetime(2025, 10, 26, 1, 30)
    assert from_local(repeated) == datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
    assert from_local(repeated, second_of_repeated_hour=True) == datetime(2025, 10, 26, 1, 30, tzinfo=UTC)


def test_every_local_day_begins_at_an_instant_of_its_own() -> None:
    """B3: no day of the year is lost or doubled at a clock change."""
    day = date(2025, 1, 1)
    while day.year == 2025:
        assert local_midnight(day).astimezone(LOCAL_ZONE).date() == day
        assert local_date(local_midnight(day) - timedelta(seconds=1)) == day - timedelta(days=1)
        day += timedelta(days=1)


def test_a_naive_instant_and_a_zoned_local_time_are_both_refused() -> None:
    """Dates of charge are local, instants are UTC: neither is guessed."""
    with pytest.raises(ValueError, match="no time zone"):
        local_date(datetime(2025, 1, 1))
    with pytest.raises(ValueError, match="a time zone already"):
        from_local(datetime(2025, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2025, 1, 31), 1, date(2025, 2, 28)),
        (date(2025, 1, 15), -13, date(2023, 12, 15)),
        (date(2025, 12, 1), 1, date(2026, 1, 1)),
    ],
)
def test_months_are_calendar_months(day: date, months: int, expected: date) -> None:
    """I2: periods are calendar months."""
    assert add_months(day, months) == expected
    assert months_between(day, expected) == months
