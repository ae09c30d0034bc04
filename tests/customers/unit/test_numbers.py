"""Numbers with their call plans, features, and the charges on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from contracts.customers import AssignmentUpdated, Charge, FeatureUpdated, NumberState, NumberUpdated
from contracts.reference import CallPlan, PlanCharge, StandardCharge, StandardFeature
from customers.domain import uk
from customers.domain.changes import changes_between
from customers.domain.events import changed, line_added, number_state
from customers.domain.lines import changed_line
from customers.domain.numbers import (
    FeatureOrder,
    Line,
    NumberOrder,
    new_feature,
    new_line,
    overlapping,
)
from customers.domain.opening import Opening, ids_needed, open_customer
from customers.domain.reference import CALL_PLANS, STANDARD_FEATURES, Book, Entry
from customers.domain.rules import RuleBroken

PLUS = Entry(CALL_PLANS, "plus", "Plus", CallPlan(charge=PlanCharge(amount=Decimal("12.50"), frequency_months=3)))
SEAT = Entry(
    STANDARD_FEATURES,
    "seat",
    "Seat",
    StandardFeature(
        charges=(
            StandardCharge(kind="recurring", description="Seat", amount=Decimal(6), frequency_months=1),
            StandardCharge(kind="one_off", description="Set-up", amount=Decimal(20)),
        )
    ),
)
BOOK = Book([*uk.defaults(), PLUS, SEAT])
JANUARY = date(2025, 1, 1)
MONTHLY = StandardCharge(kind="recurring", description="Voicemail", amount=Decimal("1.50"), frequency_months=1)
ONCE = StandardCharge(kind="one_off", description="Set-up", amount=Decimal(5))


def line(**more: Any) -> Line:
    order: dict[str, Any] = {"number": "+442079460123", "call_plan": "standard", "start": JANUARY, **more}
    return new_line(NumberOrder(**order), 7, BOOK, count(100))


def test_a_number_gets_one_call_plan_whose_days_are_its_active_period() -> None:
    """C9, R3"""
    made = line(end=date(2025, 6, 30))
    assert made.call_plan.kind == "call_plan"
    assert made.call_plan.number_id == made.assignment.number_id == made.number.number_id
    assert made.assignment.call_plan == "standard"
    days = [(part.start, part.end) for part in (made.number, made.call_plan, made.assignment)]
    assert days == [(JANUARY, date(2025, 6, 30))] * 3


def test_a_number_without_a_type_takes_the_default_one() -> None:
    assert line().number.number_type == "geographic"


def test_a_call_plan_brings_its_standard_charge() -> None:
    """C9: a call plan may carry a recurring charge."""
    [charge] = line(call_plan="plus").call_plan.charges
    assert (charge.kind, charge.amount, charge.frequency_months) == ("recurring", Decimal("12.50"), 3)
    assert (charge.description, charge.start, charge.anchor, charge.end) == ("Plus", JANUARY, JANUARY, None)
    assert line().call_plan.charges == ()


def test_an_agreed_charge_takes_the_place_of_the_call_plans_own() -> None:
    agreed = PlanCharge(amount=Decimal("9.00"), in_advance=False)
    [charge] = line(call_plan="plus", call_plan_charge=agreed).call_plan.charges
    assert (charge.amount, charge.frequency_months, charge.in_advance) == (Decimal("9.00"), 1, False)


def charged(line: Line) -> tuple[Charge, ...]:
    """The charges of its number as the other services are told of them."""
    return number_state(NumberState, line.number).charges


def test_charges_begin_and_end_with_their_number() -> None:
    monthly, once = charged(line(charges=(MONTHLY, ONCE), end=date(2025, 3, 31)))
    assert (monthly.start, monthly.end, monthly.anchor) == (JANUARY, date(2025, 3, 31), JANUARY)
    assert (once.start, once.end, once.anchor) == (JANUARY, None, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"frequency_months": None}, "charges.0.frequency_months"),
        ({"kind": "one_off"}, "charges.0.frequency_months"),
        ({"quantity": Decimal(0)}, "charges.0.quantity"),
        ({"description": " "}, "charges.0.description"),
        ({"vat_rate": "odd"}, "charges.0.vat_rate"),
    ],
)
def test_a_charge_that_could_not_be_billed_is_refused_by_its_place(change: dict[str, Any], field: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        line(charges=(MONTHLY.model_copy(update=change),))
    assert refused.value.field == field


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(RuleBroken, match="lies before the start"):
        line(end=date(2024, 12, 31))
    assert line(end=JANUARY).number.end == JANUARY


def test_a_new_end_is_that_of_call_plan_period_and_charges() -> None:
    before = line(call_plan="plus", charges=(MONTHLY, ONCE))
    after = changed_line(before, {"end": date(2025, 2, 28)}, BOOK)
    number, plan, period = changed(changes_between(before.entities(), after.entities()))
    assert isinstance(number, NumberUpdated)
    assert isinstance(plan, FeatureUpdated)
    assert isinstance(period, AssignmentUpdated)
    assert [(part.end, part.version) for part in (number, plan, period)] == [(date(2025, 2, 28), 2)] * 3
    assert [charge.end for charge in number.charges] == [date(2025, 2, 28), None]
    assert plan.charges[0].end == date(2025, 2, 28)


def test_a_charge_that_was_agreed_to_end_keeps_its_end_wherever_its_numbers_end_moves() -> None:
    """C9: a number that is ended by mistake and opened again is charged as before."""
    made = line(charges=(MONTHLY,))
    early = made.number.charges[0].model_copy(update={"end": date(2025, 4, 30)})
    before = replace(made, number=replace(made.number, charges=(early,)))
    ended = changed_line(before, {"end": date(2025, 2, 28)}, BOOK)
    assert charged(ended)[0].end == date(2025, 2, 28)
    assert charged(changed_line(ended, {"end": date(2025, 6, 30)}, BOOK))[0].end == date(2025, 4, 30)
    assert charged(changed_line(ended, {"end": None}, BOOK)) == charged(before)


def test_an_end_that_is_taken_away_opens_the_charges_again() -> None:
    before = line(charges=(MONTHLY,), end=date(2025, 2, 28))
    after = changed_line(before, {"end": None}, BOOK)
    assert charged(after)[0].end is None
    assert after.assignment.end is None


def test_only_what_changes_gets_the_next_version_and_an_event() -> None:
    before = line()
    after = changed_line(before, {"label": "Reception", "tariff": "uk-home"}, BOOK)
    [event] = changed(changes_between(before.entities(), after.entities()))
    assert isinstance(event, NumberUpdated)
    assert (event.version, event.label, event.rating.tariff) == (2, "Reception", "uk-home")
    assert changed_line(after, {"label": "Reception"}, BOOK) == after
    assert changes_between(after.entities(), after.entities()) == ()


def test_what_may_receive_usage_is_told_last() -> None:
    told = [event.event_type for event in line_added(line())]
    assert told == ["number.created", "feature.created", "assignment.created"]


def test_a_standard_feature_gives_its_name_and_charges() -> None:
    """C9: standard features are a price list that a feature can be made from."""
    made = new_feature(FeatureOrder(start=JANUARY, code="seat"), 7, {}, BOOK, count(1))
    assert (made.description, [charge.amount for charge in made.charges]) == ("Seat", [Decimal(6), Decimal(20)])
    own = FeatureOrder(start=JANUARY, code="seat", description="Ann's seat", charges=())
    assert new_feature(own, 7, {}, BOOK, count(1)).description == "Ann's seat"
    assert new_feature(own, 7, {}, BOOK, count(1)).charges == ()


def test_a_feature_needs_words_for_the_bill() -> None:
    with pytest.raises(RuleBroken, match="describe the feature"):
        new_feature(FeatureOrder(start=JANUARY), 7, {}, BOOK, count(1))


def order(number: str, start: str, end: str | None = None) -> NumberOrder:
    last = date.fromisoformat(end) if end else None
    return NumberOrder(number=number, call_plan="standard", start=date.fromisoformat(start), end=last)


def test_a_number_may_come_twice_on_different_days_only() -> None:
    """C9: active for at most one customer on any day."""
    first, second = order("+442079460123", "2025-01-01", "2025-01-31"), order("+442079460123", "2025-02-01")
    assert overlapping([first, second, order("+442079460124", "2025-01-01")]) is None
    assert overlapping([first, second, order("+442079460123", "2025-01-31", "2025-01-31")]) is not None


def test_a_row_opens_a_customer_with_numbers_and_linked_features() -> None:
    opening = Opening(
        details={"name": "Fenwick Tiles"},
        numbers=(NumberOrder(number="+442079460123", call_plan="plus", start=JANUARY, charges=(MONTHLY,)),),
        features=(FeatureOrder(start=JANUARY, code="seat", number="+442079460123"),),
    )
    ids = iter(range(1, 1 + ids_needed(opening, BOOK)))
    opened = open_customer(opening, BOOK, date(2025, 1, 15), ids)
    assert opened.features[0].number_id == opened.lines[0].number.number_id
    assert opened.customer.history[0].effective_from == date(2025, 1, 15)


def test_a_feature_of_a_number_that_is_not_in_the_row_is_refused_by_its_place() -> None:
    opening = Opening(
        details={"name": "Fenwick Tiles"}, features=(FeatureOrder(start=JANUARY, code="seat", number="+442079460199"),)
    )
    with pytest.raises(RuleBroken, match="not among the customer's numbers") as refused:
        open_customer(opening, BOOK, JANUARY, count(1))
    assert refused.value.field == "features.0.number"
