"""The course of a customer: which of Final Bill, Drop, Reinstate and Delete holds, and since when (SPEC C14 to C17)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from contracts.customers import StatusPeriod
from contracts.reference import StatusFlags
from customers.domain.reference import STATUSES, Book, Entry
from customers.domain.rules import RuleBroken
from customers.domain.status import History, with_change
from money.dates import next_day

Kind = Literal[
    "final_bill",
    "final_bill_withdrawn",
    "drop",
    "reinstate",
    "reinstate_withdrawn",
    "deletion",
    "deletion_withdrawn",
]
State = Literal["done", "planned", "withdrawn", "failed"]


@dataclass(frozen=True)
class Course:
    """What the actions have made of a customer; all of it is empty while none holds.

    Attributes:
        status: the code that Final Bill or Drop set at once; the history takes it up the day after their date (Z7).
        final_bill_date, drop_date: the last day charged. On a dropped customer both may be there.
        final_bill_id: which Final Bill it is; the same when it is repeated with another date.
        dropped_by_run: the billing run that found it settled.
        reinstate_date: from when on it was reinstated, until it is dropped again.
        deletion_due: marked, to be erased on this day.
        history_before: the status history as it was before Final Bill, to be given back when that is withdrawn.
    """

    status: str | None = None
    final_bill_date: date | None = None
    final_bill_id: int | None = None
    drop_date: date | None = None
    dropped_by_run: int | None = None
    reinstate_date: date | None = None
    deletion_due: date | None = None
    history_before: History | None = None

    @property
    def last_day(self) -> date | None:
        """The day that nothing on the customer goes beyond; None where neither Final Bill nor Drop holds."""
        return min((day for day in (self.final_bill_date, self.drop_date) if day is not None), default=None)


@dataclass(frozen=True)
class Action:
    """One action taken on a customer, as it was asked for. `on` is its date; `terms` are what else was said.

    A reinstatement from a later day is `planned` until then; `problem` says why one could not be done.
    """

    action_id: int
    customer_id: int
    kind: Kind
    on: date | None
    notice_date: date | None
    reason: str | None
    actor: str
    at: datetime
    state: State = "done"
    terms: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None


class NotNow(Exception):
    """What is asked for cannot be done as the customer stands; the message says why, and what to do first."""

    def __init__(self, slug: str, title: str, message: str) -> None:
        super().__init__(message)
        self.slug = slug
        self.title = title
        self.message = message


def status_for(flag: Literal["final_bill", "dropped"], asked: str | None, book: Book, named_by: str | None) -> str:
    """SPEC C8: which of an administrator's statuses an action takes.

    Args:
        flag: what the status does.
        asked: the one that was asked for, if any.
        book: the reference lists.
        named_by: a status whose next one it may be.

    Raises:
        RuleBroken: the one asked for does not do that, or there are several and none was asked for.
    """
    able = able_statuses(flag, book)
    if asked is not None:
        if asked not in able:
            raise RuleBroken("status", f"'{asked}' is no status that is {flag}: use one of {', '.join(sorted(able))}")
        return asked
    following = _next_of(named_by, book)
    if following in able:
        return following or ""
    if len(able) > 1:
        raise RuleBroken("status", f"several statuses are {flag}: say which, one of {', '.join(sorted(able))}")
    if not able:
        raise RuleBroken("status", f"no status is {flag}: add one with PUT /reference/{STATUSES}/CODE")
    return able[0]


def able_statuses(flag: str, book: Book) -> list[str]:
    """The statuses that do something and are not retired, in the order in which they are shown."""
    return [each.code for each in book.entries(STATUSES) if not each.retired and _does(each, flag)]


def _does(entry: Entry, flag: str) -> bool:
    return isinstance(entry.attributes, StatusFlags) and bool(getattr(entry.attributes, flag))


def _next_of(code: str | None, book: Book) -> str | None:
    entry = book.find(STATUSES, code) if code is not None else None
    return entry.attributes.next_status if entry and isinstance(entry.attributes, StatusFlags) else None


def with_status_after(history: History, day: date, status: str, reason: str | None) -> History:
    """SPEC Z7: the history up to a day, and another status from the day after on."""
    kept = tuple(period for period in history if period.effective_from <= day)
    return with_change(kept, StatusPeriod(status=status, effective_from=next_day(day), reason=reason))


def check_by_hand(customer_id: int, course: Course, wanted: StatusFlags) -> None:
    """SPEC C14 to C16: a status that an action gives, or that only one takes away, is not set by hand.

    Raises:
        NotNow: names the action.
    """
    mine = f"/customers/{customer_id}"
    if course.drop_date is not None:
        raise _by_action(f"the customer is dropped: POST {mine}/reinstate gives it another status")
    if course.final_bill_id is not None:
        raise _by_action(f"the customer is on Final Bill: withdraw that with DELETE {mine}/final-bill first")
    if wanted.dropped:
        raise _by_action(f"a customer is dropped by POST {mine}/drop, which ends what it has")
    if wanted.final_bill:
        raise _by_action(f"a customer gets its Final Bill by POST {mine}/final-bill, which ends what it has")


def _by_action(message: str) -> NotNow:
    return NotNow("status-by-action", "An action gives this status", message)
