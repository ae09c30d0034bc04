"""Which call plan of a number is active when, worked out by hand, and what ends with it."""

from __future__ import annotations

from datetime import date
from itertools import count
from typing import Any

import pytest

from contracts.customers import PlanPeriod
from contracts.reference import CallPlan
from customers.domain import uk
from customers.domain.features import changed_feature
from customers.domain.lines import PlanOrder, changed_line, features_with, with_call_plan, with_plan_until
from customers.domain.numbers import Feature, FeatureOrder, Line, NumberOrder, new_feature, new_line
from customers.domain.plans import check_plans
from customers.domain.reference import CALL_PLANS, Book, Entry
from customers.domain.rules import RuleBroken

BOOK = Book([*uk.defaults(), *(Entry(CALL_PLANS, code, code.upper(), CallPlan()) for code in "abc")])
Days = list[tuple[str, str, str | None]]


def day(text: str | None) -> date | None:
    """'03-15' is 15 March 2025."""
    return date.fromisoformat(f"2025-{text}") if text else None


def start(text: str) -> date:
    return day(text) or date.max


def line(end: str | None = None, *, until: str | None = None, **later: tuple[str, str | None]) -> Line:
    """A number since New Year with the call plan a, and then others: code, first day, last day. It ends at `end`."""
    made = new_line(NumberOrder("+442079460123", "a", start("01-01"), day(until)), 7, BOOK, IDS)
    for code, (first, last) in later.items():
        made = with_call_plan(made, PlanOrder(code, start(first), day(last)), BOOK, IDS)
    return changed_line(made, {"end": day(end)}, BOOK) if end else made


IDS = count(100)


def days(of: Line) -> Days:
    """Its call plans; their active periods have the same days."""
    for plan in of.plans:
        assert (plan.feature.start, plan.feature.end) == (plan.assignment.start, plan.assignment.end)
        assert plan.assignment.feature_id == plan.feature.feature_id
    return [(p.assignment.call_plan, f"{p.feature.start:%m-%d}", _text(p.feature.end)) for p in of.plans]


def _text(end: date | None) -> str | None:
    return f"{end:%m-%d}" if end else None


TWO: Days = [("a", "01-01", "03-31"), ("b", "04-01", None)]
THREE: Days = [("a", "01-01", "03-31"), ("b", "04-01", "05-31"), ("c", "06-01", None)]


@pytest.mark.parametrize(
    ("before", "order", "after"),
    [
        (line(), ("b", "04-01", None), TWO),
        (line(), ("b", "01-01", None), [("b", "01-01", None)]),
        (line(b=("04-01", None)), ("c", "06-01", None), THREE),
        (line(c=("06-01", None)), ("b", "04-01", None), THREE),
        (line(c=("06-01", None)), ("b", "04-01", "05-31"), THREE),
        (line(), ("b", "04-01", "05-31"), [("a", "01-01", "03-31"), ("b", "04-01", "05-31")]),
        (
            line(b=("04-01", "04-30")),
            ("a", "06-01", None),
            [("a", "01-01", "03-31"), ("b", "04-01", "04-30"), ("a", "06-01", None)],
        ),
        (line(b=("04-01", None)), ("c", "04-01", None), [("a", "01-01", "03-31"), ("c", "04-01", None)]),
        (line(), ("a", "04-01", None), [("a", "01-01", None)]),
        (line(until="06-30"), ("b", "04-01", None), [("a", "01-01", "03-31"), ("b", "04-01", "06-30")]),
        (line(until="06-30"), ("b", "06-30", None), [("a", "01-01", "06-29"), ("b", "06-30", "06-30")]),
        (line(b=("01-02", None)), ("c", "01-02", "01-02"), [("a", "01-01", "01-01"), ("c", "01-02", "01-02")]),
    ],
    ids=[
        "the present one ends the day before",
        "on its very first day it is replaced",
        "one after the other",
        "in between, up to the next",
        "in between, with the end that it would have",
        "with an end: a gap follows",
        "behind a gap",
        "one that lies ahead is replaced",
        "the same again changes nothing",
        "it ends with its number",
        "on the last day of its number",
        "a day each",
    ],
)
def test_a_call_plan_begins_and_the_one_of_that_day_ends_the_day_before(
    before: Line, order: tuple[str, str, str | None], after: Days
) -> None:
    """C9: the present plan ends the day before, the new one begins."""
    code, first, last = order
    changed = with_call_plan(before, PlanOrder(code, start(first), day(last)), BOOK, IDS)
    assert days(changed) == after
    assert changed.number == before.number


