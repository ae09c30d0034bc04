"""Numbers of an import: what a row asks for, what is there already, what earlier rows have taken (SPEC C9)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from contracts.customers import Charge
from contracts.reference import StandardCharge
from customers.domain.numbers import Line, NumberOrder


@dataclass(frozen=True)
class Owner:
    """A customer, as far as an import names it; with its last day where it is on Final Bill or dropped."""

    customer_id: int
    account_number: str
    name: str
    last_day: date | None = None
    deletion_due: date | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """The days that a row of the file has taken for its customer. In a dry run there is no number id."""

    row: int
    start: date
    end: date | None
    customer_id: int
    asked: int
    number_id: int | None


@dataclass
class TakenDays:
    """What the rows before have taken. Small, for a file may have many."""

    _of: dict[str, list[Taken]] = field(default_factory=dict)

    def on(self, order: NumberOrder) -> Taken | None:
        """The first that has the number on a day of the order."""
        return next((taken for taken in self._of.get(order.number, ()) if _overlap(taken, order)), None)

    def add(self, order: NumberOrder, taken: Taken) -> None:
        """A row that is added."""
        self._of.setdefault(order.number, []).append(taken)

    def drop(self, order: NumberOrder, row: int) -> None:
        """A row that was not added after all."""
        kept = [taken for taken in self._of.pop(order.number, ()) if taken.row != row]
        if kept:
            self._of[order.number] = kept


def _overlap(taken: Taken, order: NumberOrder) -> bool:
    return (taken.end or date.max) >= order.start and (order.end or date.max) >= taken.start


def taken_by(row: int, order: NumberOrder, customer_id: int, number_id: int | None) -> Taken:
    """What a row takes."""
    return Taken(row, order.start, order.end, customer_id, fingerprint(order), number_id)


def fingerprint(order: NumberOrder) -> int:
    """The same for two orders that ask for the same, within this process."""
    return hash(repr(order))


def differing(order: NumberOrder, line: Line) -> list[str]:
    """The columns in which a line of the same customer is not as a row asks for it; none: it is there already.

    What the row leaves to a default, the number's type and the call plan's charge, may have become anything.
    """
    return list(_differing(order, line))


def _differing(order: NumberOrder, line: Line) -> Iterator[str]:
    number, plan = line.number, line.plans[0]
    for name in ("start", "end", "label"):
        if getattr(order, name) != getattr(number, name):
            yield name
    if len(line.plans) > 1 or order.call_plan != plan.assignment.call_plan:
        yield "call_plan"
    if order.number_type is not None and order.number_type != number.number_type:
        yield "number_type"
    for name in type(order.rating).model_fields:
        if getattr(order.rating, name) != getattr(number.rating, name):
            yield name
    if [_terms(each) for each in order.charges] != [_terms(each) for each in number.charges]:
        yield "charges"
    agreed = order.call_plan_charge
    if agreed is not None:
        own = agreed.model_dump(exclude={"description"})
        wanted = StandardCharge(kind="recurring", description=agreed.description or plan.feature.description, **own)
        if [_terms(each) for each in plan.feature.charges] != [_terms(wanted)]:
            yield "call_plan_charge"


def _terms(charge: StandardCharge | Charge) -> tuple[object, ...]:
    return tuple(getattr(charge, name) for name in StandardCharge.model_fields)
