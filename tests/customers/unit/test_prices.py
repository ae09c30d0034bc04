"""Prices of standard features by day, increases, and charges that change from a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.customers import Charge
from contracts.reference import StandardCharge, StandardFeature
from customers.domain.charges import changed_from
from customers.domain.increases import (
    Scope,
    Step,
    Terms,
    check_terms,
    in_scope,
    raised_charges,
    raised_feature,
    raised_price,
    step_of,
)
from customers.domain.numbers import Feature, FeatureOrder, charges_ordered
from customers.domain.pricelist import edited
from customers.domain.prices import EVER, Price, price_on
from customers.domain.reference import STANDARD_FEATURES, Book, Entry
from customers.domain.rules import RuleBroken

TODAY = date(2025, 3, 10)
APRIL = date(2025, 4, 1)


def seat(amount: str, kind: Any = "recurring", **more: Any) -> StandardCharge:
    months = 1 if kind == "recurring" else None
    return StandardCharge(kind=kind, description="Seat", amount=Decimal(amount), frequency_months=months, **more)


def entry(*charges: StandardCharge, **more: Any) -> Entry:
    return replace(Entry(STANDARD_FEATURES, "seat", "Hosted seat", StandardFeature(charges=charges)), **more)


def terms(**more: Any) -> Terms:
    return Terms(**{"scope": Scope(all=True), "effective_from": APRIL, **more})


def charge(**more: Any) -> Charge:
    start = date(2025, 1, 20)
    kept = {"charge_id": 7, "kind": "recurring", "description": "Seat", "amount": Decimal("6.00")}
    return Charge(**{**kept, "frequency_months": 1, "start": start, "anchor": start, **more})


@pytest.mark.parametrize(
    ("price", "change", "raised"),
    [
        ("10.00", {"percentage": "3.9"}, "10.39"),
        ("9.99", {"percentage": "3.9"}, "10.3796"),
        ("0.0001", {"percentage": "50"}, "0.0002"),
        ("1.00005", {"percentage": "0.0001"}, "1.0001"),
        ("10.00", {"percentage": "-100"}, "0.00"),
        ("-2.50", {"percentage": "10"}, "-2.75"),
        ("-0.0001", {"percentage": "50"}, "-0.0002"),
        ("10.00", {"amount": "0.50"}, "10.50"),
        ("10.00", {"amount": "-10.00"}, "0.00"),
        ("-2.50", {"amount": "1.00"}, "-2.50"),
        ("1.333333", {"amount": "1"}, "2.3333"),
        ("-2.123456", {"amount": "1"}, "-2.123456"),
    ],
)
def test_a_price_is_raised_exactly_and_rounded_once_half_up_to_four_places(
    price: str, change: dict[str, str], raised: str
) -> None:
    """C12, Z1"""
    asked = terms(**{name: Decimal(value) for name, value in change.items()})
    assert str(raised_price(Decimal(price), asked)) == raised


@given(
    st.decimals(0, 10_000, places=6, allow_nan=False),
    st.decimals(-100, 1000, places=4, allow_nan=False).filter(lambda by: by != 0),
)
def test_a_raised_price_is_at_most_half_of_its_last_place_off(price: Decimal, percentage: Decimal) -> None:
    """C12"""
    raised = raised_price(price, terms(percentage=percentage))
    exact = price * (100 + percentage) / 100
    assert abs(raised - exact) <= Decimal("0.00005")


def test_no_price_falls_below_zero() -> None:
    """C12"""
    with pytest.raises(RuleBroken, match="below 0"):
        raised_price(Decimal("0.40"), terms(amount=Decimal("-0.50")))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "percentage"),
        ({"percentage": Decimal(1), "amount": Decimal(1)}, "percentage"),
        ({"percentage": Decimal(0)}, "percentage"),
        ({"amount": Decimal(0)}, "amount"),
        ({"percentage": Decimal(-101)}, "percentage"),
        ({"percentage": Decimal(1), "scope": Scope()}, "scope"),
        ({"percentage": Decimal(1), "scope": Scope(all=True, name_prefix="Line")}, "scope"),
        ({"percentage": Decimal(1), "kinds": "one_off", "also_existing": True}, "also_existing"),
    ],
)
def test_an_increase_says_once_how_much_and_of_what(asked: dict[str, Any], field: str) -> None:
    """C12"""
    with pytest.raises(RuleBroken) as broken:
        check_terms(terms(**asked))
    assert broken.value.field == field


def test_only_the_kinds_that_are_named_are_raised() -> None:
    """C12"""
    both = (seat("6.00"), seat("25.00", "one_off"))
    by = {"percentage": Decimal(10)}
    assert [str(each.amount) for each in raised_charges(both, terms(**by))] == ["6.60", "25.00"]
    assert [str(each.amount) for each in raised_charges(both, terms(kinds="one_off", **by))] == ["6.00", "27.50"]
    assert [str(each.amount) for each in raised_charges(both, terms(kinds="both", **by))] == ["6.60", "27.50"]


def test_a_scope_is_all_or_names_or_codes_and_retired_ones_only_by_code() -> None:
    """C12"""
    old = replace(entry(), code="old", name="Line rental (old)", retired=True)
    line = replace(entry(), code="line", name="Line rental")
    entries = [old, line, entry()]
    assert [each.code for each in in_scope(Scope(all=True), entries)] == ["line", "seat"]
    assert [each.code for each in in_scope(Scope(name_prefix="LINE"), entries)] == ["line"]
    assert [each.code for each in in_scope(Scope(codes=("old", "seat")), entries)] == ["old", "seat"]
    for scope in (Scope(codes=("gold",)), Scope(name_prefix="Gold")):
        with pytest.raises(RuleBroken):
            in_scope(scope, entries)


def test_a_price_holds_until_the_day_before_the_next() -> None:
    """C9: the latest version whose day has come; before the first, the first."""
    prices = (Price("seat", APRIL, (seat("7.00"),)), Price("seat", TODAY, (seat("6.00"),)))
    days = (date(2024, 1, 1), TODAY, date(2025, 3, 31), APRIL, date(2030, 1, 1))
    assert [str(price_on(prices, day)[0].amount) for day in days] == ["6.00", "6.00", "6.00", "7.00", "7.00"]


def test_a_feature_takes_the_price_of_its_first_day() -> None:
    """C9"""
    prices = [Price("seat", EVER, (seat("6.00"),)), Price("seat", APRIL, (seat("7.00"),))]
    book = Book([entry(seat("6.00"))], prices)
    for start, amount in ((date(2025, 3, 31), "6.00"), (APRIL, "7.00")):
        ordered = charges_ordered(FeatureOrder(start=start, code="seat"), book)
        assert [str(each.amount) for each in ordered] == [amount]
    without = Book([entry(seat("6.00"))])
    assert charges_ordered(FeatureOrder(start=APRIL, code="seat"), without) == (seat("6.00"),)


def test_the_first_price_of_all_holds_since_ever_and_later_ones_from_today() -> None:
    """C9"""
    unpriced = Book([entry()])
    shown, versions = edited(entry(seat("6.00")), None, unpriced, TODAY)
    assert [price.valid_from for price in versions] == [EVER]
    again, versions = edited(entry(seat("7.00")), None, Book([shown], versions), TODAY)
    assert [price.valid_from for price in versions] == [EVER, TODAY]
    assert again.attributes == StandardFeature(charges=(seat("7.00"),))


def test_an_edit_with_a_day_ahead_leaves_what_the_entry_shows() -> None:
    """C9"""
    book = Book([entry(seat("6.00"))])
    shown, versions = edited(entry(seat("7.00"), name="Seat"), APRIL, book, TODAY)
    assert (shown.name, shown.attributes) == ("Seat", StandardFeature(charges=(seat("6.00"),)))
    assert [(price.valid_from, str(price.charges[0].amount)) for price in versions] == [
        (EVER, "6.00"),
        (APRIL, "7.00"),
    ]
    assert edited(entry(seat("6.00"), name="Seat"), None, book, TODAY)[1] == ()


def test_two_prices_cannot_begin_on_one_day() -> None:
    """C12: neither the increase nor the price that was typed in is lost in silence."""
    scheduled = (Price("seat", EVER, (seat("6.00"),)), Price("seat", APRIL, (seat("7.00"),)))
    with pytest.raises(RuleBroken, match="begins on 2025-04-01"):
        step_of(entry(), scheduled, terms(percentage=Decimal(5)))


def test_a_charge_changes_from_a_day_in_the_same_periods() -> None:
    """Z5"""
    old, new = changed_from(charge(end=date(2025, 12, 31)), APRIL, Decimal("7.00"), new_id=8)
    assert (old.charge_id, str(old.amount), old.end) == (7, "6.00", date(2025, 3, 31))
    assert (new.charge_id, str(new.amount), new.start, new.end) == (8, "7.00", APRIL, date(2025, 12, 31))
    assert old.anchor == new.anchor == date(2025, 1, 20)


def test_a_charge_that_begins_later_is_replaced_and_one_that_ended_stays() -> None:
    """Z5"""
    later = charge(start=date(2025, 5, 1), anchor=date(2025, 5, 1))
    (only,) = changed_from(later, APRIL, quantity=Decimal(3), new_id=8)
    assert (only.charge_id, only.start, only.quantity, only.amount) == (8, later.start, Decimal(3), later.amount)
    ended = charge(end=date(2025, 3, 31))
    assert changed_from(ended, APRIL, Decimal("7.00"), new_id=8) == (ended,)
    assert changed_from(charge(), APRIL, Decimal("6.000"), new_id=8) == (charge(),)
    once = charge(kind="one_off", frequency_months=None, anchor=None)
    assert changed_from(once, APRIL, Decimal("7.00"), new_id=8) == (once,)


@pytest.mark.parametrize(
    "own",
    [
        {"amount": Decimal("5.50")},
        {"description": "Seat, as agreed"},
        {"frequency_months": 3},
        {"in_advance": False},
        {"end": date(2025, 3, 31)},
        {"kind": "one_off", "frequency_months": None},
    ],
)
def test_a_customer_with_its_own_price_is_left_alone(own: dict[str, Any]) -> None:
    """C12"""
    assert raised_feature(_feature(charge(**own)), STEP, APRIL, count(100)) is None


def test_a_feature_that_ended_before_the_day_is_left_alone() -> None:
    """C12: whatever its charges say."""
    ended = replace(_feature(charge()), end=date(2025, 3, 31))
    assert raised_feature(ended, STEP, APRIL, count(100)) is None
    assert raised_feature(replace(ended, end=APRIL), STEP, APRIL, count(100)) is not None


def test_a_customer_at_the_standard_price_keeps_quantity_and_periods() -> None:
    """C12, Z5"""
    free = charge(charge_id=9, description="Care", amount=Decimal("1.00"))
    raised = raised_feature(_feature(charge(quantity=Decimal(12)), free), STEP, APRIL, count(100))
    assert raised is not None
    assert raised.replaced == ((7, 100),)
    assert [(each.charge_id, str(each.amount), each.quantity) for each in raised.after.charges] == [
        (7, "6.00", 12),
        (100, "6.30", 12),
        (9, "1.00", 1),
    ]
    assert (raised.before.version, raised.after.version) == (1, 2)


STEP = Step("seat", "Hosted seat", (seat("6.00"), seat("25.00", "one_off")), (seat("6.30"), seat("25.00", "one_off")))


def _feature(*charges: Charge) -> Feature:
    start = date(2025, 1, 20)
    kept: dict[str, Any] = {"number_id": None, "kind": "feature", "code": "seat", "description": "Seat", "end": None}
    return Feature(feature_id=1, customer_id=1, version=1, start=start, charges=charges, **kept)