@pytest.mark.parametrize(
    ("before", "order", "field", "words"),
    [
        (line(), ("b", "01-01", "2024-12-31"), "end", "lies before"),
        (line(), ("odd", "02-01", None), "call_plan", "not known"),
        (line(until="06-30"), ("b", "07-01", None), "start", "ends on 2025-06-30"),
        (line(until="06-30"), ("b", "06-01", "07-01"), "end", "ends on 2025-06-30"),
        (line(c=("06-01", None)), ("b", "04-01", "06-01"), "end", "end this by 2025-05-31"),
    ],
)
def test_a_call_plan_that_does_not_fit_is_refused(
    before: Line, order: tuple[str, str, str | None], field: str, words: str
) -> None:
    """C9"""
    code, first, last = order
    end = date.fromisoformat(last) if last and len(last) > 5 else day(last)
    with pytest.raises(RuleBroken, match=words) as refused:
        with_call_plan(before, PlanOrder(code, start(first), end), BOOK, IDS)
    assert refused.value.field == field


def test_a_call_plan_does_not_begin_before_its_number() -> None:
    with pytest.raises(RuleBroken, match="begins on 2025-01-01"):
        with_call_plan(line(), PlanOrder("b", date(2024, 12, 31)), BOOK, IDS)


@pytest.mark.parametrize(
    ("before", "end", "after"),
    [
        (line(), "02-28", [("a", "01-01", "02-28")]),
        (line(b=("04-01", None)), "05-31", [("a", "01-01", "03-31"), ("b", "04-01", "05-31")]),
        (line(b=("04-01", None)), "04-01", [("a", "01-01", "03-31"), ("b", "04-01", "04-01")]),
        (line(b=("04-01", None)), "03-31", [("a", "01-01", "03-31")]),
        (line(b=("04-01", None)), "02-28", [("a", "01-01", "02-28")]),
        (line(b=("04-01", "04-30")), "05-31", [("a", "01-01", "03-31"), ("b", "04-01", "04-30")]),
        (line("02-28"), None, [("a", "01-01", None)]),
        (line("02-28"), "06-30", [("a", "01-01", "06-30")]),
        (line("05-31", b=("04-01", None)), None, TWO),
        (line("02-28", b=("04-01", None)), None, [("a", "01-01", None)]),
        (line("06-30", b=("04-01", "04-30")), None, [("a", "01-01", "03-31"), ("b", "04-01", "04-30")]),
    ],
    ids=[
        "its plan ends with it",
        "the plan of the day does",
        "on the first day of a plan",
        "a plan that would begin later is gone",
        "and the one of the day ends",
        "in a gap nothing ends",
        "opened again",
        "the end moves on",
        "opened again with two plans",
        "what was gone does not come back",
        "opened again in a gap",
    ],
)
def test_an_end_that_moves_takes_the_call_plans_with_it(before: Line, end: str | None, after: Days) -> None:
    """C9: both days of a period are included."""
    assert days(changed_line(before, {"end": day(end)}, BOOK)) == after


@pytest.mark.parametrize(
    ("before", "place", "end", "after"),
    [
        (line(), 0, "02-28", [("a", "01-01", "02-28")]),
        (line(b=("04-01", None)), 0, "02-28", [("a", "01-01", "02-28"), ("b", "04-01", None)]),
        (line(b=("04-01", None)), 0, None, TWO),
        (line(b=("04-01", "04-30")), 1, None, TWO),
        (line(until="06-30", b=("04-01", "04-30")), 1, None, [("a", "01-01", "03-31"), ("b", "04-01", "06-30")]),
    ],
)
def test_a_call_plan_that_ends_leaves_a_gap_and_no_end_goes_up_to_what_follows(
    before: Line, place: int, end: str | None, after: Days
) -> None:
    """C9: a number that is not active for a while."""
    assert days(with_plan_until(before, before.plans[place].feature.feature_id, day(end))) == after


