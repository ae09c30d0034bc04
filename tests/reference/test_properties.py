"""Whatever the figures are: properties of the reference, and its agreement with libs/money, which it does not share."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from tests.support.reference import bills, charges, days, pricing

from money import dates, periods, rounding, vat

DAYS = st.dates(date(2023, 1, 1), date(2027, 12, 31))
MONTHS = st.integers(1, 24)
PRICES = st.decimals(Decimal("-999.999999"), Decimal("999.999999"), places=6)
AMOUNTS = st.fractions(0, 10, max_denominator=1_000_000)
RATES = st.builds(
    pricing.Rate,
    price=AMOUNTS,
    connection=AMOUNTS,
    initial=st.integers(1, 120),
    step=st.integers(1, 120),
    minimum=AMOUNTS,
    maximum=st.none() | AMOUNTS,
)


@given(RATES, st.integers(1, 100_000), st.integers(0, 1_000))
def test_a_longer_call_never_costs_less(rate: pricing.Rate, seconds: int, more: int) -> None:
    """R6: where nothing is free, the charge grows with the duration."""
    shorter, billed = pricing.charge_by_rate(rate, seconds, 60, 4)
    longer, billed_longer = pricing.charge_by_rate(rate, seconds + more, 60, 4)
    assert shorter <= longer
    assert seconds <= billed <= billed_longer


@given(RATES, st.integers(1, 100_000))
def test_a_charge_lies_between_minimum_and_maximum(rate: pricing.Rate, seconds: int) -> None:
    """R6: the maximum is applied last."""
    charge, _ = pricing.charge_by_rate(rate, seconds, 60, 6)
    if rate.maximum is not None:
        assert charge <= pricing.half_up(rate.maximum, 6)
    else:
        assert charge >= pricing.half_up(rate.minimum, 6)


@given(PRICES, MONTHS, st.decimals(Decimal("0.001"), Decimal(1000), places=3), DAYS, st.integers(0, 800))
def test_a_stretch_costs_what_libs_money_says(
    price: Decimal, months: int, quantity: Decimal, first: date, length: int
) -> None:
    """I1, Z1: two programs that share nothing come to the same penny."""
    last = first + timedelta(days=length)
    charge = charges.Charge("", Fraction(price), Fraction(quantity), first, months=months)
    ours = pricing.pence(charges.exact_price(charge, first, last))
    assert ours == periods.recurring_net(price, months, quantity, first, last)


@given(DAYS, MONTHS, st.booleans(), DAYS, st.none() | st.integers(0, 900))
def test_a_charge_is_settled_to_the_day_that_libs_money_says(
    start: date, months: int, in_advance: bool, bill_to: date, lasting: int | None
) -> None:
    """I2, Z4."""
    end = None if lasting is None else start + timedelta(days=lasting)
    charge = charges.Charge("", Fraction(1), Fraction(1), start, end, months, in_advance)
    theirs = periods.charged_to(start, months, in_advance=in_advance, bill_to=bill_to, end=end)
    assert charges.settled_to(charge, bill_to) == theirs


@given(st.datetimes(min_value=datetime(2023, 1, 1), max_value=datetime(2027, 12, 31)))
def test_a_local_time_is_the_instant_that_libs_money_says(wall: datetime) -> None:
    """Z20, B3: also in the hours that the clock skips and repeats."""
    try:
        theirs = dates.from_local(wall)
    except dates.MissingLocalTime:
        theirs = None
    assert days.instant_of(wall) == theirs


@given(st.fractions(-1_000, 1_000), PRICES)
def test_rounding_and_vat_are_those_of_libs_money(exact: Fraction, net: Decimal) -> None:
    """Z1, Z13."""
    assert str(pricing.pence(exact)) == str(rounding.to_pennies(exact))
    pennies = pricing.pence(net)
    line = bills.Line("recurring", "", pennies, "standard")
    assert bills.vat_of([line], date(2025, 2, 1)) == vat.vat_on(pennies, Decimal(20))
