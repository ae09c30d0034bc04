"""Annual increases: when they are due, and what a profile warns of."""

from __future__ import annotations

from datetime import date

import pytest

from customers.domain.annual import check_window, due_from, last_before, warnings_for
from customers.domain.rules import RuleBroken

LEAP = date(2024, 2, 29)


@pytest.mark.parametrize(
    ("reference", "first", "due", "last"),
    [
        (date(2023, 4, 1), date(2025, 3, 10), date(2025, 4, 1), date(2024, 4, 1)),
        (date(2023, 4, 1), date(2025, 4, 1), date(2025, 4, 1), date(2024, 4, 1)),
        (date(2023, 4, 1), date(2025, 4, 2), date(2026, 4, 1), date(2025, 4, 1)),
        (date(2025, 4, 1), date(2025, 1, 1), date(2025, 4, 1), None),
        (date(2025, 4, 1), date(2020, 1, 1), date(2025, 4, 1), None),
        (LEAP, date(2025, 1, 1), date(2025, 2, 28), LEAP),
        (LEAP, date(2025, 3, 1), date(2026, 2, 28), date(2025, 2, 28)),
        (LEAP, date(2028, 2, 1), date(2028, 2, 29), date(2027, 2, 28)),
        (date(2024, 2, 28), date(2028, 2, 29), date(2029, 2, 28), date(2028, 2, 28)),
    ],
)
def test_an_increase_is_due_on_each_anniversary(reference: date, first: date, due: date, last: date | None) -> None:
    """C12: 29 February falls on the 28th in other years, and on the 29th again in leap years."""
    assert due_from(reference, first) == due
    assert last_before(reference, due) == last


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2025, 4, 2), date(2025, 4, 1)),
        (date(2025, 4, 1), date(2026, 4, 1)),
        (LEAP, date(2025, 2, 28)),
    ],
)
def test_in_a_window_no_increase_is_due_twice(first: date, last: date) -> None:
    """C12"""
    with pytest.raises(RuleBroken) as broken:
        check_window(first, last)
    assert broken.value.field == "to"
    check_window(date(2025, 4, 1), date(2026, 3, 31))


@pytest.mark.parametrize(
    ("profile", "warns"),
    [
        ("cpi", True),
        ("RPI", True),
        ("cpi_plus_3.9", True),
        ("cpih", True),
        ("fixed_amount", False),
        ("none", False),
        ("scpio", False),
        (None, False),
    ],
)
def test_a_profile_tied_to_an_index_warns(profile: str | None, warns: bool) -> None:
    """C12"""
    assert bool(warnings_for(profile)) == warns
    assert all("Ofcom" in warning for warning in warnings_for(profile))
