"""A new customer with its numbers and features, as one piece: the form, an import's row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from contracts.customers import StatusPeriod
from customers.domain.course import Course
from customers.domain.customers import Customer, check_account_number, new_details
from customers.domain.default_sets import DefaultSet, usable
from customers.domain.numbers import (
    Feature,
    FeatureOrder,
    Line,
    NumberOrder,
    charges_ordered,
    new_feature,
    new_line,
    overlapping,
)
from customers.domain.reference import STATUSES, Book
from customers.domain.rules import RuleBroken, within
from customers.domain.warnings import Warned
from money.dates import day_before


@dataclass(frozen=True)
class Opening:
    """What is to be opened. `details` has the fields of `Details` that were given, the rating choices flat.

    Without an account number the system makes one; without a status it is the list's default, without a date from
    which it holds, today. Details that are absent are taken from the default value set, if one is named, and then from
    the default entries of their lists.
    """

    details: Mapping[str, Any]
    account_number: str | None = None
    status: str | None = None
    status_from: date | None = None
    default_set: int | None = None
    numbers: tuple[NumberOrder, ...] = ()
    features: tuple[FeatureOrder, ...] = ()


@dataclass(frozen=True)
class Opened:
    """A customer with all that was added with it. The account number may still be empty: then one is to be made."""

    customer: Customer
    lines: tuple[Line, ...] = ()
    features: tuple[Feature, ...] = ()
    warnings: tuple[Warned, ...] = ()


def with_set(opening: Opening, sets: Mapping[int, DefaultSet], book: Book) -> tuple[Opening, tuple[Warned, ...]]:
    """SPEC C3: what is to be opened with the values of the set that it names, and what of that was left out.

    Raises:
        RuleBroken: there is no such set.
    """
    if opening.default_set is None:
        return opening, ()
    chosen = sets.get(opening.default_set)
    if chosen is None:
        raise RuleBroken("default_set", f"there is no default value set {opening.default_set}: GET /default-sets")
    over, warned = usable(chosen.values, book)
    status = over.pop("status", None)
    kept = tuple(each for each in warned if each.field not in opening.details)
    return replace(opening, details={**over, **opening.details}, status=opening.status or status), kept


def ids_needed(opening: Opening, book: Book) -> int:
    """The most ids that opening this takes: some may stay unused."""
    lines = sum(4 + len(order.charges) for order in opening.numbers)
    features = sum(1 + len(charges_ordered(order, book)) for order in opening.features)
    return 1 + lines + features


def open_customer(opening: Opening, book: Book, today: date, ids: Iterator[int]) -> Opened:
    """SPEC C1, C2, C8, C9: the customer and everything on it, checked.

    Raises:
        RuleBroken: says which field and why.
    """
    twice = overlapping(opening.numbers)
    if twice is not None:
        raise RuleBroken("numbers", f"{twice.number} is there twice for the same days: give each day to one of them")
    customer = _customer(opening, book, today, next(ids))
    lines = tuple(_lines(opening, customer.customer_id, book, ids))
    return Opened(customer, lines, tuple(_features(opening, customer.customer_id, lines, book, ids)))


def _customer(opening: Opening, book: Book, today: date, customer_id: int) -> Customer:
    given = opening.account_number
    status = opening.status or book.default(STATUSES) or ""
    book.require(STATUSES, status, "status")
    since = opening.status_from or today
    return Customer(
        customer_id=customer_id,
        version=1,
        account_number="" if given is None else check_account_number(given),
        details=new_details(opening.details, book),
        history=(StatusPeriod(status=status, effective_from=since),),
        course=_course(status, day_before(since), book, customer_id),
    )


def _course(status: str, last_day: date, book: Book, customer_id: int) -> Course:
    """Of a customer that is brought from elsewhere after its Final Bill or Drop there."""
    flags = book.status(status)
    if flags.dropped:
        return Course(status=status, drop_date=last_day)
    if flags.final_bill:
        return Course(status=status, final_bill_date=last_day, final_bill_id=customer_id)
    return Course()


def _lines(opening: Opening, customer_id: int, book: Book, ids: Iterator[int]) -> Iterator[Line]:
    for place, order in enumerate(opening.numbers):
        with within(f"numbers.{place}"):
            yield new_line(order, customer_id, book, ids)


def _features(
    opening: Opening, customer_id: int, lines: tuple[Line, ...], book: Book, ids: Iterator[int]
) -> Iterator[Feature]:
    numbers = {line.number.number: line.number.number_id for line in lines}
    for place, order in enumerate(opening.features):
        with within(f"features.{place}"):
            yield new_feature(order, customer_id, numbers, book, ids)
