"""Due dates in every form."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from money.terms import TermsKind, due_date


@pytest.mark.parametrize(
    ("kind", "value", "invoice_date", "due"),
    [
        ("days_after", 0, date(2025, 2, 1), date(2025, 2, 1)),
        ("days_after", 30, date(2025, 1, 31), date(2025, 3, 2)),
        ("day_of_month", 15, date(2025, 2, 1), date(2025, 2, 15)),
        ("day_of_month", 15, date(2025, 2, 15), date(2025, 3, 15)),
        ("day_of_month", 31, date(2025, 2, 1), date(2025, 2, 28)),
        ("day_of_month", 31, date(2025, 2, 28), date(2025, 3, 31)),
        ("day_of_month", 30, date(2024, 1, 31), date(2024, 2, 29)),
        ("day_of_month", 1, date(2025, 12, 31), date(2026, 1, 1)),
        ("days_before_month_end", -1, date(2025, 2, 1), date(2025, 2, 28)),
        ("days_before_month_end", -1, date(2025, 2, 28), date(2025, 3, 31)),
        ("days_before_month_end", -2, date(2025, 2, 1), date(2025, 2, 27)),
        ("days_before_month_end", -28, date(2025, 2, 1), date(2025, 3, 4)),
        ("days_before_month_end", -28, date(2025, 1, 31), date(2025, 2, 1)),
    ],
)
def test_an_invoice_is_due(kind: TermsKind, value: int, invoice_date: date, due: date) -> None:
    """C6, Z15: N days after, a fixed day, or a day counted from the month's end."""
    assert due_date(kind, value, invoice_date) == due


@given(
    st.sampled_from(["day_of_month", "days_before_month_end"]),
    st.integers(1, 28),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
)
def test_the_next_such_day_is_after_the_invoice_date_and_within_two_months(
    kind: TermsKind, value: int, day: date
) -> None:
    """C6: the next such day after the invoice date."""
    due = due_date(kind, value if kind == "day_of_month" else -value, day)
    assert 0 < (due - day).days <= 62


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("days_after", -1),
        ("day_of_month", 0),
        ("day_of_month", 32),
        ("days_before_month_end", -29),
        ("days_before_month_end", 0),
        ("never", 1),
    ],
)
def test_terms_that_no_calendar_keeps_are_refused(kind: str, value: int) -> None:
    """Z15: negative days go from -1 to -28."""
    with pytest.raises(ValueError, match="payment terms"):
        due_date(kind, value, date(2025, 1, 1))  # type: ignore[arg-type]
