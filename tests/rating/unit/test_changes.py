"""From which day on a change makes a call another's."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.domain.changes import Held, day_of_change, day_of_status_change


def day(number: int) -> date:
    """A day of January 2026."""
    return date(2026, 1, number)


def held(start: int, end: int | None = None, customer_id: int = 1, number: str = "442079460001") -> Held:
    """Who holds a number in January."""
    return Held(number, customer_id, day(start), None if end is None else day(end))


TABLE = [
    (held(1), held(1), None),
    (held(1), held(1, 10), day(11)),
    (held(1, 10), held(1), day(11)),
    (held(1, 10), held(1, 20), day(11)),
    (held(1, 20), held(1, 10), day(11)),
    (held(5), held(3), day(3)),
    (held(3), held(5), day(3)),
    (None, held(5), day(5)),
    (held(5, 9), None, day(5)),
    (held(5), held(8, customer_id=2), day(5)),
    (None, None, None),
]


@pytest.mark.parametrize(("before", "after", "expected"), TABLE)
def test_a_change_of_hands_concerns_calls_from_the_first_day_that_differs(
    before: Held | None, after: Held | None, expected: date | None
) -> None:
    """R3: numbers that change holder; calls before that day stay where they are."""
    assert day_of_change(before, after) == expected


STATUSES = st.sampled_from(["active", "dropped", "final_bill"])
HISTORY = st.lists(st.tuples(st.integers(1, 28).map(day), STATUSES), min_size=1)


@given(HISTORY, HISTORY)
def test_a_change_of_status_concerns_calls_from_the_first_day_that_differs(
    before: list[tuple[date, str]], after: list[tuple[date, str]]
) -> None:
    """Z7: the status of each day, before and after."""
    before, after = sorted(before), sorted(after)
    days = [date(2025, 12, 31) + timedelta(days=offset) for offset in range(40)]
    differing = [each for each in days if status_on(before, each) != status_on(after, each)]
    found = day_of_status_change(before, after)
    assert (found is None) == (not differing)
    if found is not None:
        assert max(found, days[0]) == differing[0]


def status_on(history: list[tuple[date, str]], on: date) -> str:
    """C8: the last entry that has begun, else the first."""
    begun = [status for begins, status in history if begins <= on]
    return begun[-1] if begun else history[0][1]
