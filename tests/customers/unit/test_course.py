"""Which status an action gives, when it is refused, and what the history says, in tables (SPEC C8, C14 to C17, Z7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, Literal

import pytest

from contracts.customers import StatusPeriod
from contracts.reference import StatusFlags
from customers.domain import uk
from customers.domain.course import Course, NotNow, check_by_hand, status_for
from customers.domain.customers import Customer, Details, status_of
from customers.domain.dropping import DropOrder, dropped, settled
from customers.domain.erasing import check_not_marked, marked, unmarked
from customers.domain.final_bill import FinalBillOrder, final_bill_withdrawn, final_billed
from customers.domain.reference import STATUSES, Book, Entry
from customers.domain.reinstating import ReinstateOrder, check_reinstate, reinstated
from customers.domain.rules import RuleBroken

TODAY = date(2025, 2, 10)
UK = uk.defaults()
BOOK = Book(UK)


def day(text: str) -> date:
    return date.fromisoformat(f"2025-{text}")


def status(code: str, *, retired: bool = False, **flags: Any) -> Entry:
    does = StatusFlags(**{"accumulates_charges": False, "billed_in_runs": False, **flags})
    return Entry(STATUSES, code, code.title(), does, retired=retired)


def customer(*history: tuple[str, str]) -> Customer:
    periods = history or (("01-01", "active"),)
    held = tuple(StatusPeriod(status=code, effective_from=day(first)) for first, code in periods)
    return Customer(7, 3, "F000007", Details(name="Fenwick Tiles"), held)


def told(of: Customer) -> list[tuple[str, str]]:
    return [(f"{each.effective_from:%m-%d}", each.status) for each in of.history]


CLOSING = status("closing", final_bill=True, next_status="gone")
GONE = status("gone", dropped=True)


@pytest.mark.parametrize(
    ("more", "flag", "asked", "named_by", "taken"),
    [
        ((), "final_bill", None, "active", "final_bill"),
        ((), "dropped", None, "final_bill", "dropped"),
        ((GONE, CLOSING), "dropped", None, "closing", "gone"),
        ((GONE, CLOSING), "dropped", "dropped", "closing", "dropped"),
        ((GONE, CLOSING), "final_bill", "closing", "active", "closing"),
        ((GONE, CLOSING), "final_bill", None, "active", None),
        ((GONE, CLOSING), "dropped", None, "active", None),
        ((GONE, CLOSING), "dropped", "closing", "active", None),
        ((status("gone", dropped=True, retired=True),), "dropped", None, "active", "dropped"),
        ((status("gone", dropped=True, retired=True),), "dropped", "gone", "active", None),
    ],
)
def test_which_of_an_administrators_statuses_an_action_takes(
    more: tuple[Entry, ...], flag: Literal["final_bill", "dropped"], asked: str | None, named_by: str, taken: str | None
) -> None:
    """C8: the one asked for, the next one, the only one; else it is asked which."""
    book = Book([*UK, *more])
    if taken is not None:
        assert status_for(flag, asked, book, named_by) == taken
        return
    with pytest.raises(RuleBroken) as broken:
        status_for(flag, asked, book, named_by)
    assert broken.value.field == "status"


def test_the_status_holds_at_once_and_the_history_from_the_day_after() -> None:
    """C14, C15, Z7: planned statuses after the date are put aside, and come back with the withdrawal."""
    before = customer(("01-01", "active"), ("06-01", "active_do_not_bill"))
    final = final_billed(before, FinalBillOrder(day("03-31")), BOOK, TODAY, 99)
    assert (status_of(final, TODAY), told(final)) == ("final_bill", [("01-01", "active"), ("04-01", "final_bill")])
    again = final_billed(final, FinalBillOrder(day("01-31")), BOOK, TODAY, 100)
    assert (again.course.final_bill_id, told(again)) == (99, [("01-01", "active"), ("02-01", "final_bill")])
    assert final_bill_withdrawn(again) == before
    gone = dropped(again, DropOrder(day("02-28")), BOOK, TODAY)
    assert (status_of(gone, TODAY), gone.course.last_day) == ("dropped", day("01-31"))
    assert told(gone) == [("01-01", "active"), ("02-01", "final_bill"), ("03-01", "dropped")]
    earlier = dropped(final, DropOrder(day("01-15")), BOOK, TODAY)
    assert (told(earlier), earlier.course.last_day) == ([("01-01", "active"), ("01-16", "dropped")], day("01-15"))
    back = reinstated(earlier, ReinstateOrder(day("02-01")), "active")
    assert told(back) == [("01-01", "active"), ("01-16", "dropped"), ("02-01", "active")]
    assert back.course == Course(reinstate_date=day("02-01"))


def test_an_action_is_refused_where_it_makes_no_sense() -> None:
    """C14 to C17: the message says what to do first."""
    active = customer()
    final = final_billed(active, FinalBillOrder(day("01-31")), BOOK, TODAY, 99)
    gone = dropped(active, DropOrder(day("01-31")), BOOK, TODAY)
    for refused in (
        lambda: final_billed(gone, FinalBillOrder(day("02-28")), BOOK, TODAY, 1),
        lambda: final_bill_withdrawn(active),
        lambda: final_bill_withdrawn(dropped(final, DropOrder(day("02-28")), BOOK, TODAY)),
        lambda: dropped(gone, DropOrder(day("02-28")), BOOK, TODAY),
        lambda: check_reinstate(final, ReinstateOrder(day("03-01")), BOOK, TODAY),
        lambda: marked(final, BOOK, TODAY),
        lambda: unmarked(gone),
        lambda: check_not_marked(marked(gone, BOOK, TODAY)),
        lambda: check_by_hand(7, final.course, _flags("active")),
        lambda: check_by_hand(7, gone.course, _flags("active")),
        lambda: check_by_hand(7, active.course, _flags("dropped")),
        lambda: check_by_hand(7, active.course, _flags("final_bill")),
    ):
        with pytest.raises(NotNow):
            refused()
    check_by_hand(7, active.course, _flags("active_do_not_bill"))
    check_not_marked(unmarked(marked(gone, BOOK, TODAY)))


def _flags(code: str) -> StatusFlags:
    return BOOK.status(code)


@pytest.mark.parametrize(
    ("on", "status", "taken"),
    [
        ("02-01", None, "active"),
        ("02-01", "active_do_not_bill", "active_do_not_bill"),
        ("01-31", None, "reinstate_date"),
        ("01-15", None, "reinstate_date"),
        ("02-01", "final_bill", "status"),
        ("02-01", "asleep", "status"),
    ],
)
def test_a_reinstatement_is_after_the_drop_date_and_with_an_active_status(
    on: str, status: str | None, taken: str
) -> None:
    """C16, Z8"""
    gone = dropped(customer(), DropOrder(day("01-31")), BOOK, TODAY)
    order = ReinstateOrder(day(on), status=status)
    if taken in ("reinstate_date", "status"):
        with pytest.raises(RuleBroken) as broken:
            check_reinstate(gone, order, BOOK, TODAY)
        assert broken.value.field == taken
    else:
        assert check_reinstate(gone, order, BOOK, TODAY) == taken


def test_settlement_drops_only_who_is_as_the_run_saw_it() -> None:
    """C14: nobody can be asked which status it is: the next one, else the first in the list."""
    final = final_billed(customer(), FinalBillOrder(day("01-31")), BOOK, TODAY, 99)
    gone = settled(final, 5, 3, day("02-28"), BOOK, TODAY)
    assert gone is not None
    assert (gone.course.drop_date, gone.course.dropped_by_run, gone.course.status) == (day("02-28"), 5, "dropped")
    assert settled(final, 5, 4, day("02-28"), BOOK, TODAY) is None
    assert settled(customer(), 5, 3, day("02-28"), BOOK, TODAY) is None
    assert settled(gone, 5, 3, day("02-28"), BOOK, TODAY) is None
    unclear = Book([*UK, GONE, status("final_bill", final_bill=True)])
    first = settled(replace(final), 5, 3, day("02-28"), unclear, TODAY)
    assert first is not None
    assert first.course.status == "dropped"
