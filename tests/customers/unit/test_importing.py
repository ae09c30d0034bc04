"""Numbers of an import: what earlier rows have taken, and when a row is there already."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from contracts.customers import Markups
from contracts.reference import PlanCharge, StandardCharge
from customers.domain.importing import TakenDays, differing, taken_by
from customers.domain.numbers import NumberOrder, new_line
from customers.domain.reference import Book
from customers.domain.uk import defaults

ORDER = NumberOrder("+442079460123", "standard", date(2025, 1, 1), date(2025, 6, 30), label="Desk")
BOOK = Book(defaults())
CARE = StandardCharge(kind="one_off", description="Fitting", amount=Decimal("20"))


def days(start: date, end: date | None) -> NumberOrder:
    return replace(ORDER, start=start, end=end)


@pytest.mark.parametrize(
    ("start", "end", "clash"),
    [
        (date(2025, 6, 30), None, True),
        (date(2025, 7, 1), None, False),
        (date(2024, 1, 1), date(2025, 1, 1), True),
        (date(2024, 1, 1), date(2024, 12, 31), False),
        (date(2024, 1, 1), None, True),
    ],
)
def test_both_days_are_taken(start: date, end: date | None, clash: bool) -> None:
    """C9"""
    taken = TakenDays()
    taken.add(ORDER, taken_by(2, ORDER, 7, None))
    assert (taken.on(days(start, end)) is not None) is clash
    assert taken.on(replace(ORDER, number="+442079460124")) is None


def test_a_row_that_was_not_stored_after_all_has_taken_nothing() -> None:
    taken = TakenDays()
    later = days(date(2026, 1, 1), None)
    taken.add(ORDER, taken_by(2, ORDER, 7, 1))
    taken.add(later, taken_by(3, later, 8, 2))
    taken.drop(ORDER, 2)
    found = taken.on(days(date(2025, 1, 1), None))
    assert found is not None
    assert (found.row, found.customer_id, found.number_id) == (3, 8, 2)


@pytest.mark.parametrize(
    ("asked", "columns"),
    [
        ({}, []),
        ({"number_type": None}, []),
        ({"start": date(2025, 2, 1)}, ["start"]),
        ({"end": None}, ["end"]),
        ({"label": "Shop", "call_plan": "gold"}, ["label", "call_plan"]),
        ({"rating": Markups(tariff="GOLD")}, ["tariff"]),
        ({"number_type": "other"}, ["number_type"]),
        ({"charges": (CARE,)}, ["charges"]),
        ({"call_plan_charge": PlanCharge(amount=Decimal("4.50"))}, ["call_plan_charge"]),
    ],
)
def test_what_a_row_says_is_compared_with_what_is_there(asked: dict[str, Any], columns: list[str]) -> None:
    """C9: exactly alike is there already; what the row leaves to a default is not compared."""
    line = new_line(ORDER, 7, BOOK, count(1))
    assert differing(replace(ORDER, **asked), line) == columns


def test_an_agreed_charge_is_there_already() -> None:
    order = replace(ORDER, charges=(CARE,), call_plan_charge=PlanCharge(amount=Decimal("4.50")))
    assert differing(order, new_line(order, 7, BOOK, count(1))) == []