def test_a_call_plan_cannot_outlast_what_follows_it() -> None:
    before = line(b=("04-01", None))
    with pytest.raises(RuleBroken, match="end this by 2025-03-31"):
        with_plan_until(before, before.plans[0].feature.feature_id, start("04-01"))


@pytest.mark.parametrize(
    ("on", "active", "shown"),
    [("01-01", "a", "a"), ("03-31", "a", "a"), ("04-30", "b", "b"), ("05-01", None, "b"), ("06-01", "c", "c")],
)
def test_the_call_plan_of_a_day(on: str, active: str | None, shown: str) -> None:
    made = line(b=("04-01", "04-30"), c=("06-01", None))
    plan = made.plan_on(start(on))
    assert (plan.feature.code if plan else None) == active
    assert made.plan_at(start(on)).feature.code == shown


def feature(first: str, last: str | None = None) -> Feature:
    return new_feature(FeatureOrder(start(first), day(last), description="Care"), 7, {}, BOOK, IDS)


@pytest.mark.parametrize(
    ("number", "end", "before", "after"),
    [
        (None, "03-31", ("01-01", None), ("01-01", "03-31")),
        (None, "03-31", ("01-01", "02-28"), ("01-01", "02-28")),
        (None, "03-31", ("01-01", "04-30"), ("01-01", "03-31")),
        (None, "03-31", ("04-01", None), None),
        ("03-31", None, ("01-01", "03-31"), ("01-01", None)),
        ("03-31", None, ("01-01", "02-28"), ("01-01", "02-28")),
    ],
)
def test_linked_features_follow_their_number_where_that_is_asked_for(
    number: str | None, end: str | None, before: tuple[str, str | None], after: tuple[str, str | None] | None
) -> None:
    """C9"""
    followed = list(features_with(line(until=number), day(end), [feature(*before)]))
    assert [(f"{each.start:%m-%d}", _text(each.end)) for each in followed] == ([after] if after else [])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"description": ""}, "description"),
        ({"end": date(2024, 12, 31)}, "end"),
        ({"end": date(2300, 1, 1)}, "end"),
        ({"discount_plans": (PlanPeriod(plan="x", start=date(1066, 10, 14)),)}, "discount_plans.0.start"),
    ],
)
def test_what_is_wrong_with_a_change_of_a_feature_is_said(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        changed_feature(feature("01-01"), changes)
    assert refused.value.field == field


def test_of_a_call_plan_only_words_and_end_change_by_itself() -> None:
    plan = line().plans[0].feature
    assert changed_feature(plan, {"description": "Talk"}).description == "Talk"
    with pytest.raises(RuleBroken, match="call plan of number"):
        changed_feature(plan, {"number_id": 5})


def period(plan: str, first: str, last: str | None = None) -> PlanPeriod:
    return PlanPeriod(plan=plan, start=start(first), end=day(last))


@pytest.mark.parametrize(
    ("plans", "fits"),
    [
        ([period("m", "01-01", "01-31"), period("m", "02-01")], True),
        ([period("m", "02-01"), period("m", "01-01", "01-31")], True),
        ([period("m", "01-01"), period("n", "01-01")], True),
        ([period("m", "01-01", "02-01"), period("m", "02-01")], False),
        ([period("m", "01-01"), period("m", "06-01", "06-30")], False),
        ([period("m", "06-01", "05-31")], False),
    ],
)
def test_a_discount_plan_is_there_once_on_a_day(plans: list[PlanPeriod], fits: bool) -> None:
    """R7"""
    if fits:
        return check_plans(plans)
    with pytest.raises(RuleBroken):
        check_plans(plans)
    return None
