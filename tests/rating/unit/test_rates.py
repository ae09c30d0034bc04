"""What a call costs by a rate or a markup: tables in, micro-pounds out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rating.support.plain import charge_by_markup, charge_by_rate
from tests.support.reference import pricing as reference

from rating.domain.charging import billed_units, rounded
from rating.domain.tariffs import Rate

MINUTE = 60
TWELVE_PENCE = Rate(price=120_000)


@pytest.mark.parametrize(
    ("used", "initial", "step", "billed"),
    [
        (1, 1, 1, 1),
        (61, 1, 1, 61),
        (1, 60, 60, 60),
        (60, 60, 60, 60),
        (61, 60, 60, 120),
        (120, 60, 60, 120),
        (121, 60, 60, 180),
        (29, 30, 6, 30),
        (31, 30, 6, 36),
        (36, 30, 6, 36),
        (37, 30, 6, 42),
    ],
)
def test_seconds_are_billed_in_the_rates_increments(used: int, initial: int, step: int, billed: int) -> None:
    """R6: initial if duration <= initial, else initial + ceil((duration - initial) / step) x step."""
    columns = (np.array([each]) for each in (used, initial, step))
    assert billed_units(*columns).tolist() == [billed]


@pytest.mark.parametrize(
    ("changes", "used", "charge_micro", "billed"),
    [
        ({}, 60, 120_000, 60),
        ({}, 61, 122_000, 61),
        ({"initial": 60, "step": 60}, 61, 240_000, 120),
        ({"connection": 50_000}, 60, 170_000, 60),
        ({"minimum": 300_000}, 60, 300_000, 60),
        ({"minimum": 100_000}, 60, 120_000, 60),
        ({"maximum": 100_000}, 3_600, 100_000, 3_600),
        ({"minimum": 300_000, "maximum": 200_000}, 1, 200_000, 1),
        ({"maximum": 0}, 60, 0, 60),
        ({"free": 10, "connection": 50_000, "minimum": 70_000}, 9, 0, 0),
        ({"free": 10}, 10, 20_000, 10),
        ({"free": 10}, 70, 140_000, 70),
        ({"price": 0}, 60, 0, 60),
    ],
)
def test_a_charge_is_connection_and_price_raised_to_the_minimum_and_cut_at_the_maximum(
    changes: dict[str, int], used: int, charge_micro: int, billed: int
) -> None:
    """R6, Z18, B8: free-below calls are free and bill no seconds; the whole of a longer call is charged."""
    assert charge_by_rate(replace(TWELVE_PENCE, **changes), used, MINUTE, 4) == (charge_micro, billed)


@pytest.mark.parametrize(
    ("price", "used", "places", "charge_micro"),
    [
        (10_000, 1, 4, 200),  # 0.0001666… of a pound
        (30_000, 3, 4, 1_500),
        (31_000, 1, 4, 500),  # 0.000516…
        (33_000, 1, 4, 600),  # 0.00055: the half goes up
        (33_000, 1, 2, 0),
        (300_000, 1, 2, 10_000),  # half a penny
        (299_999, 1, 2, 0),
        (1, 30, 6, 1),
        (1, 29, 6, 0),
        (500_000, 2, 0, 0),
        (15_000_000, 2, 0, 1_000_000),
    ],
)
def test_a_charge_is_rounded_once_half_up_to_the_tariffs_places(
    price: int, used: int, places: int, charge_micro: int
) -> None:
    """R6, Z1: rounded once, last."""
    assert charge_by_rate(Rate(price=price), used, MINUTE, places)[0] == charge_micro


def test_halves_go_away_from_zero_so_that_a_refund_mirrors_its_charge() -> None:
    """Z1: half up means away from zero, and zero has no sign."""
    assert rounded(np.array([50, -50, 49, -49]), 1, np.array([100])).tolist() == [100, -100, 0, 0]


def test_messages_are_priced_per_unit_and_data_per_megabyte_in_increments_of_bytes() -> None:
    """R6, Z18: the same arithmetic with units and bytes; a megabyte is what the tariff says."""
    assert charge_by_rate(Rate(price=45_000), 3, 1, 4) == (135_000, 3)
    per_kilobyte = Rate(price=2_000_000, initial=1_000, step=1_000)
    assert charge_by_rate(per_kilobyte, 1_500_001, 1_000_000, 4) == (3_002_000, 1_501_000)
    assert charge_by_rate(Rate(price=1_048_576), 1_048_576, 1_048_576, 4) == (1_048_600, 1_048_576)


def test_no_charge_wraps_however_large() -> None:
    """R6: 40 GB at 300 pounds a megabyte is 12 million pounds; what no column holds is said."""
    charge, _ = charge_by_rate(Rate(price=300_000_000), 40_000_000_000, 1_000_000, 4)
    assert charge == 12_000_000 * 10**6
    assert charge_by_rate(Rate(price=300_000_000), 2**53, 1_000_000, 4)[0] == 2_702_159_776_422_297_600
    with pytest.raises(OverflowError):
        charge_by_rate(Rate(price=3_000_000_000), 2**53, 1_000_000, 4)


@pytest.mark.parametrize(
    ("cost_micro", "percent", "places", "charge_micro"),
    [
        (12_500, "100", 4, 25_000),
        (12_500, "20", 4, 15_000),
        (10_001, "12.5", 4, 11_300),  # 0.011251…
        (10_040, "12.5", 4, 11_300),  # 0.011295
        (0, "50", 4, 0),
        (12_345, "0", 4, 12_300),
        (-12_350, "0", 4, -12_400),
        (12_345, "-100", 4, 0),
    ],
)
def test_a_markup_is_a_percentage_on_the_cost(cost_micro: int, percent: str, places: int, charge_micro: int) -> None:
    """R5 (2), Z17: rounded as the tariff says."""
    assert charge_by_markup(cost_micro, Decimal(percent), places) == charge_micro


micro = st.integers(0, 5_000_000)
rates = st.builds(
    Rate,
    price=micro,
    connection=micro,
    initial=st.integers(1, 120),
    step=st.integers(1, 120),
    minimum=micro,
    maximum=st.none() | micro,
    free=st.integers(0, 90),
)


@given(rate=rates, used=st.integers(1, 20_000), longer=st.integers(0, 5_000), places=st.integers(0, 6))
def test_a_longer_call_never_costs_less(rate: Rate, used: int, longer: int, places: int) -> None:
    """R6: the charge grows with the duration."""
    assert charge_by_rate(rate, used, MINUTE, places)[0] <= charge_by_rate(rate, used + longer, MINUTE, places)[0]


@given(rate=rates, used=st.integers(1, 10**9), divisor=st.sampled_from([1, 60, 10**6, 2**20]), places=st.integers(0, 6))
def test_charges_equal_the_independent_reference(rate: Rate, used: int, divisor: int, places: int) -> None:
    """R6: integers here, fractions there."""
    pounds = {name: reference.Fraction(getattr(rate, name), 10**6) for name in ("price", "connection", "minimum")}
    maximum = None if rate.maximum is None else reference.Fraction(rate.maximum, 10**6)
    slow = reference.Rate(**pounds, maximum=maximum, initial=rate.initial, step=rate.step, free_below=rate.free)
    charge, billed = charge_by_rate(rate, used, divisor, places)
    assert (Decimal(charge) / 10**6, billed) == reference.charge_by_rate(slow, used, divisor, places)


@given(cost=st.integers(-(10**12), 10**12), percent=st.decimals("-100", "1000", places=4), places=st.integers(0, 6))
def test_markups_equal_the_independent_reference(cost: int, percent: Decimal, places: int) -> None:
    """R5 (2), Z17."""
    expected = reference.charge_by_markup(Decimal(cost).scaleb(-6), percent, places)
    assert Decimal(charge_by_markup(cost, percent, places)) / 10**6 == expected
