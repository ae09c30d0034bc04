"""What actions end and give back, worked out by hand in tables, and whatever their order (SPEC C14 to C16, Z6, Z8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.customers import Charge
from contracts.reference import PlanCharge
from customers.domain import uk
from customers.domain.changes import changes_between, id_of
from customers.domain.charges import charged_within
from customers.domain.dropping import ended_for_drop
from customers.domain.effects import effects
from customers.domain.final_bill import ended_for_final_bill
from customers.domain.keeping import Ended, ended_by, given_back
from customers.domain.lines import PlanOrder, with_call_plan
from customers.domain.numbers import (
    Assignment,
    Entity,
    Feature,
    FeatureOrder,
    Number,
    NumberOrder,
    new_feature,
    new_line,
)
from customers.domain.reference import Book
from customers.domain.reinstating import ReinstateOrder, ids_to_reopen, reopened

BOOK = Book(uk.defaults())
FIRST = date(2025, 1, 1)
AGREED = PlanCharge(amount=Decimal("4.50"))
DAYS = st.integers(0, 120).map(lambda days: FIRST + timedelta(days=days))
Entities = tuple[Entity, ...]


def day(text: str) -> date:
    """'03-15' is 15 March 2025."""
    return date.fromisoformat(f"2025-{text}")


def charge(charge_id: int, start: str, end: str | None = None, *, one_off: bool = False) -> Charge:
    terms: dict[str, Any] = {"kind": "one_off"} if one_off else {"kind": "recurring", "frequency_months": 1}
    last = day(end) if end else None
    return Charge(charge_id=charge_id, description="x", amount="1.00", start=day(start), end=last, **terms)


def feature(start: str, end: str | None = None, *charges: Charge) -> Feature:
    order = FeatureOrder(start=day(start), end=day(end) if end else None, description="Care", charges=())
    return replace(new_feature(order, 7, {}, BOOK, count(1)), charges=charges)


def spans(entities: Iterable[Entity]) -> list[tuple[str, str | None]]:
    return [(f"{each.start:%m-%d}", f"{each.end:%m-%d}" if each.end else None) for each in entities]


@pytest.mark.parametrize(
    ("start", "end", "by", "after"),
    [
        ("01-01", None, "01-31", [("01-01", "01-31")]),
        ("01-01", "01-15", "01-31", [("01-01", "01-15")]),
        ("01-01", "01-31", "01-31", [("01-01", "01-31")]),
        ("01-01", "02-01", "01-31", [("01-01", "01-31")]),
        ("01-31", None, "01-31", [("01-31", "01-31")]),
        ("02-01", None, "01-31", []),
        ("02-01", "02-28", "01-31", []),
    ],
)
def test_what_a_final_bill_date_leaves(start: str, end: str | None, by: str, after: list[Any]) -> None:
    """C14, Z6: an earlier end stays, what would begin later is cancelled; withdrawn all is as before."""
    before: Entities = (feature(start, end),)
    left = ended_by(before, {}, day(by))
    assert spans(left.entities) == after
    assert _plain(given_back(left.entities, left.kept)) == _plain(before)


@pytest.mark.parametrize(
    ("charges", "left", "again"),
    [
        ([charge(1, "01-01")], [(1, "01-01", "01-31")], [(1, "01-01", "01-31"), (0, "03-01", None)]),
        ([charge(1, "01-01", "02-15")], [(1, "01-01", "01-31")], [(1, "01-01", "01-31")]),
        ([charge(1, "01-01", "01-15")], [(1, "01-01", "01-15")], [(1, "01-01", "01-15")]),
        ([charge(1, "01-01", "04-30")], [(1, "01-01", "01-31")], [(1, "01-01", "01-31"), (0, "03-01", "04-30")]),
        ([charge(1, "02-10")], [], [(0, "03-01", None)]),
        ([charge(1, "02-10", "02-20")], [], []),
        ([charge(1, "03-10")], [], [(1, "03-10", None)]),
        ([charge(1, "01-10", one_off=True)], [(1, "01-10", None)], [(1, "01-10", None)]),
        ([charge(1, "02-10", one_off=True)], [], []),
        ([charge(1, "03-01", one_off=True)], [], [(1, "03-01", None)]),
    ],
)
def test_charges_after_a_drop_and_from_a_reinstatement_on(charges: Any, left: Any, again: Any) -> None:
    """C16, Z8: dropped on 31 January, reinstated on 1 March: nothing for the gap, no one-off twice. 0 is a new id."""
    ended = ended_for_drop((feature("01-01", None, *charges),), {}, day("01-31"), None)
    assert _charged(ended.entities, known={1}) == left
    assert _charged(_reopened(ended, "03-01"), known={1}) == again


def test_a_charge_goes_on_in_its_old_periods() -> None:
    """Z8"""
    ended = ended_for_drop((feature("01-01", None, charge(1, "01-15")),), {}, day("01-31"), None)
    [again] = _reopened(ended, "03-01")
    assert isinstance(again, Feature)
    assert [each.anchor for each in again.charges] == [None, day("01-15")]
    twice = ended_for_drop((again,), {}, day("03-31"), None)
    [once_more] = _reopened(twice, "05-01")
    assert isinstance(once_more, Feature)
    assert [each.anchor for each in once_more.charges] == [None, day("01-15"), day("01-15")]


@pytest.mark.parametrize(
    ("on", "plans"),
    [
        ("02-01", [("01-01", "02-14"), ("02-15", None)]),
        ("02-05", [("01-01", "01-31"), ("02-05", "02-14"), ("02-15", None)]),
        ("02-14", [("01-01", "01-31"), ("02-14", "02-14"), ("02-15", None)]),
        ("02-15", [("01-01", "01-31"), ("02-15", None)]),
        ("03-01", [("01-01", "01-31"), ("03-01", None)]),
    ],
)
def test_call_plans_of_a_number_after_a_gap(on: str, plans: list[Any]) -> None:
    """C9, C16: a plan that was to change on 15 February, dropped on 31 January; their days never overlap."""
    ended = ended_for_drop(_line(second="02-15"), {}, day("01-31"), None)
    again = _reopened(ended, on)
    assert sorted(spans(each for each in again if isinstance(each, Assignment))) == plans
    assert spans(each for each in again if isinstance(each, Number)) == [("01-01", None)]
    _check(again)


def test_another_type_by_hand_stays() -> None:
    """Z8: numbers get back the type they had, unless they were given another since."""
    ended = ended_for_drop(_line(), {}, day("01-31"), "ignore_traffic")
    changed = tuple(replace(each, number_type="sip") if isinstance(each, Number) else each for each in ended.entities)
    [number] = [each for each in _reopened(Ended(changed, ended.kept), "03-01") if isinstance(each, Number)]
    assert number.number_type == "sip"


def test_effects_name_what_ends_is_cancelled_and_opens() -> None:
    """C18"""
    before: Entities = (feature("01-01", None, charge(5, "01-01"), charge(6, "02-10", one_off=True)),)
    ended = ended_by(before, {}, day("01-31"))
    done = [(each.what, each.kind, each.on) for each in effects(changes_between(before, ended.entities))]
    assert done == [
        ("ends", "feature", day("01-31")),
        ("ends", "charge", day("01-31")),
        ("cancelled", "charge", day("02-10")),
    ]
    back = changes_between(ended.entities, given_back(ended.entities, ended.kept))
    assert [each.what for each in effects(back)] == ["opens", "opens", "begins"]


@st.composite
def holdings(draw: st.DrawFn) -> Entities:
    """Numbers with call plans that follow one another, features, and charges of all kinds."""
    ids, found = count(1_000), list[Entity]()
    for place in range(draw(st.integers(0, 3))):
        start, end = _days(draw)
        order = NumberOrder(f"+44207946012{place}", "standard", start, end)
        line = new_line(order, 7, BOOK, ids)
        for _ in range(draw(st.integers(0, 2))):
            on = draw(DAYS)
            if on > start and (end is None or on <= end):
                line = with_call_plan(line, PlanOrder("standard", on, None, AGREED), BOOK, ids)
        found += (_with_charges(draw, each, ids) for each in line.entities())
    numbers = [each for each in found if isinstance(each, Number)]
    for _ in range(draw(st.integers(0, 3))):
        start, end = _days(draw)
        made = new_feature(FeatureOrder(start=start, end=end, description="x", charges=()), 7, {}, BOOK, ids)
        link = draw(st.sampled_from([None, *(each.number_id for each in numbers)]))
        found.append(_with_charges(draw, replace(made, number_id=link), ids))
    order_of = {Number: 0, Feature: 1, Assignment: 2}
    return tuple(sorted(found, key=lambda each: order_of[type(each)]))


def _days(draw: st.DrawFn) -> tuple[date, date | None]:
    start, end = draw(DAYS), draw(st.none() | DAYS)
    return start, end if end is None or end >= start else start


def _with_charges(draw: st.DrawFn, owner: Entity, ids: Iterator[int]) -> Entity:
    if isinstance(owner, Assignment):
        return owner
    charges = []
    for _ in range(draw(st.integers(0, 2))):
        start, end = _days(draw)
        if start >= owner.start:
            kind = draw(
                st.sampled_from([{"kind": "one_off"}, {"kind": "recurring", "frequency_months": 1, "end": end}])
            )
            charges.append(Charge(charge_id=next(ids), description="x", amount="1.00", start=start, **kind))
    return replace(owner, charges=tuple(charges))


@given(holdings(), DAYS)
def test_a_final_bill_that_is_withdrawn_was_never_there(before: Entities, on: date) -> None:
    """C14"""
    ended = ended_for_final_bill(before, {}, on)
    _check(ended.entities)
    assert all(each.end is not None and each.end <= on for each in ended.entities)
    assert _plain(given_back(ended.entities, ended.kept)) == _plain(before)


@given(holdings(), st.lists(DAYS, min_size=1, max_size=4))
def test_only_the_last_date_of_a_repeated_final_bill_counts(before: Entities, dates: list[date]) -> None:
    """C14"""
    ended = Ended(before, {})
    for each in dates:
        ended = ended_for_final_bill(ended.entities, ended.kept, each)
    straight = ended_for_final_bill(before, {}, dates[-1])
    assert _plain(ended.entities) == _plain(straight.entities)
    assert _plain(given_back(ended.entities, ended.kept)) == _plain(before)


@given(holdings(), DAYS, DAYS)
def test_a_drop_after_a_final_bill_is_a_drop_on_the_earlier_of_both(before: Entities, one: date, other: date) -> None:
    """C15: an earlier end stays."""
    billed = ended_for_final_bill(before, {}, one)
    ended = ended_for_drop(billed.entities, billed.kept, other, None)
    assert _plain(ended.entities) == _plain(ended_by(before, {}, min(one, other)).entities)
    _check(ended.entities)
    if other > one:  # what began in between would have been there by then
        return
    assert _plain(given_back(ended.entities, ended.kept)) == _plain(before)


@given(holdings(), DAYS, st.integers(1, 60))
def test_a_reinstatement_charges_no_day_of_the_gap_and_all_from_its_day_on(
    before: Entities, on: date, ahead: int
) -> None:
    """C16, Z8: whatever there is, day by day; the day after the drop leaves no gap at all."""
    day_again = on + timedelta(days=ahead)
    ended = ended_for_drop(before, {}, on, None)
    again = _reopened(ended, f"{day_again:%m-%d}")
    _check(again)
    for offset in range(-20, 80):
        when = on + timedelta(days=offset)
        charged, was = _running(again, when), _running(before, when)
        if when <= on or when >= day_again:
            assert charged == was, when
        else:
            assert charged == (0, 0), when


def _running(entities: Entities, when: date) -> tuple[int, int]:
    """How many recurring charges run on a day, and how many numbers are active."""
    owners = [each for each in entities if not isinstance(each, Assignment)]
    charges = [
        each for owner in owners for each in charged_within(owner.charges, owner.end) if each.kind == "recurring"
    ]
    running = [each for each in charges if each.start <= when <= (each.end or date.max)]
    active = [e for e in entities if isinstance(e, Assignment) and e.start <= when <= (e.end or date.max)]
    return len(running), len(active)


def _line(second: str | None = None) -> Entities:
    ids = count(100)
    line = new_line(NumberOrder("+442079460123", "standard", FIRST), 7, BOOK, ids)
    if second is not None:
        line = with_call_plan(line, PlanOrder("standard", day(second), None, AGREED), BOOK, ids)
    return tuple(line.entities())


def _reopened(ended: Ended, on: str) -> Entities:
    first = max([0, *(id_of(each) for each in ended.entities)]) + 10_000
    ids = iter(range(first, first + ids_to_reopen(ended.entities, ended.kept)))
    return reopened(ended.entities, ended.kept, ReinstateOrder(day(on)), ids)


def _charged(entities: Entities, known: set[int]) -> list[tuple[int, str, str | None]]:
    [owner] = entities
    assert isinstance(owner, Feature)
    return [
        (each.charge_id if each.charge_id in known else 0, *spans_of(each))
        for each in charged_within(owner.charges, owner.end)
    ]


def spans_of(each: Charge) -> tuple[str, str | None]:
    return f"{each.start:%m-%d}", f"{each.end:%m-%d}" if each.end else None


def _plain(entities: Entities) -> dict[int, Any]:
    """Without versions, which only grow; charges in no order."""
    plain = {}
    for each in entities:
        state = {name: value for name, value in vars(each).items() if name != "version"}
        if not isinstance(each, Assignment):
            state["charges"] = sorted(each.charges, key=lambda charge: charge.charge_id)
        plain[id_of(each)] = state
    return plain


def _check(entities: Entities) -> None:
    """SPEC C9: a number has a call plan from its first day on, their days do not overlap nor go beyond the number's."""
    numbers = {each.number_id: each for each in entities if isinstance(each, Number)}
    plans = {each.feature_id: each for each in entities if isinstance(each, Feature)}
    for each in plans.values():
        assert each.number_id is None or each.number_id in numbers
    for number in numbers.values():
        own = [each for each in entities if isinstance(each, Assignment) and each.number_id == number.number_id]
        own.sort(key=lambda each: each.start)
        assert own[0].start == number.start
        for period in own:
            plan = plans[period.feature_id]
            assert (plan.start, plan.end, plan.kind) == (period.start, period.end, "call_plan")
            assert number.end is None or (period.end is not None and period.end <= number.end)
        for earlier, later in pairwise(own):
            assert earlier.end is not None
            assert earlier.end < later.start
