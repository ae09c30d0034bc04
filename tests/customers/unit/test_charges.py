"""Charges that are added, changed from a day on and cancelled: their days, worked out by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from contracts.customers import Charge
from contracts.reference import StandardCharge
from customers.domain import uk
from customers.domain.charges import added_charge, cancelled_charge, changed_charge, charged_within
from customers.domain.reference import Book
from customers.domain.rules import RuleBroken

BOOK = Book(uk.defaults())
MONTHLY = StandardCharge(kind="recurring", description="Voicemail", amount=Decimal("1.50"), frequency_months=1)
ONCE = StandardCharge(kind="one_off", description="Connection", amount=Decimal(25))
Parts = list[tuple[int, str, str | None, str]]


def day(text: str | None) -> date | None:
    return date.fromisoformat(f"2025-{text}") if text else None


def on(text: str) -> date:
    return day(text) or date.max


def monthly(first: str = "01-15", last: str | None = None, anchor: str | None = None) -> Charge:
    made = added_charge(MONTHLY, (on(first), day(last)), (date(2025, 1, 1), None), BOOK, 1)
    return made.model_copy(update={"anchor": on(anchor)}) if anchor else made


def once(first: str = "03-10") -> Charge:
    return added_charge(ONCE, (on(first), None), (date(2025, 1, 1), None), BOOK, 1)


def told(charges: tuple[Charge, ...]) -> Parts:
    return [
        (each.charge_id, f"{each.start:%m-%d}", f"{each.end:%m-%d}" if each.end else None, str(each.amount))
        for each in charges
    ]


def changed(charge: Charge, first: str | None, owner: str | None = None, **changes: Any) -> tuple[Charge, ...]:
    return changed_charge(charge, changes, day(first), day(owner), BOOK, 2)


@pytest.mark.parametrize(
    ("charge", "first", "after"),
    [
        (monthly(), "04-01", [(1, "01-15", "03-31", "1.50"), (2, "04-01", None, "1.75")]),
        (monthly(), "01-16", [(1, "01-15", "01-15", "1.50"), (2, "01-16", None, "1.75")]),
        (monthly(), "01-15", [(2, "01-15", None, "1.75")]),
        (monthly(), "01-01", [(2, "01-15", None, "1.75")]),
        (monthly(last="06-30"), "06-30", [(1, "01-15", "06-29", "1.50"), (2, "06-30", "06-30", "1.75")]),
        (once(), "03-10", [(2, "03-10", None, "1.75")]),
        (monthly(), None, [(1, "01-15", None, "1.75")]),
        (once(), None, [(1, "03-10", None, "1.75")]),
    ],
    ids=[
        "from a day",
        "from its second day",
        "from its first day",
        "from before it",
        "on its last day",
        "a one-off of that day",
        "a correction",
        "a correction of a one-off",
    ],
)
def test_a_price_changes_from_a_day_as_if_one_charge_ended_and_another_began(
    charge: Charge, first: str | None, after: Parts
) -> None:
    """Z5: the old charge ends the day before; a correction without a date keeps it."""
    assert told(changed(charge, first, amount=Decimal("1.75"))) == after


def test_a_charge_goes_on_in_the_same_periods() -> None:
    """Z5, I2: the anchor stays that of the first one, however often it changes."""
    _, second = changed(monthly(), "04-10", quantity=Decimal(3))
    _, third = changed(second, "05-20", amount=Decimal(2))
    assert (second.anchor, third.anchor) == (date(2025, 1, 15), date(2025, 1, 15))
    assert (third.quantity, third.amount) == (Decimal(3), Decimal(2))


def test_the_price_that_it_has_already_changes_nothing() -> None:
    assert changed(monthly(), "04-01", amount=Decimal("1.50")) == (monthly(),)


@pytest.mark.parametrize(
    ("charge", "first", "owner", "changes", "field"),
    [
        (monthly(last="06-30"), "07-01", None, {"amount": Decimal(2)}, "from"),
        (monthly(), "07-01", "06-30", {"amount": Decimal(2)}, "from"),
        (once(), "03-11", None, {"amount": Decimal(2)}, "from"),
        (monthly(), "04-01", None, {"description": "Words"}, "from"),
        (monthly(), "04-01", None, {"amount": Decimal(2), "end": date(2025, 9, 30)}, "from"),
        (monthly(), None, None, {"quantity": Decimal(0)}, "quantity"),
        (monthly(), None, None, {"amount": Decimal("1e20")}, "amount"),
        (monthly(), None, None, {"description": " "}, "description"),
        (monthly(), None, None, {"vat_rate": "odd"}, "vat_rate"),
        (monthly(), None, None, {"end": date(2025, 1, 14)}, "end"),
        (once(), None, None, {"end": date(2025, 12, 31)}, "end"),
    ],
)
def test_what_is_wrong_with_a_change_is_said(
    charge: Charge, first: str | None, owner: str | None, changes: dict[str, Any], field: str
) -> None:
    """Z5"""
    with pytest.raises(RuleBroken) as refused:
        changed(charge, first, owner, **changes)
    assert refused.value.field == field


def test_a_far_away_day_is_refused() -> None:
    with pytest.raises(RuleBroken, match="out of range"):
        changed_charge(monthly(), {"amount": Decimal(2)}, date(2200, 1, 1), None, BOOK, 2)


@pytest.mark.parametrize(
    ("charge", "first", "after"),
    [
        (monthly(), "04-01", [(1, "01-15", "03-31", "1.50")]),
        (monthly(), "01-16", [(1, "01-15", "01-15", "1.50")]),
        (monthly(), "01-15", []),
        (monthly(last="02-28"), "04-01", [(1, "01-15", "02-28", "1.50")]),
        (once(), "03-10", []),
        (once(), "03-01", []),
    ],
)
def test_a_cancelled_charge_is_charged_to_the_day_before_and_one_not_begun_is_gone(
    charge: Charge, first: str, after: Parts
) -> None:
    """C9, Z6"""
    assert told(cancelled_charge(charge, on(first))) == after


def test_a_one_off_of_an_earlier_day_is_not_cancelled_by_mistake() -> None:
    with pytest.raises(RuleBroken, match="in full") as refused:
        cancelled_charge(once(), on("03-11"))
    assert refused.value.field == "from"


@pytest.mark.parametrize(
    ("days", "owner", "terms", "field"),
    [
        (("2024-12-31", None), ("2025-01-01", None), MONTHLY, "start"),
        (("2025-07-01", None), ("2025-01-01", "2025-06-30"), MONTHLY, "start"),
        (("2025-02-01", "2025-01-31"), ("2025-01-01", None), MONTHLY, "end"),
        (("2025-02-01", "2025-02-28"), ("2025-01-01", None), ONCE, "end"),
        (
            ("2025-02-01", None),
            ("2025-01-01", None),
            ONCE.model_copy(update={"frequency_months": 1}),
            "frequency_months",
        ),
    ],
)
def test_a_charge_that_does_not_fit_what_it_is_on_is_refused(
    days: tuple[str, str | None], owner: tuple[str, str | None], terms: StandardCharge, field: str
) -> None:
    """C9"""
    first, last = ((date.fromisoformat(a), date.fromisoformat(b) if b else None) for a, b in (days, owner))
    with pytest.raises(RuleBroken) as refused:
        added_charge(terms, first, last, BOOK, 1)
    assert refused.value.field == field


def test_no_charge_goes_beyond_what_it_is_on() -> None:
    """C9: and a one-off keeps its day, which invoicing takes for cancelled where it lies behind the end (Z6)."""
    charges = (monthly(), monthly(last="02-28"), once("05-01"))
    assert [each.end for each in charged_within(charges, on("03-31"))] == [date(2025, 3, 31), date(2025, 2, 28), None]
    assert charged_within(charges, None) == charges
