"""Prices of standard features: a version holds from its day until the next one's (SPEC C9, C12)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from contracts.reference import StandardCharge, StandardFeature
from customers.domain.rules import RuleBroken

EVER = date.min
"""The first day of a price that holds since ever."""
EARLIEST, LATEST = date(1990, 1, 1), date(2199, 12, 31)
StandardCharges = tuple[StandardCharge, ...]


@dataclass(frozen=True)
class Price:
    """What a standard feature costs from a day on: all of its charges. `increase_id` is the increase that made it."""

    code: str
    valid_from: date
    charges: StandardCharges
    increase_id: int | None = None


def price_on(prices: Sequence[Price], day: date) -> StandardCharges:
    """The charges that hold on a day: those of the latest version that has begun; before all of them, the first's.

    Args:
        prices: at least one, of one standard feature, in any order.
        day: a local date.
    """
    begun = [price for price in prices if price.valid_from <= day]
    return max(begun, key=_from).charges if begun else min(prices, key=_from).charges


def prices_of(code: str, feature: StandardFeature, versions: Iterable[Price]) -> tuple[Price, ...]:
    """A standard feature's prices, the oldest first: its versions, or where it has none its charges since ever."""
    own = sorted((price for price in versions if price.code == code), key=_from)
    return tuple(own) or (Price(code, EVER, feature.charges),)


def first_day(prices: Sequence[Price], wanted: date | None, today: date) -> date:
    """The day from which an edit holds whose day is not said: today; since ever where there was no price at all yet."""
    if wanted is not None:
        return wanted
    unpriced = not any(price.charges for price in prices)
    return EVER if unpriced else today


def with_price(prices: Sequence[Price], new: Price) -> tuple[Price, ...]:
    """The versions with one more, the oldest first; it takes the place of one that begins on the same day."""
    others = [price for price in prices if price.valid_from != new.valid_from]
    return tuple(sorted([*others, new], key=_from))


def without_price(prices: Sequence[Price], day: date, today: date) -> tuple[Price, ...]:
    """The versions without the one that begins on a day that lies ahead.

    Raises:
        RuleBroken: its day has come, or an increase made it.
    """
    if day <= today:
        message = f"the price from {day} holds already: give another one, from the day on which it is to end"
        raise RuleBroken("valid_from", message)
    gone = next(price for price in prices if price.valid_from == day)
    if gone.increase_id is not None:
        raise RuleBroken("valid_from", f"increase {gone.increase_id} made the price from {day}: cancel that")
    return tuple(price for price in prices if price.valid_from != day)


def check_day(day: date, field: str) -> date:
    """Raises RuleBroken where a day lies so far away that it must be a slip."""
    if not EARLIEST <= day <= LATEST:
        raise RuleBroken(field, f"{day} is out of range: give a day from {EARLIEST} to {LATEST}")
    return day


def _from(price: Price) -> date:
    return price.valid_from
