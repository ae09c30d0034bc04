"""Holders as columns, changed a few at a time in whatever order: beside the rule, written out call by call."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.domain.calls import digits_of
from rating.domain.choices import Choices, ChoiceTable
from rating.domain.codes import Codes
from rating.domain.decks import day_of
from rating.domain.facts import Assignment, Customer, Number, Status
from rating.domain.holders import Holders
from rating.domain.judgements import REASONS

STATUSES = {"active": Status(True, False), "paused": Status(False, False), "dropped": Status(False, True)}
NUMBERS = ("44207946000", "442079460001", "4420794600010", "33123456789")
START = date(2026, 1, 1)
DAYS = st.integers(0, 9).map(lambda days: START + timedelta(days=days))
IDS = st.integers(1, 4)
STATUS = st.sampled_from([*STATUSES, "no such status"])
HISTORY = st.lists(st.tuples(DAYS, STATUS), max_size=3).map(lambda entries: tuple(sorted(entries, key=lambda e: e[0])))
CUSTOMER = st.builds(Customer, IDS, STATUS, HISTORY, st.sampled_from([Choices(), Choices("gold")]))
NUMBER = st.builds(Number, IDS, IDS, st.sampled_from(["geographic", "ignored"]), st.just(Choices()))
ASSIGNMENT = st.builds(Assignment, IDS, IDS, IDS, DAYS, st.none() | DAYS)
HANDS = st.tuples(st.sampled_from(NUMBERS), st.lists(ASSIGNMENT, max_size=3))
CHANGES = st.lists(CUSTOMER | NUMBER | HANDS, max_size=25)


@dataclass
class Plain:
    """The same facts in dictionaries."""

    customers: dict[int, Customer] = field(default_factory=dict)
    numbers: dict[int, Number] = field(default_factory=dict)
    hands: dict[str, tuple[Assignment, ...]] = field(default_factory=dict)

    def guide(self, number: str, day: date) -> tuple[str, int, int]:
        """SPEC R3, Z7, Z22, word by word: reason, customer and number."""
        assignments = self.hands.get(number, ())
        if not assignments:
            return "unknown_number", 0, 0
        active = [each for each in assignments if each.start <= day and (each.end is None or day <= each.end)]
        begun = [each for each in assignments if each.start <= day]
        chosen = active[0] if active else begun[-1] if begun else assignments[0]
        number_told, customer = self.numbers.get(chosen.number_id), self.customers.get(chosen.customer_id)
        if number_told is None or customer is None:
            return "unknown_number", 0, 0
        ids = customer.customer_id, number_told.number_id
        if number_told.number_type == "ignored":
            return "number_type", *ids
        held = self._held_by_status(customer, day)
        if held:
            return held, *ids
        return "" if active else "no_active_call_plan", *ids

    @staticmethod
    def _held_by_status(customer: Customer, day: date) -> str:
        begun = [status for begins, status in customer.history if begins <= day]
        first = customer.history[0][1] if customer.history else customer.status
        then, now = STATUSES.get(begun[-1] if begun else first), STATUSES.get(customer.status)
        if any(status is not None and status.dropped for status in (then, now)):
            return "customer_dropped"
        return "" if then and now and then.accumulates_charges else "status_does_not_accumulate"


@settings(max_examples=150, deadline=None)
@given(CHANGES, st.lists(st.tuples(st.sampled_from([*NUMBERS, "", "9" * 20]), DAYS), min_size=1, max_size=10))
def test_columns_guide_as_the_rule_says_after_any_changes(
    changes: list[Customer | Number | tuple[str, list[Assignment]]], calls: list[tuple[str, date]]
) -> None:
    """R3, Z7, Z22: customers, numbers and holders come, change and go in any order."""
    holders, plain = Holders(ChoiceTable(), Codes()), Plain()
    holders.set_statuses(STATUSES)
    holders.set_ignored_types({"ignored"})
    for change in changes:
        _take_in(change, holders, plain)
    guided = holders.guide(digits_of([number for number, _ in calls]), np.array([day_of(day) for _, day in calls]))
    found = zip(guided.reason.tolist(), guided.customer_id.tolist(), guided.number_id.tolist(), strict=True)
    assert [(REASONS[reason], *ids) for reason, *ids in found] == [plain.guide(*call) for call in calls]
    for (number, day), reason in zip(calls, guided.reason.tolist(), strict=True):
        assert holders.why_held(number, day_of(day)) or not reason


def test_why_a_call_is_held_is_told_in_words() -> None:
    """R3: whoever looks at a held call reads what has to change."""
    holders, first, second, third, fourth = Holders(ChoiceTable(), Codes()), *NUMBERS
    holders.set_statuses(STATUSES)
    holders.set_ignored_types({"ignored"})
    holders.put_assignments(first, [Assignment(1, 1, 7, START)])
    holders.put_assignments(second, [Assignment(2, 2, 8, START)])
    holders.put_assignments(third, [Assignment(3, 3, 9, START, date(2026, 1, 9))])
    numbers = [Number(1, 7, "geographic"), Number(2, 8, "ignored"), Number(3, 9, "geographic")]
    holders.put_customers([Customer(8, "active", ()), Customer(9, "active", ())])
    told = {number: holders.why_held(number, day_of(date(2026, 1, 10))) for number in (first, fourth, "")}
    assert told == {
        first: "customer 7 is not known here yet",
        fourth: f"no customer has {fourth}",
        "": "no customer has such a number",
    }
    holders.put_numbers(numbers)
    holders.put_customers([Customer(7, "dropped", ((START, "active"),))])
    told = {number: holders.why_held(number, day_of(date(2026, 1, 10))) for number in (first, second, third)}
    assert told == {
        first: "customer 7 is dropped",
        second: "numbers of type ignored are ignored",
        third: "no call plan is active on 2026-01-10",
    }


def _take_in(change: Customer | Number | tuple[str, list[Assignment]], holders: Holders, plain: Plain) -> None:
    if isinstance(change, Customer):
        plain.customers[change.customer_id] = change
        holders.put_customers([change])
    elif isinstance(change, Number):
        plain.numbers[change.number_id] = change
        holders.put_numbers([change])
    else:
        number, assignments = change
        plain.hands[number] = tuple(sorted(assignments, key=lambda each: each.start))
        holders.put_assignments(number, plain.hands[number])
