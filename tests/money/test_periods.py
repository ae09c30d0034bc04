"""Recurring charges by hand-worked figures, and by a day-by-day sum that shares nothing with the rule."""

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from money.periods import charged_to, period_holding, recurring_exact, recurring_net

D = Decimal
days = st.dates(min_value=date(2023, 1, 1), max_value=date(2027, 12, 31))
prices = st.decimals(min_value=-1000, max_value=1000, places=4)
frequencies = st.sampled_from([1, 2, 3, 6, 12])


@pytest.mark.parametrize(
    ("price", "months", "quantity", "first", "last", "net"),
    [
        ("10.00", 1, "1", date(2025, 1, 1), date(2025, 1, 31), "10.00"),
        ("10.00", 1, "1", date(2025, 1, 15), date(2025, 1, 31), "5.48"),  # 10 x 17/31 = 5.4838...
        ("10.00", 1, "1", date(2025, 1, 15), date(2025, 2, 28), "15.48"),
        ("10.00", 1, "1", date(2024, 2, 1), date(2024, 2, 15), "5.17"),  # leap: 10 x 15/29 = 5.1724...
        ("10.00", 1, "1", date(2025, 2, 1), date(2025, 2, 15), "5.36"),  # 10 x 15/28 = 5.3571...
        ("30.00", 3, "2", date(2025, 1, 1), date(2025, 3, 31), "60.00"),
        ("10.00", 3, "1", date(2025, 1, 1), date(2025, 1, 31), "3.33"),  # P/n is not rounded: a third of 10
        ("10.00", 3, "1", date(2025, 1, 1), date(2025, 2, 28), "6.67"),
        ("100.00", 12, "1", date(2025, 1, 31), date(2025, 2, 1), "0.57"),  # 100/12 x (1/31 + 1/28) = 0.5664...
    ],
)
def test_a_stretch_of_days_costs_what_it_costs_by_hand(
    price: str, months: int, quantity: str, first: date, last: date, net: str
) -> None:
    """I1, Z1: worked out exactly over each calendar month touched, and rounded once."""
    assert recurring_net(D(price), months, D(quantity), first, last) == D(net)


@given(prices, frequencies, days, st.integers(0, 400))
def test_the_sum_over_months_is_the_sum_over_days(price: Decimal, months: int, first: date, length: int) -> None:
    """I1: each day of a month costs its share of that month."""
    by_day = sum(
        (Fraction(price) / months / monthrange(day.year, day.month)[1])
        for day in (first + timedelta(days=offset) for offset in range(length + 1))
    )
    assert recurring_exact(price, months, D(1), first, first + timedelta(days=length)) == by_day


@pytest.mark.parametrize(
    ("start", "months", "in_advance", "bill_to", "end", "expected"),
    [
        # in advance: the end of the period holding the day after the bill-to date
        (date(2025, 1, 10), 1, True, date(2025, 1, 31), None, date(2025, 2, 28)),
        (date(2025, 1, 10), 1, True, date(2025, 1, 30), None, date(2025, 1, 31)),
        (date(2024, 11, 20), 3, True, date(2025, 1, 31), None, date(2025, 4, 30)),
        (date(2024, 11, 20), 3, True, date(2025, 1, 30), None, date(2025, 1, 31)),
        (date(2025, 2, 15), 1, True, date(2025, 1, 31), None, date(2025, 2, 28)),
        (date(2025, 3, 15), 1, True, date(2025, 1, 31), None, None),
        (date(2025, 1, 10), 1, True, date(2025, 1, 31), date(2025, 2, 10), date(2025, 2, 10)),
        # in arrears: the end of the last period that ended by the bill-to date
        (date(2025, 1, 10), 1, False, date(2025, 1, 31), None, date(2025, 1, 31)),
        (date(2025, 1, 10), 1, False, date(2025, 1, 30), None, None),
        (date(2024, 11, 20), 3, False, date(2025, 1, 31), None, date(2025, 1, 31)),
        (date(2024, 12, 20), 3, False, date(2025, 1, 31), None, None),
        (date(2024, 9, 20), 3, False, date(2025, 1, 31), None, date(2024, 11, 30)),
        # the last period ends on the end date, in arrears too
        (date(2024, 12, 20), 3, False, date(2025, 1, 31), date(2025, 1, 17), date(2025, 1, 17)),
        (date(2024, 12, 20), 3, False, date(2025, 1, 31), date(2025, 2, 17), None),
        (date(2024, 9, 20), 3, False, date(2025, 1, 31), date(2024, 10, 5), date(2024, 10, 5)),
    ],
)
def test_billing_to_a_date_settles_a_charge_to(
    start: date, months: int, in_advance: bool, bill_to: date, end: date | None, expected: date | None
) -> None:
    """I2, Z4: hand-worked, in advance and in arrears, with and without an end."""
    assert charged_to(start, months, in_advance=in_advance, bill_to=bill_to, end=end) == expected


@given(days, frequencies, st.booleans(), days, st.integers(0, 100))
def test_a_later_bill_never_settles_to_an_earlier_day(
    start: date, months: int, in_advance: bool, bill_to: date, later: int
) -> None:
    """Z4: only an end date brings charged-to back."""
    first = charged_to(start, months, in_advance=in_advance, bill_to=bill_to)
    second = charged_to(start, months, in_advance=in_advance, bill_to=bill_to + timedelta(days=later))
    assert first is None or (second is not None and second >= first)


@given(days, frequencies, days)
def test_periods_hold_their_day_and_span_n_months(anchor: date, months: int, day: date) -> None:
    """I2: periods are runs of n calendar months counted from the month of the anchor."""
    holding = period_holding(anchor, months, day)
    if holding is None:
        assert (day.year, day.month) < (anchor.year, anchor.month)
        return
    first, last = holding
    assert first <= day <= last
    assert first.day == 1
    assert (last + timedelta(days=1)).day == 1
    assert (first.year * 12 + first.month - anchor.year * 12 - anchor.month) % months == 0


def test_days_that_run_backwards_are_refused() -> None:
    """I1: bounds are inclusive and in order."""
    with pytest.raises(ValueError, match="backwards"):
        recurring_net(D("1.00"), 1, D(1), date(2025, 1, 2), date(2025, 1, 1))
    with pytest.raises(ValueError, match="every 0 months"):
        recurring_net(D("1.00"), 0, D(1), date(2025, 1, 1), date(2025, 1, 2))
