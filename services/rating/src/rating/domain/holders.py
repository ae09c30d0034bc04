"""Whose calls are: who holds a number on a day, and whether that customer accumulates charges (SPEC R3, Z7, Z22)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from rating.domain.calendars import to_day
from rating.domain.calls import LONGEST_E164, Digits, Int, digits_of
from rating.domain.choices import ChoiceTable
from rating.domain.codes import Codes
from rating.domain.decks import FOREVER, day_of
from rating.domain.facts import Assignment, Customer, Number, Status
from rating.domain.judgements import (
    CUSTOMER_DROPPED,
    NO_ACTIVE_CALL_PLAN,
    NO_REASON,
    NUMBER_TYPE,
    STATUS_DOES_NOT_ACCUMULATE,
    UNKNOWN_NUMBER,
    Guided,
)
from rating.domain.pools import NOWHERE, Places, Pool, Waiting

LENGTHS = 16
"""A number's key is its digits, filled up to 15 with zeros, times this, and its length."""
_NUMBERS = {"type": np.int16, "choices": np.int32}
_CUSTOMERS = {"status": np.int16, "choices": np.int32, "first": np.int32, "count": np.int32}
_PERIODS = {"day": np.int32, "status": np.int16}
_SPANS = {"first": np.int32, "count": np.int32}
_ASSIGNMENTS = {"number": np.int32, "customer": np.int32, "start": np.int32, "end": np.int32}


@dataclass(slots=True)
class Found:
    """The assignment that decides for each call; rows are NOWHERE where there is none."""

    assignment: Int
    number: Int
    customer: Int
    is_active: NDArray[np.bool_]


