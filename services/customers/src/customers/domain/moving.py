"""Moving a number from one customer to another on a day (SPEC C9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from contracts.customers import Charge, Markups
from contracts.reference import PlanCharge
from customers.domain.changes import ended_before
from customers.domain.charges import Charges, charged_within, charges_from, plan_charges
from customers.domain.numbers import Entity, Feature, Line, LinePlan, Number, line_plan
from customers.domain.prices import check_day
from customers.domain.reference import CALL_PLANS, Book
from customers.domain.rules import RuleBroken


@dataclass(frozen=True)
class MoveOrder:
    """Where a number goes, and its first day there.

    `keep` and `features` are the ids of the charges that go along and of the linked features that do; None is all of
    them. Without a call plan it keeps the one that it has; `call_plan_charge` is what is agreed for it there.
    """

    customer_id: int
    on: date
    keep: frozenset[int] | None = None
    features: frozenset[int] | None = frozenset()
    call_plan: str | None = None
    call_plan_charge: PlanCharge | None = None

    def takes(self, feature: Feature) -> bool:
        """Whether a linked feature goes along."""
        return self.features is None or feature.feature_id in self.features

    def keeps(self, charge: Charge) -> bool:
        """Whether a charge goes along, where what it is on does."""
        return self.keep is None or charge.charge_id in self.keep


@dataclass(frozen=True)
class Moved:
    """What is left at the old customer, and what the new one has."""

    left: tuple[Entity, ...]
    line: Line
    features: tuple[Feature, ...]

    def entities(self) -> Iterator[Entity]:
        """All of it, what is referred to before what refers to it."""
        yield from self.left
        yield from self.line.entities()
        yield from self.features


def ids_to_move(line: Line, features: Sequence[Feature]) -> int:
    """The most ids that moving these takes."""
    owners: list[Number | Feature] = [line.number, *(plan.feature for plan in line.plans), *features]
    return 4 + len(features) + sum(len(owner.charges) for owner in owners)


def move(line: Line, features: Sequence[Feature], order: MoveOrder, book: Book, ids: Iterator[int]) -> Moved:
    """SPEC C9: the number ends at the old customer the day before, with its call plan and linked features, and begins
    at the new one, as if added there.

    Its type and label go along, tariff, markups and discount plans do not: they were agreed with the old customer.
    What would begin at the old one on that day or later is as if it had never been there.

    Args:
        line: as the old customer has it.
        features: those that are linked to it.
        order: where it goes.
        book: the reference lists.
        ids: fresh ids.

    Raises:
        RuleBroken: says which field and why.
    """
    _check(line, features, order)
    going = [feature for feature in features if order.takes(feature) and not _is_over(feature, order.on)]
    plan = _plan_going(line, order)
    owners: list[Number | Feature] = [line.number, *going]
    _check_kept(order, [*owners, plan] if plan else owners)
    number = replace(
        line.number,
        number_id=next(ids),
        customer_id=order.customer_id,
        version=1,
        start=order.on,
        rating=Markups(),
        discount_plans=(),
        charges=_charges(line.number, order, ids),
    )
    new = Line(number, (_plan(line, number, order, book, ids),))
    moved = tuple(_moved_feature(feature, number, order, ids) for feature in going)
    return Moved(tuple(_left(line, features, order)), new, moved)


def _check(line: Line, features: Sequence[Feature], order: MoveOrder) -> None:
    number = line.number
    check_day(order.on, "on")
    if order.customer_id == number.customer_id:
        raise RuleBroken("customer_id", f"customer {number.customer_id} has the number already: choose another")
    if order.on < number.start:
        raise RuleBroken("on", f"the number begins on {number.start}: move it on that day, or later")
    if number.end is not None and order.on > number.end:
        raise RuleBroken("on", f"the number ended on {number.end}: move it by then, or add it to the other customer")
    there = {feature.feature_id: feature for feature in features}
    for feature_id in sorted(order.features or ()):
        if feature_id not in there:
            raise RuleBroken("features", f"no feature {feature_id} is linked to the number: leave it out")
        if _is_over(there[feature_id], order.on):
            raise RuleBroken("features", f"feature {feature_id} ended before {order.on}: leave it out")


def _check_kept(order: MoveOrder, owners: Sequence[Number | Feature]) -> None:
    going = {charge.charge_id for owner in owners for charge in owner.charges if _goes(owner, charge, order.on)}
    for charge_id in sorted((order.keep or frozenset()) - going):
        raise RuleBroken("keep", f"charge {charge_id} is none that could go along on {order.on}: leave it out")


def _is_over(owner: Number | Feature, day: date) -> bool:
    return owner.end is not None and owner.end < day


def _goes(owner: Number | Feature, charge: Charge, day: date) -> bool:
    """Whether something of a charge is still to come on a day."""
    if charge.kind == "one_off":
        return charge.start >= day
    [within] = charged_within((charge,), owner.end)
    return within.end is None or within.end >= max(day, within.start)


def _charges(owner: Number | Feature, order: MoveOrder, ids: Iterator[int]) -> Charges:
    """The charges of a number or feature that go along: they begin anew, with periods of their own."""
    going = [each for each in owner.charges if order.keeps(each) and _goes(owner, each, order.on)]
    return tuple(_begun(charge, max(charge.start, order.on), next(ids)) for charge in going)


def _begun(charge: Charge, start: date, charge_id: int) -> Charge:
    anchor = start if charge.kind == "recurring" else None
    return charge.model_copy(update={"charge_id": charge_id, "start": start, "anchor": anchor})


def _plan_going(line: Line, order: MoveOrder) -> Feature | None:
    """The call plan of the day, where it goes along as it is."""
    present = line.plan_on(order.on)
    asked = order.call_plan is not None or order.call_plan_charge is not None
    return None if asked or present is None else present.feature


def _plan(line: Line, number: Number, order: MoveOrder, book: Book, ids: Iterator[int]) -> LinePlan:
    days = (order.on, number.end)
    going = _plan_going(line, order)
    if going is not None:
        return line_plan(number, (going.code or "", going.description), days, _charges(going, order, ids), ids)
    code = order.call_plan or line.plan_at(order.on).assignment.call_plan
    plan = book.require(CALL_PLANS, code, "call_plan")
    charges = charges_from(plan_charges(plan, order.call_plan_charge), order.on, book, ids)
    return line_plan(number, (plan.code, plan.name), days, charges, ids)


def _moved_feature(feature: Feature, number: Number, order: MoveOrder, ids: Iterator[int]) -> Feature:
    return replace(
        feature,
        feature_id=next(ids),
        customer_id=order.customer_id,
        version=1,
        number_id=number.number_id,
        start=max(feature.start, order.on),
        discount_plans=(),
        charges=_charges(feature, order, ids),
    )


def _left(line: Line, features: Sequence[Feature], order: MoveOrder) -> Iterator[Entity]:
    """What the old customer keeps: all of it ended, and nothing that would only have begun."""
    number = ended_before(line.number, order.on)
    if number is not None:
        yield replace(number, charges=_behind(number, order))
        for plan in line.plans:
            yield from _left_plan(plan, order)
    for each in features:
        feature = ended_before(each, order.on)
        if feature is not None:
            link = number.number_id if number is not None else None
            charges = _behind(each, order) if order.takes(each) else each.charges
            yield replace(feature, number_id=link, charges=charges)


def _left_plan(plan: LinePlan, order: MoveOrder) -> Iterator[Entity]:
    feature, assignment = ended_before(plan.feature, order.on), ended_before(plan.assignment, order.on)
    if feature is not None and assignment is not None:
        yield feature
        yield assignment


def _behind(owner: Number | Feature, order: MoveOrder) -> Charges:
    """The charges that stay behind: without those that only begin at the new customer."""
    return tuple(each for each in owner.charges if each.start < order.on or not order.keeps(each))
