"""Moving a number to another customer: what is left, what is there, on which days; worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from contracts.customers import Markups, PlanPeriod
from contracts.reference import CallPlan, PlanCharge, StandardCharge
from customers.domain import uk
from customers.domain.changes import changes_between
from customers.domain.charges import added_charge, charged_within
from customers.domain.events import changed
from customers.domain.lines import PlanOrder, with_call_plan
from customers.domain.moving import Moved, MoveOrder, ids_to_move, move
from customers.domain.numbers import Assignment, Feature, FeatureOrder, Line, Number, NumberOrder, new_feature, new_line
from customers.domain.reference import CALL_PLANS, Book, Entry
from customers.domain.rules import RuleBroken

PLUS = Entry(CALL_PLANS, "plus", "Plus", CallPlan(charge=PlanCharge(amount=Decimal("12.50"), frequency_months=3)))
BOOK = Book([*uk.defaults(), PLUS])
MONTHLY = StandardCharge(kind="recurring", description="Voicemail", amount=Decimal("1.50"), frequency_months=3)
ONCE = StandardCharge(kind="one_off", description="Set-up", amount=Decimal(5))
OLD, NEW = 7, 8
IDS = count(1000)


def on(text: str) -> date:
    return date.fromisoformat(f"2025-{text}")


def line(end: str | None = None, plan: str = "plus") -> Line:
    """A number since New Year with a charge every quarter and one of New Year."""
    order = NumberOrder("+442079460123", plan, on("01-01"), on(end) if end else None, charges=(MONTHLY, ONCE))
    return new_line(order, OLD, BOOK, IDS)


def feature(first: str, last: str | None = None, number_id: int = 1) -> Feature:
    order = FeatureOrder(
        on(first), on(last) if last else None, number_id=number_id, description="Care", charges=(ONCE,)
    )
    return new_feature(order, OLD, {}, BOOK, IDS)


def moved(of: Line, day: str, *features: Feature, **order: Any) -> Moved:
    ids = list(range(1, 1 + ids_to_move(of, features)))
    return move(of, features, MoveOrder(NEW, on(day), **order), BOOK, iter(ids))


def left(found: Moved) -> list[tuple[str, str, str | None]]:
    return [
        (type(each).__name__, f"{each.start:%m-%d}", f"{each.end:%m-%d}" if each.end else None) for each in found.left
    ]


@pytest.mark.parametrize(
    ("end", "day", "old", "new"),
    [
        (None, "04-01", "03-31", ("04-01", None)),
        (None, "01-02", "01-01", ("01-02", None)),
        (None, "01-01", None, ("01-01", None)),
        ("06-30", "04-01", "03-31", ("04-01", "06-30")),
        ("06-30", "06-30", "06-29", ("06-30", "06-30")),
    ],
)
def test_a_number_ends_at_the_old_customer_the_day_before_and_begins_at_the_new_one(
    end: str | None, day: str, old: str | None, new: tuple[str, str | None]
) -> None:
    """C9: active for one customer at most on any day; a move on its first day leaves nothing behind."""
    found = moved(line(end), day)
    assert left(found) == [(kind, "01-01", old) for kind in ("Number", "Feature", "Assignment") if old]
    first, last = on(new[0]), on(new[1]) if new[1] else None
    for each in found.line.entities():
        assert (each.customer_id, each.version, each.start, each.end) == (NEW, 1, first, last)
    assert found.line.assignment.number_id == found.line.call_plan.number_id == found.line.number.number_id


def test_a_move_is_told_as_two_periods_that_have_no_day_in_common() -> None:
    """R3: rating reads assignments alone."""
    before = line()
    events = list(changed(changes_between(before.entities(), moved(before, "04-01").entities())))
    assert [(each.event_type, each.customer_key()) for each in events] == [
        *((f"{kind}.updated", OLD) for kind in ("number", "feature", "assignment")),
        *((f"{kind}.created", NEW) for kind in ("number", "feature", "assignment")),
    ]


def test_a_move_on_the_first_day_is_told_as_if_it_had_never_been_there() -> None:
    before = line()
    events = list(changed(changes_between(before.entities(), moved(before, "01-01").entities())))
    assert [each.event_type for each in events][3:] == ["assignment.removed", "feature.removed", "number.removed"]
    assert [each.model_dump()["version"] for each in events] == [1, 1, 1, 2, 2, 2]


def test_charges_that_go_along_begin_anew_in_periods_of_their_own() -> None:
    """C9, I2: what is past stays with the old customer."""
    found = moved(line(), "02-10")
    [voicemail] = found.line.number.charges
    [rental] = found.line.call_plan.charges
    for charge in (voicemail, rental):
        assert (charge.start, charge.anchor, charge.end) == (on("02-10"), on("02-10"), None)
    assert (voicemail.amount, rental.amount) == (Decimal("1.50"), Decimal("12.50"))
    number = found.left[0]
    assert isinstance(number, Number)
    assert [each.end for each in charged_within(number.charges, number.end)] == [on("02-09"), None]


def test_a_charge_that_lies_ahead_is_only_there_where_it_goes() -> None:
    """Z6: a one-off is charged once, by one of them."""
    before = line()
    ahead = added_charge(ONCE, (on("05-01"), None), (on("01-01"), None), BOOK, 500)
    before = replace(before, number=replace(before.number, charges=(*before.number.charges, ahead)))
    found = moved(before, "02-10")
    assert [each.start for each in found.line.number.charges] == [on("02-10"), on("05-01")]
    assert isinstance(found.left[0], Number)
    assert ahead not in found.left[0].charges
    behind = moved(before, "02-10", keep=frozenset())
    assert isinstance(behind.left[0], Number)
    assert ahead in behind.left[0].charges
    assert behind.line.number.charges == ()


def test_only_the_charges_named_go_along() -> None:
    before = line()
    voicemail = before.number.charges[0].charge_id
    found = moved(before, "02-10", keep=frozenset({voicemail}))
    assert (len(found.line.number.charges), len(found.line.call_plan.charges)) == (1, 0)


def test_another_call_plan_brings_its_own_charge() -> None:
    found = moved(line(plan="standard"), "02-10", call_plan="plus")
    assert [each.amount for each in found.line.call_plan.charges] == [Decimal("12.50")]
    agreed = moved(line(), "02-10", call_plan_charge=PlanCharge(amount=Decimal(9)))
    assert [each.amount for each in agreed.line.call_plan.charges] == [Decimal(9)]


def test_what_was_agreed_with_the_old_customer_stays_there() -> None:
    """C10, R7: the new customer's tariff and markups are inherited."""
    before = line()
    plans = (PlanPeriod(plan="m", start=on("01-01")),)
    own = replace(before.number, rating=Markups(tariff="uk-home"), discount_plans=plans, label="Reception")
    found = moved(replace(before, number=own), "02-10")
    assert (found.line.number.rating, found.line.number.discount_plans) == (Markups(), ())
    assert (found.line.number.label, found.line.number.number_type) == ("Reception", own.number_type)
    assert isinstance(found.left[0], Number)
    assert found.left[0].rating.tariff == "uk-home"


