"""What calls cost by a rate or by a markup: whole numbers, rounded once, last (SPEC R6, Z1, Z17, Z18).

Columns in, columns out. The same lines serve int64 columns and columns of Python's integers of any size (dtype
object): what might not fit 64 bits is worked out with the latter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rating.domain.calls import MISSING, Int

MICRO_PLACES = 6
SECONDS_PER_MINUTE = 60
PERCENT_MILLIONTHS = 10**6
WHOLE = 100 * PERCENT_MILLIONTHS
"""100 % in millionths of a percent."""
LARGEST = 2**63 - 1
"""What a stored column holds; what would be more is held, never wrapped."""
_SAFE = 2**59
Column = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Rating:
    """The columns of the rates that answered, beside what was used (SPEC R6).

    Money is micro-pounds; `price` is for `divisor` of what is used: 60 seconds, one message, or a megabyte's bytes.
    `maximum` is MISSING where there is none. `place` is the least amount that a charge is a multiple of.
    """

    used: Column
    price: Column
    connection: Column
    initial: Column
    step: Column
    minimum: Column
    maximum: Column
    free: Column
    divisor: Column
    place: Column

    def __getitem__(self, rows: Any) -> Rating:
        return Rating(*(getattr(self, name)[rows] for name in self.__slots__))

    def exact(self) -> Rating:
        """The same in Python's integers."""
        return Rating(*(getattr(self, name).astype(object) for name in self.__slots__))


def charge_by_rate(rating: Rating) -> tuple[Int, Int, NDArray[np.bool_]]:
    """SPEC R6: connection + price x billed / divisor, raised to the minimum, cut at the maximum, rounded once, last.

    Returns: the charge in micro-pounds, what was billed (0 for a free call), and whether both fit 64 bits; they are
    MISSING where not.
    """
    charge, billed = _by_rate(rating)
    fits = np.ones(len(charge), dtype=bool)
    large = np.flatnonzero(_may_overflow(rating))
    if large.size:
        exact_charge, exact_billed = _by_rate(rating[large].exact())
        fits[large] = (exact_charge <= LARGEST) & (exact_billed <= LARGEST)
        charge[large] = np.where(fits[large], exact_charge, MISSING)
        billed[large] = np.where(fits[large], exact_billed, MISSING)
    return charge, billed, fits


def _by_rate(rating: Rating) -> tuple[Column, Column]:
    billed = billed_units(rating.used, rating.initial, rating.step)
    scaled = np.maximum(rating.connection * rating.divisor + rating.price * billed, rating.minimum * rating.divisor)
    capped = np.minimum(scaled, rating.maximum * rating.divisor)
    scaled = np.where(rating.maximum == MISSING, scaled, capped)
    is_free = rating.used < rating.free
    return np.where(is_free, 0, rounded(scaled, rating.divisor, rating.place)), np.where(is_free, 0, billed)


def _may_overflow(rating: Rating) -> NDArray[np.bool_]:
    """Whether a product on the way might pass 64 bits: asked by dividing, which cannot."""
    used, initial, step = (np.minimum(each, _SAFE) for each in (rating.used, rating.initial, rating.step))
    units = used // 4 + initial // 4 + step // 4 + 1  # a quarter of them at most, so that the sum fits
    most = np.maximum(np.maximum(rating.connection, rating.minimum), rating.maximum)
    large: NDArray[np.bool_] = (rating.price > _SAFE // 4 // units) | (most > _SAFE // rating.divisor)
    return large


def billed_units(used: Column, initial: Column, step: Column) -> Column:
    """SPEC R6: `initial` if no more was used, else `initial` and whole steps beyond it."""
    beyond = np.maximum(used - initial, 0)
    billed: Column = initial + -(-beyond // step) * step
    return billed


def charge_by_markup(cost: Int, markup: Int, place: Int) -> tuple[Int, NDArray[np.bool_]]:
    """SPEC R5 (2), Z17: the cost and a percentage of it, rounded once.

    Args:
        cost: micro-pounds.
        markup: millionths of a percent.

    Returns: the charge in micro-pounds, and whether it fits 64 bits; it is MISSING where not.
    """
    charge = _by_markup(cost, markup, place)
    fits = np.ones(len(charge), dtype=bool)
    large = np.flatnonzero(np.abs(cost) > _SAFE // (np.abs(markup) + WHOLE))
    if large.size:
        exact = _by_markup(cost[large].astype(object), markup[large].astype(object), place[large].astype(object))
        fits[large] = np.abs(exact) <= LARGEST
        charge[large] = np.where(fits[large], exact, MISSING)
    return charge, fits


def _by_markup(cost: Column, markup: Column, place: Column) -> Column:
    return rounded(cost * (markup + WHOLE), WHOLE, place)


def rounded(numerator: Column, denominator: Column | int, place: Column) -> Column:
    """SPEC Z1: numerator / denominator micro-pounds, half away from zero, to whole multiples of `place`."""
    unit = denominator * place
    steps = (2 * np.abs(numerator) + unit) // (2 * unit)
    result: Column = np.where(numerator < 0, -steps, steps) * place
    return result


def place_of(places: Int) -> Int:
    """The least amount, in micro-pounds, of a charge that is rounded to so many places of a pound."""
    return np.asarray(10, dtype=np.int64) ** (MICRO_PLACES - places)
