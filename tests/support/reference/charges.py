"""One-off and recurring charges: which days a bill charges, and what they come to (SPEC I1, I2, Z4, Z6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from tests.support.reference.days import ONE_DAY, first_of_month, last_of_month, month_later
from tests.support.reference.pricing import pence


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge on a customer, a number or a feature. `months` is None for a one-off; `price` is in pounds for one.

    Its periods are counted from the month of `anchor`, of its start where it has none: one that goes on from an earlier
    charge keeps that one's periods (SPEC Z5, Z8).
    """

    description: str
    price: Fraction
    quantity: Fraction
    start: date
    end: date | None = None
    months: int | None = None
    in_advance: bool = True
    vat_rate: str | None = None
    anchor: date | None = None

    @property
    def counted_from(self) -> date:
        """The day in whose month its first period begins."""
        return self.anchor or self.start


@dataclass(frozen=True, slots=True)
class Settled:
    """A charge on a bill: the days it is for and its net in pounds and pence."""

    charge: Charge
    first: date
    last: date
    net: Decimal


def period_with(start: date, months: int, day: date) -> tuple[date, date] | None:
    """SPEC I2: the period of n calendar months, counted from the month of the start, in which a day lies."""
    first = first_of_month(start)
    if day < first:
        return None
    while month_later(first, months) <= day:
        first = month_later(first, months)
    return first, month_later(first, months) - ONE_DAY


def settled_to(charge: Charge, bill_to: date) -> date | None:
    """SPEC I2, Z4: the last day that a recurring charge is charged to by a bill to this date; None for no day yet."""
    last = _advance_to(charge, bill_to) if charge.in_advance else _arrears_to(charge, bill_to)
    if last is not None and charge.end is not None:
        last = min(last, charge.end)
    return last if last is not None and last >= charge.start else None


def _advance_to(charge: Charge, bill_to: date) -> date | None:
    assert charge.months
    period = period_with(charge.counted_from, charge.months, bill_to + ONE_DAY)
    return period[1] if period else None


def _arrears_to(charge: Charge, bill_to: date) -> date | None:
    assert charge.months
    if charge.end is not None and charge.end <= bill_to:
        return charge.end
    last, first = None, first_of_month(charge.counted_from)
    while month_later(first, charge.months) - ONE_DAY <= bill_to:
        first = month_later(first, charge.months)
        last = first - ONE_DAY
    return last


def exact_price(charge: Charge, first: date, last: date) -> Fraction:
    """SPEC I1: the exact price of a stretch of days, a calendar month at a time."""
    assert charge.months
    each_month = charge.price / charge.months * charge.quantity
    total, day = Fraction(0), first
    while day <= last:
        month_end = last_of_month(day)
        until = min(month_end, last)
        total += each_month * Fraction((until - day).days + 1, month_end.day)
        day = until + ONE_DAY
    return total


def settle(charge: Charge, bill_to: date) -> Settled | None:
    """What the first bill of a charge makes of it (SPEC I1, I2, Z1, Z6); None where nothing is due yet."""
    if charge.months is None:
        if charge.start > bill_to:
            return None
        return Settled(charge, charge.start, charge.start, pence(charge.price * charge.quantity))
    last = settled_to(charge, bill_to)
    if last is None:
        return None
    return Settled(charge, charge.start, last, pence(exact_price(charge, charge.start, last)))
