"""When an invoice is due (SPEC C6, Z15)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from money.dates import add_months, days_in_month, month_end, month_start

TermsKind = Literal["days_after", "day_of_month", "days_before_month_end"]

EARLIEST_FROM_MONTH_END = -28


def check_terms(kind: TermsKind, value: int) -> None:
    """Refuse terms that no calendar can keep.

    Raises:
        ValueError: says which values the kind takes.
    """
    ranges: dict[str, tuple[int, int]] = {
        "days_after": (0, 365),
        "day_of_month": (1, 31),
        "days_before_month_end": (EARLIEST_FROM_MONTH_END, -1),
    }
    if kind not in ranges:
        raise ValueError(f"payment terms are one of {', '.join(ranges)}, not {kind!r}")
    lowest, highest = ranges[kind]
    if not lowest <= value <= highest:
        raise ValueError(f"payment terms {kind} take a value from {lowest} to {highest}, not {value}")


def due_date(kind: TermsKind, value: int, invoice_date: date) -> date:
    """SPEC C6, Z15: the day by which an invoice is to be paid.

    `days_after`: that many days after the invoice date. `day_of_month`: the next such day after the invoice date,
    29 to 31 falling on the last day of shorter months. `days_before_month_end`: the next such day after the invoice
    date, -1 the last day of the month, -2 the day before.

    Raises:
        ValueError: the terms are impossible (see `check_terms`).
    """
    check_terms(kind, value)
    if kind == "days_after":
        return invoice_date + timedelta(days=value)
    this_month = _day_in_month(kind, value, month_start(invoice_date))
    if this_month > invoice_date:
        return this_month
    return _day_in_month(kind, value, add_months(month_start(invoice_date), 1))


def _day_in_month(kind: TermsKind, value: int, first: date) -> date:
    if kind == "day_of_month":
        return first.replace(day=min(value, days_in_month(first)))
    return month_end(first) + timedelta(days=value + 1)
