"""Numbers, who holds them when, and features (SPEC C9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from contracts.customers import Markups
from contracts.reference import PlanCharge, StandardCharge
from customers.domain.charges import Charges, charges_from, check_days, plan_charges, with_end
from customers.domain.customers import RATING_FIELDS, with_markups
from customers.domain.prices import price_on
from customers.domain.reference import CALL_PLANS, NUMBER_TYPES, STANDARD_FEATURES, Book
from customers.domain.rules import RuleBroken


@dataclass(frozen=True)
class Number:
    """A number on a customer's account, in E.164 where it has that form."""

    number_id: int
    customer_id: int
    version: int
    number: str
    number_type: str
    label: str
    start: date
    end: date | None
    rating: Markups
    charges: Charges


@dataclass(frozen=True)
class Feature:
    """A charge that is no number: of the customer, or of one of its numbers. A call plan is one."""

    feature_id: int
    customer_id: int
    version: int
    number_id: int | None
    kind: Literal["feature", "call_plan"]
    code: str | None
    description: str
    start: date
    end: date | None
    charges: Charges


@dataclass(frozen=True)
class Assignment:
    """The active period that a call plan, the feature `feature_id`, gives a number: both days are included."""

    assignment_id: int
    customer_id: int
    version: int
    number_id: int
    feature_id: int
    number: str
    call_plan: str
    start: date
    end: date | None


@dataclass(frozen=True)
class Line:
    """A number with its call plan and its active period: made, changed and ended together."""

    number: Number
    call_plan: Feature
    assignment: Assignment


@dataclass(frozen=True)
class NumberOrder:
    """A number to be added. Without a type it takes the list's default."""

    number: str
    call_plan: str
    start: date
    end: date | None = None
    number_type: str | None = None
    label: str = ""
    rating: Markups = field(default_factory=Markups)
    charges: tuple[StandardCharge, ...] = ()
    call_plan_charge: PlanCharge | None = None


@dataclass(frozen=True)
class FeatureOrder:
    """A feature to be added, linked to a number by its id or, in an import, by the number itself.

    Made from a standard feature, it takes that one's description and charges where it has none of its own.
    """

    start: date
    end: date | None = None
    code: str | None = None
    number_id: int | None = None
    number: str | None = None
    description: str = ""
    charges: tuple[StandardCharge, ...] | None = None


def new_line(order: NumberOrder, customer_id: int, book: Book, ids: Iterator[int]) -> Line:
    """SPEC C9: a number as it is added, with the call plan that lets it receive usage.

    Raises:
        RuleBroken: says which field and why.
    """
    check_days(order.start, order.end)
    plan = book.require(CALL_PLANS, order.call_plan, "call_plan")
    number_type = order.number_type or book.default(NUMBER_TYPES) or ""
    book.require(NUMBER_TYPES, number_type, "number_type")
    number = Number(
        number_id=next(ids),
        customer_id=customer_id,
        version=1,
        number=order.number,
        number_type=number_type,
        label=order.label,
        start=order.start,
        end=order.end,
        rating=order.rating,
        charges=charges_from(order.charges, order.start, order.end, book, ids),
    )
    call_plan = Feature(
        feature_id=next(ids),
        customer_id=customer_id,
        version=1,
        number_id=number.number_id,
        kind="call_plan",
        code=plan.code,
        description=plan.name,
        start=order.start,
        end=order.end,
        charges=charges_from(plan_charges(plan, order.call_plan_charge), order.start, order.end, book, ids),
    )
    return Line(number, call_plan, _active_period(number, call_plan, next(ids)))


def _active_period(number: Number, call_plan: Feature, assignment_id: int) -> Assignment:
    return Assignment(
        assignment_id=assignment_id,
        customer_id=number.customer_id,
        version=1,
        number_id=number.number_id,
        feature_id=call_plan.feature_id,
        number=number.number,
        call_plan=call_plan.code or "",
        start=call_plan.start,
        end=call_plan.end,
    )


