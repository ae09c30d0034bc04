"""Rounding as SPEC Z1 wants it: half up means away from zero, and zero is never negative."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

PENNY_PLACES = 2


def round_half_up(value: Decimal | Fraction | int, places: int) -> Decimal:
    """Round an exact value once, half away from zero (SPEC Z1).

    Args:
        value: an exact amount; Decimal, Fraction or int, never float.
        places: decimal places to keep, 0 or more.

    Returns:
        A Decimal with exactly that many places; zero is 0, never -0.

    Raises:
        TypeError: the value is a float, which cannot hold money.
        ValueError: the value is not finite, or places is negative.
    """
    if isinstance(value, float):
        raise TypeError("money is never a float: give a Decimal or a Fraction")
    if places < 0:
        raise ValueError(f"cannot round to {places} places")
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"cannot round {value}")
    numerator, denominator = value.as_integer_ratio()
    whole = (2 * abs(numerator) * 10**places + denominator) // (2 * denominator)
    sign = "-" if numerator < 0 and whole > 0 else ""
    return Decimal(f"{sign}{whole}e-{places}")


def to_pennies(value: Decimal | Fraction | int) -> Decimal:
    """Round an exact amount once to the penny, half away from zero (SPEC Z1)."""
    return round_half_up(value, PENNY_PLACES)