class Holders:
    """Numbers, who holds them when, and the customers; a few rows change at a time, beside millions that do not.

    `numbers`, `customers`, `periods` (statuses of customers), `spans` (the assignments of a number) and `assignments`
    are columns; a number's assignments and a customer's periods lie side by side, in the order of their first days.
    Ids of numbers and customers are the keys of `number_at` and `customer_at`.
    """

    def __init__(self, choices: ChoiceTable, number_types: Codes) -> None:
        self._choices, self._types = choices, number_types
        self.statuses = Codes()
        self.numbers, self.customers, self.periods = Pool(_NUMBERS), Pool(_CUSTOMERS), Pool(_PERIODS)
        self.spans, self.assignments = Pool(_SPANS), Pool(_ASSIGNMENTS)
        self.number_at, self.customer_at, self.span_at = Places(), Places(), Places()
        self._flags: dict[str, Status] = {}
        self._ignored: frozenset[str] = frozenset()
        self.no_number, self.no_customer = Waiting(), Waiting()

    def set_statuses(self, statuses: Mapping[str, Status]) -> None:
        """What each status does to usage; one that is not named lets nothing through."""
        self._flags = dict(statuses)

    def set_ignored_types(self, number_types: Iterable[str]) -> None:
        """The number types whose traffic is ignored."""
        self._ignored = frozenset(number_types)

    def put_customers(self, customers: Iterable[Customer]) -> None:
        """Add customers, or replace them."""
        for each in customers:
            row = _row_of(each.customer_id, self.customer_at, self.customers)
            self.customers["status"][row] = self.statuses.add(each.status)
            self.customers["choices"][row] = self._choices.intern(each.choices)
            self._put_history(row, each.history or ((date.min, each.status),))
            self.assignments["customer"][self.no_customer.come(each.customer_id)] = row

    def _put_history(self, row: int, history: Sequence[tuple[date, str]]) -> None:
        first = _room(self.customers, row, self.periods, len(history))
        for at, (begins, status) in enumerate(history, first):
            self.periods["day"][at], self.periods["status"][at] = day_of(begins), self.statuses.add(status)

    def put_numbers(self, numbers: Iterable[Number]) -> None:
        """Add numbers of customers' accounts, or replace them."""
        for each in numbers:
            row = _row_of(each.number_id, self.number_at, self.numbers)
            self.numbers["type"][row] = self._types.add(each.number_type)
            self.numbers["choices"][row] = self._choices.intern(each.choices)
            self.assignments["number"][self.no_number.come(each.number_id)] = row

    def put_assignments(self, number: str, assignments: Sequence[Assignment]) -> None:
        """All assignments of a number (digits of E.164), in the order of their first days; none: nobody has it."""
        key = key_of(number)
        if key == NOWHERE:
            return
        span = _row_of(key, self.span_at, self.spans)
        self._forget_waiting(span)
        first = _room(self.spans, span, self.assignments, len(assignments))
        for row, each in enumerate(assignments, first):
            self.assignments["start"][row] = day_of(each.start)
            self.assignments["end"][row] = FOREVER if each.end is None else day_of(each.end)
            self.assignments["number"][row] = _known(self.number_at, each.number_id, self.no_number, row)
            self.assignments["customer"][row] = _known(self.customer_at, each.customer_id, self.no_customer, row)

    def fill_assignments(self, days: Mapping[str, Int], number_ids: Int, customer_ids: Int) -> None:
        """Replace all assignments: their first and last days (`start`, `end`), and whose they are."""
        number, customer = self.number_at.find(number_ids), self.customer_at.find(customer_ids)
        self.assignments.fill({**days, "number": number, "customer": customer})
        self.no_number, self.no_customer = Waiting(), Waiting()
        for row in np.flatnonzero(number == NOWHERE).tolist():
            self.no_number.wait(row, int(number_ids[row]))
        for row in np.flatnonzero(customer == NOWHERE).tolist():
            self.no_customer.wait(row, int(customer_ids[row]))

    def _forget_waiting(self, span: int) -> None:
        first = int(self.spans["first"][span])
        for row in range(first, first + int(self.spans["count"][span])):
            self.no_number.leave(row)
            self.no_customer.leave(row)

    def guide(self, digits: Digits, day: Int, allocated_to: Int | None = None) -> Guided:
        """SPEC R3, Z7, Z22: the customer whose number had an active call plan on the local day of each call.

        Args:
            digits: the charged numbers.
            day: days since 1970.
            allocated_to: the customers who have these calls already, 0 where nobody has: what is theirs is not taken
                by a number type, nor by a drop as such, for both are about calls that come later.
        """
        found = self._find(digits, day)
        is_known = (found.number != NOWHERE) & (found.customer != NOWHERE)
        number_type = np.where(is_known, self._of(self.numbers, "type", found.number), 0)
        customer_id = np.where(is_known, self.customer_at.keys[found.customer], 0)
        is_theirs = np.zeros(len(day), dtype=bool) if allocated_to is None else is_known & (customer_id == allocated_to)
        is_dropped, accumulates = self._standing(found.customer, day, is_theirs)
        rules = (
            (~is_known, UNKNOWN_NUMBER),
            (self._is_ignored()[number_type] & ~is_theirs, NUMBER_TYPE),
            (is_dropped, CUSTOMER_DROPPED),
            (~accumulates, STATUS_DOES_NOT_ACCUMULATE),
            (~found.is_active, NO_ACTIVE_CALL_PLAN),
        )
        return Guided(
            reason=np.select([told for told, _ in rules], [reason for _, reason in rules], NO_REASON),
            customer_id=customer_id,
            number_id=np.where(is_known, self.number_at.keys[found.number], 0),
            number_type=number_type,
            number_choices=np.where(is_known, self._of(self.numbers, "choices", found.number), 0),
            customer_choices=np.where(is_known, self._of(self.customers, "choices", found.customer), 0),
        )

    def _find(self, digits: Digits, day: Int) -> Found:
        """The assignment of the day; where none is active the last that began by then, else the first."""
        span = self.span_at.find(keys_of(digits))
        first = np.where(span == NOWHERE, 0, self._of(self.spans, "first", span))
        count = np.where(span == NOWHERE, 0, self._of(self.spans, "count", span))
        chosen, is_active = first.copy(), np.zeros(len(day), dtype=bool)
        for turn in range(int(count.max(initial=0))):
            rows = np.flatnonzero((count > turn) & ~is_active)
            at = first[rows] + turn
            has_begun = self.assignments["start"][at] <= day[rows]
            chosen[rows[has_begun]] = at[has_begun]
            is_active[rows] = has_begun & (day[rows] <= self.assignments["end"][at])
        has_one = count > 0
        number = np.where(has_one, self._of(self.assignments, "number", chosen), NOWHERE)
        customer = np.where(has_one, self._of(self.assignments, "customer", chosen), NOWHERE)
        return Found(np.where(has_one, chosen, NOWHERE), number, customer, is_active)

    def _standing(self, customer: Int, day: Int, is_theirs: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], ...]:
        """SPEC Z7: whether each customer is dropped, on the day or for calls that come now; whether calls accumulate.

        A status that is not known here is not a dropped one, and nothing accumulates under it.
        """
        names = self.statuses.names
        flags = [self._flags.get(name) for name in names]
        accumulates = np.array([flag is not None and flag.accumulates_charges for flag in flags], dtype=bool)
        dropped = np.array([flag is not None and flag.dropped for flag in flags], dtype=bool)
        known = np.array([flag is not None for flag in flags], dtype=bool)
        then, now = self._status_on(customer, day), self._of(self.customers, "status", customer)
        is_dropped = dropped[then] | (dropped[now] & ~is_theirs)
        return is_dropped, accumulates[then] & (known[now] | is_theirs)

    def _status_on(self, customer: Int, day: Int) -> Int:
        """SPEC C8: the status on a local day; before the first entry it is the first."""
        first, count = self._of(self.customers, "first", customer), self._of(self.customers, "count", customer)
        status = self._of(self.periods, "status", first)
        for turn in range(1, int(count.max(initial=0))):
            rows = np.flatnonzero(count > turn)
            at = first[rows] + turn
            has_begun = self.periods["day"][at] <= day[rows]
            status[rows[has_begun]] = self.periods["status"][at[has_begun]]
        return status

    def _is_ignored(self) -> NDArray[np.bool_]:
        return np.array([name in self._ignored for name in self._types.names], dtype=bool)

    @staticmethod
    def _of(pool: Pool, column: str, rows: Int) -> Int:
        """Values at rows; those of NOWHERE mean nothing."""
        if not pool.size:
            return np.zeros(len(rows), dtype=np.int64)
        return pool[column][np.maximum(rows, 0)].astype(np.int64)

    def why_held(self, number: str, day: int, reason: int | None = None) -> str:
        """In words why a call of a number (digits of E.164) on a day is not guided to anybody.

        Args:
            reason: that `guide` gave; None: that of a call which comes now.
        """
        digits, days = digits_of([number]), np.array([day], dtype=np.int64)
        found = self._find(digits, days)
        row = int(found.assignment[0])
        reason = int(self.guide(digits, days).reason[0]) if reason is None else reason
        if row == NOWHERE:
            return f"no customer has {number or 'such a number'}"
        customer_id = self._customer_id(row)
        if reason == UNKNOWN_NUMBER:
            return f"customer {customer_id} is not known here yet"
        if reason == NUMBER_TYPE:
            number_type = self._types.names[self.numbers["type"][found.number[0]]]
            return f"numbers of type {number_type} are ignored"
        if reason == CUSTOMER_DROPPED:
            return f"customer {customer_id} is dropped"
        if reason == STATUS_DOES_NOT_ACCUMULATE:
            return f"the status of customer {customer_id} does not accumulate charges on {to_day(day)}"
        return f"no call plan is active on {to_day(day)}"

    def _customer_id(self, assignment: int) -> int:
        awaited = self.no_customer.awaited_by(assignment)
        return int(self.customer_at.keys[self.assignments["customer"][assignment]]) if awaited is None else awaited


def _row_of(key: int, places: Places, pool: Pool) -> int:
    """The row of a key, a new one at the end of the pool where it has none."""
    row = places.put(key)
    if row == pool.size:
        pool.add(1)
    return row


def _known(places: Places, key: int, waiting: Waiting, row: int) -> int:
    """Where a key is; where it has not come yet the row waits for it."""
    place = places.get(key)
    if place == NOWHERE:
        waiting.wait(row, key)
    return place


def _room(owners: Pool, owner: int, pool: Pool, count: int) -> int:
    """Where an owner's rows go: in place where they fit, else at the end."""
    if count > owners["count"][owner]:
        owners["first"][owner] = pool.add(count)
    owners["count"][owner] = count
    return int(owners["first"][owner])


def keys_of(digits: Digits) -> Int:
    """Keys of numbers; NOWHERE of what is no number of E.164."""
    is_number = (digits.length > 0) & (digits.length <= LONGEST_E164)
    return np.where(is_number, digits.aligned * LENGTHS + digits.length, NOWHERE)


def key_of(number: str) -> int:
    """The key of one number."""
    return int(keys_of(digits_of([number]))[0])
