"""What calls cost, as columns: every figure beside the same in fractions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.domain.calls import MISSING
from rating.domain.charging import LARGEST, Rating, charge_by_markup, charge_by_rate, place_of


@dataclass(frozen=True)
class Case:
    """A call and its rate; money in micro-pounds."""

    used: int
    price: int
    connection: int = 0
    initial: int = 1
    step: int = 1
    minimum: int = 0
    maximum: int | None = None
    free: int = 0
    divisor: int = 60
    places: int = 4


def columns(cases: list[Case]) -> Rating:
    """Cases as columns."""

    def column(name: str) -> np.ndarray:
        values = (getattr(each, name) for each in cases)
        return np.array([MISSING if value is None else value for value in values], dtype=np.int64)

    names = ("used", "price", "connection", "initial", "step", "minimum", "maximum", "free", "divisor")
    return Rating(**{name: column(name) for name in names}, place=place_of(column("places")))


def slowly(case: Case) -> tuple[int, int]:
    """SPEC R6, Z1, word by word."""
    if case.used < case.free:
        return 0, 0
    billed = case.initial
    if case.used > case.initial:
        billed += ceil(Fraction(case.used - case.initial, case.step)) * case.step
    charge = max(case.connection + Fraction(case.price * billed, case.divisor), Fraction(case.minimum))
    if case.maximum is not None:
        charge = min(charge, Fraction(case.maximum))
    place = 10 ** (6 - case.places)
    return floor(charge / place + Fraction(1, 2)) * place, billed


TABLE = [
    (Case(77, 100_000), (128_300, 77)),  # 7.7 x 10p / 6 = 12.83p
    (Case(77, 100_000, initial=60, step=60), (200_000, 120)),
    (Case(30, 100_000, initial=30, step=6), (50_000, 30)),
    (Case(31, 100_000, initial=30, step=6), (60_000, 36)),
    (Case(1, 100_000, minimum=50_000), (50_000, 1)),
    (Case(3_600, 100_000, maximum=700_000), (700_000, 3_600)),
    (Case(1, 100_000, connection=30_000, minimum=20_000), (31_700, 1)),
    (Case(9, 100_000, free=10, connection=30_000), (0, 0)),
    (Case(10, 100_000, free=10, connection=30_000), (46_700, 10)),
    (Case(1, 3_000, places=4), (100, 1)),  # 50 micro-pounds are half of a hundredth of a penny: up
    (Case(3, 40_000, divisor=1), (120_000, 3)),  # three messages
    (Case(2_500_000, 10_000, divisor=1_000_000, initial=1_000_000, step=1_000_000), (30_000, 3_000_000)),
]


@pytest.mark.parametrize(("case", "expected"), TABLE)
def test_a_rate_gives_the_charge_worked_out_by_hand(case: Case, expected: tuple[int, int]) -> None:
    """R6, Z1, Z18: increments, connection, minimum, maximum, free-below; rounded once, half up."""
    charge, billed, fits = charge_by_rate(columns([case]))
    assert (charge[0], billed[0]) == expected == slowly(case)
    assert fits.all()


AMOUNT = st.integers(0, 10**9) | st.integers(0, 2**53)
CASES = st.builds(
    Case,
    used=st.integers(0, 10_000) | st.integers(0, 2**53),
    price=AMOUNT,
    connection=AMOUNT,
    initial=st.integers(1, 10_000) | st.integers(1, 2**53),
    step=st.integers(1, 10_000) | st.integers(1, 2**53),
    minimum=AMOUNT,
    maximum=st.none() | AMOUNT,
    free=st.integers(0, 100),
    divisor=st.sampled_from([60, 1, 1_000_000, 1_048_576]),
    places=st.integers(0, 6),
)


@given(st.lists(CASES, min_size=1, max_size=20))
def test_columns_give_what_fractions_give_however_large(cases: list[Case]) -> None:
    """R6, Z1: to the last micro-pound; what does not fit 64 bits is said, never wrapped."""
    charge, billed, fits = charge_by_rate(columns(cases))
    for index, case in enumerate(cases):
        expected = slowly(case)
        assert fits[index] == (max(expected) <= LARGEST)
        if fits[index]:
            assert (charge[index], billed[index]) == expected


@given(
    st.lists(
        st.tuples(st.integers(-(10**15), 10**15), st.integers(-100 * 10**6, 10**10), st.integers(0, 6)), min_size=1
    )
)
def test_a_markup_is_exact_however_large_and_rounds_away_from_zero(cases: list[tuple[int, int, int]]) -> None:
    """R5 (2), Z1, Z17: a percentage on the cost, rounded once."""
    cost, markup, places = (np.array(column, dtype=np.int64) for column in zip(*cases, strict=True))
    charge, fits = charge_by_markup(cost, markup, place_of(places))
    for index, (each_cost, each_markup, each_places) in enumerate(cases):
        place = 10 ** (6 - each_places)
        exact = Fraction(each_cost) * (100 * 10**6 + each_markup) / (100 * 10**6) / place
        steps = floor(abs(exact) + Fraction(1, 2))
        assert fits[index]
        assert charge[index] == (steps if exact >= 0 else -steps) * place


@given(CASES.filter(lambda case: case.maximum is None), st.integers(1, 10_000))
def test_a_longer_call_never_costs_less(case: Case, longer: int) -> None:
    """B8: where the tariff is monotone."""
    more = Case(**{**{name: getattr(case, name) for name in case.__dataclass_fields__}, "used": case.used + longer})
    charge, _, fits = charge_by_rate(columns([case, more]))
    if fits.all() and case.used >= case.free:
        assert charge[0] <= charge[1]
