"""Editing the price list: which versions an edit of a standard feature makes, and what its entry shows (SPEC C9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from contracts.base import Contract
from contracts.reference import StandardFeature
from customers.domain.audit import Trace, as_json
from customers.domain.charges import check_charge
from customers.domain.prices import (
    EVER,
    Price,
    StandardCharges,
    check_day,
    first_day,
    price_on,
    with_price,
)
from customers.domain.reference import STANDARD_FEATURES, Book, Entry
from customers.domain.rules import RuleBroken, within

Versions = tuple[Price, ...]


def edited(after: Entry, valid_from: date | None, book: Book, today: date) -> tuple[Entry, Versions]:
    """An entry as it is to be stored, and the versions of its price; other lists' entries have none.

    Args:
        after: as it was sent; its charges are the price that was typed in.
        valid_from: the first day of that price; None is today, and since ever where there was no price yet.
        book: the lists before.
        today: the local date.

    Returns:
        The entry, showing the charges that hold today; and all its versions, none where the price stays as it was.

    Raises:
        RuleBroken: a charge is wrong, the day is out of range, or an increase holds the place.
    """
    if not isinstance(after.attributes, StandardFeature):
        if valid_from is not None:
            raise RuleBroken("valid_from", "only the price of a standard feature holds from a day: leave it out")
        return after, ()
    with within("standard_feature"):
        charges = checked(after.attributes.charges, book)
    if book.find(STANDARD_FEATURES, after.code) is None:
        return after, () if valid_from is None else (Price(after.code, _checked_day(valid_from), charges),)
    before = book.prices(after.code)
    if valid_from is None and charges == price_on(before, today):
        return after, ()
    versions = priced(before, charges, first_day(before, valid_from, today), today)
    return showing(after, versions, today), versions


def checked(charges: StandardCharges, book: Book) -> StandardCharges:
    """Charges of a standard feature. Raises RuleBroken, with the charge's place."""
    for place, charge in enumerate(charges):
        with within(f"charges.{place}"):
            check_charge(charge, book)
    return charges


def priced(before: Versions, charges: StandardCharges, day: date, today: date) -> Versions:
    """The versions with a price from a day on, the oldest first.

    Raises:
        RuleBroken: the day is out of range, or an increase that lies ahead holds its place.
    """
    there = next((price for price in before if price.valid_from == day), None)
    if there is not None and there.increase_id is not None and day > today:
        raise RuleBroken("valid_from", f"increase {there.increase_id} sets the price from {day}: cancel that first")
    return with_price(before, Price(before[0].code, _checked_day(day), charges))


def showing(entry: Entry, versions: Versions, today: date) -> Entry:
    """The entry with the charges that hold today."""
    feature: Contract | None = entry.attributes
    assert isinstance(feature, StandardFeature)
    return replace(entry, attributes=feature.model_copy(update={"charges": price_on(versions, today)}))


def _checked_day(day: date) -> date:
    return day if day == EVER else check_day(day, "valid_from")


def price_traces(before: Versions, after: Versions) -> list[Trace]:
    """SPEC C19: one trace for each day whose price was set, changed or taken back."""
    old, new = ({price.valid_from: price.charges for price in prices} for prices in (before, after))
    code = (after or before)[0].code
    return [
        Trace(None, "price", code, _name(day), as_json(old.get(day)), as_json(new.get(day)))
        for day in sorted(old.keys() | new.keys())
        if old.get(day) != new.get(day)
    ]


def _name(day: date) -> str:
    return "since ever" if day == EVER else f"from {day}"
