"""Changing numbers: their details, their end, and which call plan is active when (SPEC C9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from contracts.reference import PlanCharge
from customers.domain.charges import charges_from, check_days, plan_charges
from customers.domain.customers import RATING_FIELDS, with_markups
from customers.domain.numbers import Feature, Line, LinePlan, line_plan
from customers.domain.plans import check_plans
from customers.domain.reference import CALL_PLANS, NUMBER_TYPES, Book
from customers.domain.rules import RuleBroken
from money.dates import day_before

MOST_PLANS = 500
"""Of one number, ever."""


@dataclass(frozen=True)
class PlanOrder:
    """A call plan that a number is to have from a day on. Without an end it goes on to the next one, or the number's.

    `charge` is what was agreed for it; None stands for the plan's own.
    """

    call_plan: str
    start: date
    end: date | None = None
    charge: PlanCharge | None = None


def changed_line(line: Line, changes: Mapping[str, Any], book: Book) -> Line:
    """A line with changes to its number; a new end is that of its call plans and active periods too.

    Raises:
        RuleBroken: says which field and why.
    """
    number = line.number
    end = changes.get("end", number.end)
    check_days(number.start, end)
    if changes.get("number_type", number.number_type) != number.number_type:
        book.require(NUMBER_TYPES, changes["number_type"], "number_type")
    check_plans(changes.get("discount_plans", ()))
    plain = {name: value for name, value in changes.items() if name not in RATING_FIELDS}
    changed = replace(number, rating=with_markups(number.rating, changes), **plain)
    return Line(changed, _ended(line.plans, number.end, end))


def _ended(plans: Sequence[LinePlan], before: date | None, end: date | None) -> tuple[LinePlan, ...]:
    """Call plans of a number whose end moves: the last follows it, if it went on to the old one or would go beyond."""
    if end == before:
        return tuple(plans)
    kept = [plan for plan in plans if end is None or plan.feature.start <= end]
    last = kept[-1]
    if last.feature.end == before or _beyond(last, end):
        kept[-1] = _until(last, end)
    return tuple(kept)


def _beyond(plan: LinePlan, end: date | None) -> bool:
    return end is not None and (plan.feature.end is None or plan.feature.end > end)


def _until(plan: LinePlan, end: date | None) -> LinePlan:
    return LinePlan(replace(plan.feature, end=end), replace(plan.assignment, end=end))


def features_with(line: Line, end: date | None, features: Iterable[Feature]) -> Iterator[Feature]:
    """The features linked to a line when they follow its number to a new end; one that would begin after it goes.

    Args:
        line: as it is before.
        end: the number's new one.
        features: those that are linked to it.
    """
    before = line.number.end
    for feature in features:
        outlasts = end is not None and (feature.end is None or feature.end > end)
        if end is None or feature.start <= end:
            yield replace(feature, end=end) if outlasts or feature.end == before else feature


def with_call_plan(line: Line, order: PlanOrder, book: Book, ids: Iterator[int]) -> Line:
    """SPEC C9: a number that has another call plan from a day on: that of the day ends the day before.

    A plan that begins on that very day is replaced, as if it had never been there. The plan that the number has
    already, with nothing else agreed, changes nothing.

    Raises:
        RuleBroken: says which field and why.
    """
    plan = book.require(CALL_PLANS, order.call_plan, "call_plan")
    present = line.plan_on(order.start)
    if present and present.feature.code == order.call_plan and order.end is None and order.charge is None:
        return line
    end = _last_day(line, order)
    if len(line.plans) >= MOST_PLANS:
        raise RuleBroken("call_plan", f"the number has had {MOST_PLANS} call plans: no more are kept")
    charges = charges_from(plan_charges(plan, order.charge), order.start, book, ids)
    new = line_plan(line.number, (plan.code, plan.name), (order.start, end), charges, ids)
    earlier = [_before(each, order.start) for each in line.plans if each.feature.start < order.start]
    later = [each for each in line.plans if each.feature.start > order.start]
    return Line(line.number, (*earlier, new, *later))


def _last_day(line: Line, order: PlanOrder) -> date | None:
    number = line.number
    check_days(order.start, order.end)
    if order.start < number.start:
        raise RuleBroken("start", f"the number begins on {number.start}: a call plan cannot begin before it")
    if number.end is not None and max(order.start, order.end or order.start) > number.end:
        field = "start" if order.start > number.end else "end"
        raise RuleBroken(field, f"the number ends on {number.end}: open it again, or let it end later, first")
    following = next((plan.feature for plan in line.plans if plan.feature.start > order.start), None)
    if following is None:
        return order.end or number.end
    last = day_before(following.start)
    if order.end is not None and order.end > last:
        raise RuleBroken("end", f"the call plan {following.code} begins on {following.start}: end this by {last}")
    return order.end or last


def _before(plan: LinePlan, day: date) -> LinePlan:
    last = day_before(day)
    return _until(plan, last) if plan.feature.end is None or plan.feature.end > last else plan


def with_plan_until(line: Line, feature_id: int, end: date | None) -> Line:
    """A line of which one call plan has another end: up to the next plan, or the number's end, there is then a gap.

    Raises:
        RuleBroken: the end lies before the plan's start, or beyond what follows it.
    """
    place = next(index for index, plan in enumerate(line.plans) if plan.feature.feature_id == feature_id)
    plan = line.plans[place]
    order = PlanOrder(plan.assignment.call_plan, plan.feature.start, end)
    changed = _until(plan, _last_day(line, order))
    return Line(line.number, (*line.plans[:place], changed, *line.plans[place + 1 :]))