def new_feature(
    order: FeatureOrder, customer_id: int, numbers: Mapping[str, int], book: Book, ids: Iterator[int]
) -> Feature:
    """SPEC C9: a feature as it is added.

    Args:
        order: what is wanted.
        customer_id: whose it is.
        numbers: the ids of the customer's numbers that were added with it, for an order that names one.
        book: the reference lists.
        ids: fresh ids.

    Raises:
        RuleBroken: says which field and why.
    """
    check_days(order.start, order.end)
    description = order.description or _standard_name(order, book)
    if not description:
        raise RuleBroken("description", "describe the feature, or name the code of a standard feature")
    return Feature(
        feature_id=next(ids),
        customer_id=customer_id,
        version=1,
        number_id=_linked_number(order, numbers),
        kind="feature",
        code=order.code,
        description=description,
        start=order.start,
        end=order.end,
        charges=charges_from(charges_ordered(order, book), order.start, order.end, book, ids),
    )


def charges_ordered(order: FeatureOrder, book: Book) -> Sequence[StandardCharge]:
    """The charges that a feature order names, else those of the standard feature it is made from, as on its start."""
    if order.charges is not None:
        return order.charges
    if order.code is None or book.find(STANDARD_FEATURES, order.code) is None:
        return ()
    return price_on(book.prices(order.code), order.start)


def _standard_name(order: FeatureOrder, book: Book) -> str:
    return book.require(STANDARD_FEATURES, order.code, "code").name if order.code is not None else ""


def _linked_number(order: FeatureOrder, numbers: Mapping[str, int]) -> int | None:
    if order.number is None:
        return order.number_id
    if order.number not in numbers:
        raise RuleBroken("number", f"{order.number} is not among the customer's numbers of this row: add it there")
    return numbers[order.number]


def changed_line(line: Line, changes: Mapping[str, Any], book: Book) -> Line:
    """A line with changes to its number; a new end is that of its call plan and active period too.

    Each part whose state changes gets the next version, the others stay as they are.

    Raises:
        RuleBroken: says which field and why.
    """
    number = line.number
    end = changes.get("end", number.end)
    check_days(number.start, end)
    if changes.get("number_type", number.number_type) != number.number_type:
        book.require(NUMBER_TYPES, changes["number_type"], "number_type")
    plain = {name: value for name, value in changes.items() if name not in (*RATING_FIELDS, "end")}
    charges = with_end(number.charges, number.end, end)
    rating = with_markups(number.rating, changes)
    changed = Line(
        number=replace(number, end=end, charges=charges, rating=rating, **plain),
        call_plan=_ended(line.call_plan, end),
        assignment=replace(line.assignment, end=end),
    )
    return _versioned(line, changed)


def _ended(feature: Feature, end: date | None) -> Feature:
    return replace(feature, end=end, charges=with_end(feature.charges, feature.end, end))


def _versioned(before: Line, after: Line) -> Line:
    if after.number != before.number:
        after = replace(after, number=replace(after.number, version=before.number.version + 1))
    if after.call_plan != before.call_plan:
        after = replace(after, call_plan=replace(after.call_plan, version=before.call_plan.version + 1))
    if after.assignment != before.assignment:
        after = replace(after, assignment=replace(after.assignment, version=before.assignment.version + 1))
    return after


def overlapping(orders: Sequence[NumberOrder]) -> NumberOrder | None:
    """SPEC C9: an order that holds a number on a day on which an earlier one of the same row does already."""
    latest: dict[str, list[NumberOrder]] = {}
    for order in orders:
        held = latest.setdefault(order.number, [])
        if any(_overlap(order, other) for other in held):
            return order
        held.append(order)
    return None


def _overlap(one: NumberOrder, other: NumberOrder) -> bool:
    return (one.end or date.max) >= other.start and (other.end or date.max) >= one.start