def test_linked_features_end_or_go_along() -> None:
    """C9"""
    stays, goes, over, ahead = (feature(*days) for days in (("01-01",), ("01-01",), ("01-01", "01-31"), ("06-01",)))
    found = moved(line(), "02-10", stays, goes, over, ahead, features=frozenset({goes.feature_id}))
    behind = {each.feature_id: each.end for each in found.left if isinstance(each, Feature) and each.kind == "feature"}
    assert behind == {
        stays.feature_id: on("02-09"),
        goes.feature_id: on("02-09"),
        over.feature_id: on("01-31"),
    }
    [there] = found.features
    assert (there.customer_id, there.number_id, there.start) == (NEW, found.line.number.number_id, on("02-10"))
    every = moved(line(), "02-10", stays, goes, over, ahead, features=None)
    assert [each.start for each in every.features] == [on("02-10"), on("02-10"), on("06-01")]


def test_a_feature_older_than_the_number_that_goes_is_not_linked_to_what_is_no_more() -> None:
    older = replace(feature("01-01"), start=date(2024, 6, 1))
    [kept] = moved(line(), "01-01", older).left
    assert isinstance(kept, Feature)
    assert (kept.number_id, kept.end) == (None, date(2024, 12, 31))


def test_of_several_call_plans_the_one_of_the_day_goes_on_and_those_ahead_are_gone() -> None:
    before = with_call_plan(line(plan="standard"), PlanOrder("plus", on("03-01")), BOOK, IDS)
    before = with_call_plan(before, PlanOrder("standard", on("06-01")), BOOK, IDS)
    found = moved(before, "04-01")
    periods = [each for each in found.left if isinstance(each, Assignment)]
    assert [(each.call_plan, each.end) for each in periods] == [("standard", on("02-28")), ("plus", on("03-31"))]
    assert [plan.assignment.call_plan for plan in found.line.plans] == ["plus"]


def test_in_a_gap_the_last_call_plan_begins_again_at_its_standard_price() -> None:
    before = with_call_plan(line(plan="standard"), PlanOrder("plus", on("03-01"), on("03-31")), BOOK, IDS)
    found = moved(before, "05-01")
    assert found.line.assignment.call_plan == "plus"
    assert [each.amount for each in found.line.call_plan.charges] == [Decimal("12.50")]
    assert [each.end for each in found.left if isinstance(each, Assignment)] == [on("02-28"), on("03-31")]


@pytest.mark.parametrize(
    ("end", "order", "field"),
    [
        (None, MoveOrder(OLD, on("04-01")), "customer_id"),
        (None, MoveOrder(NEW, date(2024, 12, 31)), "on"),
        ("03-31", MoveOrder(NEW, on("04-01")), "on"),
        (None, MoveOrder(NEW, date(2222, 2, 2)), "on"),
        (None, MoveOrder(NEW, on("04-01"), features=frozenset({99})), "features"),
        (None, MoveOrder(NEW, on("04-01"), keep=frozenset({99})), "keep"),
        (None, MoveOrder(NEW, on("04-01"), call_plan="odd"), "call_plan"),
    ],
)
def test_a_move_that_makes_no_sense_is_refused(end: str | None, order: MoveOrder, field: str) -> None:
    """C9"""
    with pytest.raises(RuleBroken) as refused:
        move(line(end), (), order, BOOK, count(1))
    assert refused.value.field == field


def test_a_past_one_off_cannot_go_along() -> None:
    before = line()
    with pytest.raises(RuleBroken, match="none that could go along"):
        moved(before, "02-10", keep=frozenset({before.number.charges[1].charge_id}))
