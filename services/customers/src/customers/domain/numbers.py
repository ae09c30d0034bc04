"""Numbers, who holds them when, and features (SPEC C9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

from contracts.customers import Markups, PlanPeriod
from contracts.reference import PlanCharge, StandardCharge
from customers.domain.charges import Charges, charges_from, check_days, plan_charges
from customers.domain.prices import price_on
from customers.domain.reference import CALL_PLANS, NUMBER_TYPES, STANDARD_FEATURES, Book
from customers.domain.rules import RuleBroken

DiscountPlans: TypeAlias = tuple[PlanPeriod, ...]


@dataclass(frozen=True)
class Number:
    """A number on a customer's account, in E.164 where it has that form.

    Charges have the days that were agreed for them; none goes beyond the number's end, wherever that moves.
    """

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
    discount_plans: DiscountPlans = ()


@dataclass(frozen=True)
class Feature:
    """A charge that is no number: of the customer, or of one of its numbers. A call plan is one.

    What begins after its end is not charged, and what would go on beyond it is charged to it.
    """

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
    discount_plans: DiscountPlans = ()


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


Entity: TypeAlias = Number | Feature | Assignment


@dataclass(frozen=True)
class LinePlan:
    """A call plan of a number, and the active period that it gives: the days of both are the same."""

    feature: Feature
    assignment: Assignment


@dataclass(frozen=True)
class Line:
    """A number with its call plans, the earliest first: they have no day in common, and there may be gaps.

    There is always one; the first begins with the number, and none goes beyond the number's end.
    """

    number: Number
    plans: tuple[LinePlan, ...]

    @property
    def call_plan(self) -> Feature:
        """The call plan that the number was added with."""
        return self.plans[0].feature

    @property
    def assignment(self) -> Assignment:
        """The active period that the number was added with."""
        return self.plans[0].assignment

    def plan_on(self, day: date) -> LinePlan | None:
        """The call plan that is active on a day."""
        found = (plan for plan in self.plans if plan.feature.start <= day <= (plan.feature.end or date.max))
        return next(found, None)

    def plan_at(self, day: date) -> LinePlan:
        """The call plan of a day; in a gap the last one before it, and before all of them the first."""
        begun = [plan for plan in self.plans if plan.feature.start <= day]
        return begun[-1] if begun else self.plans[0]

    def entities(self) -> Iterator[Entity]:
        """All of it; what is referred to comes before what refers to it."""
        yield self.number
        for plan in self.plans:
            yield plan.feature
            yield plan.assignment


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
        charges=charges_from(order.charges, order.start, book, ids),
    )
    days = (order.start, order.end)
    charges = charges_from(plan_charges(plan, order.call_plan_charge), order.start, book, ids)
    return Line(number, (line_plan(number, (plan.code, plan.name), days, charges, ids),))


def line_plan(
    number: Number, plan: tuple[str, str], days: tuple[date, date | None], charges: Charges, ids: Iterator[int]
) -> LinePlan:
    """A call plan for a number: its code and name, its first and last day."""
    feature = Feature(
        feature_id=next(ids),
        customer_id=number.customer_id,
        version=1,
        number_id=number.number_id,
        kind="call_plan",
        code=plan[0],
        description=plan[1],
        start=days[0],
        end=days[1],
        charges=charges,
    )
    period = Assignment(
        assignment_id=next(ids),
        customer_id=number.customer_id,
        version=1,
        number_id=number.number_id,
        feature_id=feature.feature_id,
        number=number.number,
        call_plan=plan[0],
        start=days[0],
        end=days[1],
    )
    return LinePlan(feature, period)


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
        charges=charges_from(charges_ordered(order, book), order.start, book, ids),
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
