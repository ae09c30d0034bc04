"""What one call costs: increments, minimum, maximum, free seconds, mark-ups, one rounding (SPEC R6, Z17, Z18)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

ZERO = Fraction(0)
SECONDS_IN_A_MINUTE = 60


def half_up(value: Fraction, places: int) -> Decimal:
    """SPEC Z1: rounded to decimal places, halves away from zero, never minus zero."""
    scaled = abs(value) * 10**places
    steps = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(-steps if value < 0 else steps).scaleb(-places)


def pence(value: Fraction | Decimal) -> Decimal:
    """SPEC Z1: pounds rounded to the penny."""
    return half_up(Fraction(value), 2)


@dataclass(frozen=True, slots=True, eq=False)
class Rate:
    """One row of a tariff (SPEC R6). Prices in pounds: a minute of voice, one SMS, one megabyte of data."""

    price: Fraction
    connection: Fraction = ZERO
    initial: int = 1
    step: int = 1
    minimum: Fraction = ZERO
    maximum: Fraction | None = None
    free_below: int = 0
    band: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    call_class: str | None = None
    prefix: str = ""

    def holds(self, day: date, band: str) -> bool:
        """SPEC Z16: whether it takes part for a call on this local day and in this band."""
        if self.band is not None and self.band != band:
            return False
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


def billed_quantity(used: int, initial: int, step: int) -> int:
    """SPEC R6: `initial` up to that, beyond it whole steps; seconds, messages or bytes."""
    if used <= initial:
        return initial
    return initial + -(-(used - initial) // step) * step


@lru_cache(maxsize=500_000)
def charge_by_rate(rate: Rate, used: int, divisor: int, places: int) -> tuple[Decimal, int]:
    """SPEC R6, Z18: the charge in pounds and the quantity billed.

    Args:
        rate: the rate that answered.
        used: seconds, messages or bytes.
        divisor: how many of them the price is for: 60, 1 or the tariff's megabyte.
        places: decimal places of the tariff's one rounding.
    """
    if used < rate.free_below:
        return half_up(ZERO, places), 0
    billed = billed_quantity(used, rate.initial, rate.step)
    charge = max(rate.connection + rate.price * billed / divisor, rate.minimum)
    if rate.maximum is not None:
        charge = min(charge, rate.maximum)
    return half_up(charge, places), billed


def charge_by_markup(cost: Decimal, percent: Decimal, places: int) -> Decimal:
    """SPEC R5 (2), Z17: the cost plus a percentage of it, in pounds."""
    return half_up(Fraction(cost) * (100 + Fraction(percent)) / 100, places)
