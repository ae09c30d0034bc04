"""What a call costs by a rate or by a markup: exact integers, rounded once (SPEC R6, Z1, Z17, Z18)."""

from __future__ import annotations

from decimal import Decimal

from rating.domain.tariffs import Rate

MICRO_PLACES = 6
SECONDS_PER_MINUTE = 60


def billed_units(used: int, initial: int, step: int) -> int:
    """SPEC R6: `initial` if no more was used, else `initial` and whole steps beyond it."""
    if used <= initial:
        return initial
    return initial + -(-(used - initial) // step) * step


def charge_by_rate(rate: Rate, used: int, divisor: int, places: int) -> tuple[int, int]:
    """SPEC R6: connection + price x billed / divisor, raised to the minimum, cut at the maximum, rounded once, last.

    Args:
        used: seconds of voice, messages, or bytes.
        divisor: how many of them the price is for: 60, 1, or a megabyte's bytes.
        places: decimal places of a pound that the charge is rounded to.

    Returns: the charge in micro-pounds, and what was billed (0 for a free call).
    """
    if used < rate.free:
        return 0, 0
    billed = billed_units(used, rate.initial, rate.step)
    charge = max(rate.connection * divisor + rate.price * billed, rate.minimum * divisor)
    if rate.maximum is not None:
        charge = min(charge, rate.maximum * divisor)
    return rounded(charge, divisor, places), billed


def charge_by_markup(cost_micro: int, percent: Decimal, places: int) -> int:
    """SPEC R5 (2), Z17: the cost and a percentage of it, in micro-pounds, rounded once."""
    numerator, denominator = (percent + 100).as_integer_ratio()
    return rounded(cost_micro * numerator, denominator * 100, places)


def rounded(numerator: int, denominator: int, places: int) -> int:
    """SPEC Z1: numerator / denominator micro-pounds, half away from zero, to so many places of a pound."""
    place: int = 10 ** (MICRO_PLACES - places)
    unit = denominator * place
    steps = (2 * abs(numerator) + unit) // (2 * unit)
    return (-steps if numerator < 0 else steps) * place
