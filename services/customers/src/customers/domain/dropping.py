"""Drop: the customer is charged up to a day and then is no more, by hand or because it is settled (SPEC C14, C15)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from contracts.reference import NumberType
from customers.domain.changes import id_of
from customers.domain.course import NotNow, able_statuses, status_for, with_status_after
from customers.domain.customers import Customer, status_of
from customers.domain.keeping import Ended, Keeping, Kept, ended_by
from customers.domain.numbers import Entity, Number
from customers.domain.reference import NUMBER_TYPES, Book
from customers.domain.rules import RuleBroken


@dataclass(frozen=True)
class DropOrder:
    """What the action is asked for; `on` is the last day charged.

    With a type that ignores traffic all numbers take it. Without a status it is the one that follows Final Bill, where
    the customer is on it, else the one that is dropped.
    """

    on: date
    notice_date: date | None = None
    reason: str | None = None
    ignore_traffic_type: str | None = None
    status: str | None = None


def dropped(customer: Customer, order: DropOrder, book: Book, today: date) -> Customer:
    """SPEC C15, Z7: the customer dropped, at once; in its history from the day after the date on.

    Raises:
        NotNow: it is dropped already.
        RuleBroken: the status or the number type asked for does not do that.
    """
    current = status_of(customer, today)
    if book.status(current).dropped:
        since = f" since {customer.course.drop_date}" if customer.course.drop_date else ""
        message = f"customer {customer.customer_id} is dropped{since}: to drop it on another day, reinstate it first"
        raise NotNow("customer-dropped", "Customer dropped", message)
    if order.ignore_traffic_type is not None:
        _check_ignoring(order.ignore_traffic_type, book)
    return _dropped(customer, order.on, status_for("dropped", order.status, book, current), order.reason)


def settled(customer: Customer, run_id: int, version: int, bill_to: date, book: Book, today: date) -> Customer | None:
    """SPEC C14: a run found nothing left of it, so it is dropped, dated the run's bill-to date.

    Args:
        customer: as it is now.
        run_id: the run.
        version: the customer's, that the run saw.
        bill_to: the run's bill-to date.
        book: the reference lists.
        today: for the status of the day.

    Returns: None where the customer has changed since: the next run looks again.
    """
    current = status_of(customer, today)
    if customer.version != version or customer.course.deletion_due or not book.status(current).final_bill:
        return None
    after = _dropped(customer, bill_to, _status_of_settled(current, book), "settled")
    return replace(after, course=replace(after.course, dropped_by_run=run_id))


def _status_of_settled(current: str, book: Book) -> str:
    """Nobody is there to be asked: the next status, else the first in the list that is dropped."""
    try:
        return status_for("dropped", None, book, current)
    except RuleBroken:
        return able_statuses("dropped", book)[0]


def _dropped(customer: Customer, day: date, status: str, reason: str | None) -> Customer:
    course = replace(customer.course, status=status, drop_date=day, reinstate_date=None)
    return replace(customer, history=with_status_after(customer.history, day, status, reason), course=course)


def _check_ignoring(code: str, book: Book) -> None:
    does = book.require(NUMBER_TYPES, code, "ignore_traffic_type").attributes
    if not isinstance(does, NumberType) or not does.ignore_traffic:
        message = f"numbers of the type '{code}' are charged: choose a type that ignores traffic, or leave this out"
        raise RuleBroken("ignore_traffic_type", message)


def ended_for_drop(entities: tuple[Entity, ...], kept: Keeping, day: date, ignoring: str | None) -> Ended:
    """SPEC C15: what the customer has, ended on the drop date; all its numbers of the type that ignores traffic.

    Earlier ends stay, those of a Final Bill too. Numbers keep in mind which type they had (Z8).
    """
    ended = ended_by(entities, kept, day)
    if ignoring is None:
        return ended
    typed = {each.entity_id: each for each in _types_set(ended, day, ignoring)}
    return Ended(tuple(_typed(ended.entities, ignoring)), {**ended.kept, **typed})


def _types_set(ended: Ended, day: date, ignoring: str) -> Iterator[Kept]:
    for each in ended.entities:
        if isinstance(each, Number):
            known = ended.kept.get(id_of(each), Kept(each.number_id, day))
            yield replace(known, type_before=each.number_type, type_set=ignoring)


def _typed(entities: Iterable[Entity], ignoring: str) -> Iterator[Entity]:
    for each in entities:
        yield replace(each, number_type=ignoring) if isinstance(each, Number) else each
