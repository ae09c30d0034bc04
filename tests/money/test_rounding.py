"""Rounding half up, mirrored for refunds, and never -0.00."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from money.rounding import round_half_up, to_pennies
from money.vat import vat_on

exact = st.decimals(min_value=-(10**12), max_value=10**12, places=6)


@pytest.mark.parametrize(
    ("value", "pennies"),
    [
        ("0.005", "0.01"),
        ("-0.005", "-0.01"),
        ("0.0049999", "0.00"),
        ("-0.004", "0.00"),
        ("2.675", "2.68"),
        ("1.115", "1.12"),
        ("-1.115", "-1.12"),
        ("0", "0.00"),
        ("-0", "0.00"),
    ],
)
def test_half_a_penny_goes_away_from_zero(value: str, pennies: str) -> None:
    """Z1: half up means away from zero; zero is 0.00, never -0.00."""
    assert str(to_pennies(Decimal(value))) == pennies


@given(exact)
def test_a_refund_mirrors_its_charge(value: Decimal) -> None:
    """Z1: so that a refund mirrors its charge."""
    assert to_pennies(-value) == -to_pennies(value)
    assert not to_pennies(value).is_signed() or to_pennies(value) < 0


@given(exact, st.integers(0, 6))
def test_rounding_moves_by_half_a_unit_at_most(value: Decimal, places: int) -> None:
    """Z1: rounded once, to the nearest."""
    rounded = round_half_up(value, places)
    assert abs(Fraction(rounded) - Fraction(value)) <= Fraction(1, 2 * 10**places)
    assert rounded.as_tuple().exponent == -places


def test_money_is_never_a_float() -> None:
    """SPEC, Words: money is Decimal, never float."""
    with pytest.raises(TypeError, match="never a float"):
        to_pennies(0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("net", "percent", "vat"),
    [
        ("100.00", "20", "20.00"),
        ("0.12", "20", "0.02"),
        ("0.13", "20", "0.03"),
        ("-0.13", "20", "-0.03"),
        ("10.10", "5", "0.51"),
        ("9.99", "17.5", "1.75"),
    ],
)
def test_vat_is_rounded_half_up_on_the_net_at_one_rate(net: str, percent: str, vat: str) -> None:
    """SPEC, Words: VAT is worked out per VAT rate on the invoice's net at that rate, rounded half up."""
    assert str(vat_on(Decimal(net), Decimal(percent))) == vat


def test_a_negative_percentage_is_refused() -> None:
    """C7: a VAT rate is never negative."""
    with pytest.raises(ValueError, match="-1"):
        vat_on(Decimal("1.00"), Decimal("-1"))
