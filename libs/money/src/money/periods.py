"""Recurring charges: what a stretch of days costs (SPEC I1) and to which day billing settles (SPEC I2)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from money.dates import add_months, day_before, days_in_month, month_end, month_start, months_between, next_day
from money.rounding import to_pennies


def recurring_exact(price: Decimal, every_months: int, quantity: Decimal, first: date, last: date) -> Fraction:
    """SPEC I1: the exact price of the days first..last, both included, of a charge of `price` every n months.

    The sum, over each calendar month touched, of P/n x quantity x days covered / days in that month; nothing is
    rounded on the way (SPEC Z1).

    Raises:
        ValueError: the days run backwards, or the frequency is under one month.
    """
    if every_months < 1:
        raise ValueError(f"a charge cannot recur every {every_months} months")
    if last < first:
        raise ValueError(f"{first} to {last} runs backwards")
    months, (pounds, parts), (units, shares) = (
        _covered(first, last),
        price.as_integer_ratio(),
        quantity.as_integer_ratio(),
    )
    return Fraction(pounds * units * months.numerator, parts * shares * months.denominator * every_months)


@lru_cache(maxsize=16_384)
def _covered(first: date, last: date) -> Fraction:
    """The months that the days cover, with parts of months. The charges of a bill are for the same few stretches."""
    total, day = Fraction(0), first
    while day <= last:
        until = min(last, month_end(day))
        total += Fraction((until - day).days + 1, days_in_month(day))
        day = next_day(until)
    return total


def recurring_net(price: Decimal, every_months: int, quantity: Decimal, first: date, last: date) -> Decimal:
    """SPEC I1, Z1: the same in pounds, rounded once to the penny, half up."""
    return to_pennies(recurring_exact(price, every_months, quantity, first, last))


@lru_cache(maxsize=16_384)
def period_holding(anchor: date, every_months: int, day: date) -> tuple[date, date] | None:
    """SPEC I2: the period of n calendar months, counted from the anchor's month, that holds a day.

    Returns:
        Its first and last day, or None for a day before the first period.
    """
    months = months_between(anchor, day)
    if months < 0:
        return None
    first = add_months(month_start(anchor), months // every_months * every_months)
    return first, month_end(add_months(first, every_months - 1))


def charged_to(
    start: date,
    every_months: int,
    *,
    in_advance: bool,
    bill_to: date,
    end: date | None = None,
    anchor: date | None = None,
) -> date | None:
    """SPEC I2, Z4: the last day that a recurring charge is charged to when it is billed to a date.

    In advance: the end of the period holding the day after `bill_to`. In arrears: the end of the last period that
    ended by `bill_to`; the last period ends on the charge's end date. Never later than the end date.

    Args:
        start: the first day charged.
        every_months: n, the months in a period.
        in_advance: False for in arrears.
        bill_to: the last day of the bill.
        end: the last day charged, None while open.
        anchor: the day whose month the periods are counted from; `start` unless given.

    Returns:
        The last day charged to, or None where nothing is charged yet.
    """
    counted_from = anchor or start
    if in_advance:
        holding = period_holding(counted_from, every_months, next_day(bill_to))
        settled = holding[1] if holding else None
    else:
        settled = _last_ended(counted_from, every_months, bill_to, end)
    if settled is None:
        return None
    settled = min(settled, end) if end else settled
    return settled if settled >= start else None


def _last_ended(anchor: date, every_months: int, bill_to: date, end: date | None) -> date | None:
    if end is not None and end <= bill_to:
        return end
    holding = period_holding(anchor, every_months, bill_to)
    if holding is None:
        return None
    first, last = holding
    if last == bill_to:
        return last
    return day_before(first) if first > month_start(anchor) else None
