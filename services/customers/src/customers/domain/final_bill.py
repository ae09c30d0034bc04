"""Final Bill: a customer is charged up to a day, gets its last bills, and is dropped when it is settled (SPEC C14)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from customers.domain.course import NotNow, status_for, with_status_after
from customers.domain.customers import Customer, status_of
from customers.domain.keeping import Ended, Keeping, ended_by, given_back
from customers.domain.numbers import Entity
from customers.domain.reference import Book


@dataclass(frozen=True)
class FinalBillOrder:
    """What the action is asked for; `on` is the last day charged. Without a status it is the one that is Final Bill."""

    on: date
    notice_date: date | None = None
    reason: str | None = None
    status: str | None = None


def final_billed(customer: Customer, order: FinalBillOrder, book: Book, today: date, new_id: int) -> Customer:
    """SPEC C14, Z7: the customer on Final Bill, now; in its history from the day after the date on.

    Repeated with another date it is the same Final Bill, and the history as it was before is what it starts from.

    Raises:
        NotNow: it is dropped.
        RuleBroken: the status asked for is none of Final Bill, or there are several and none was asked for.
    """
    current = status_of(customer, today)
    if book.status(current).dropped:
        raise NotNow("customer-dropped", "Customer dropped", f"{_named(customer)} is dropped: reinstate it first")
    course = customer.course
    repeated = course.final_bill_id is not None
    before = course.history_before if repeated else customer.history
    present = course.status if repeated else None
    status = present if order.status is None and present else status_for("final_bill", order.status, book, current)
    return replace(
        customer,
        history=with_status_after(before or customer.history, order.on, status, order.reason),
        course=replace(
            course,
            status=status,
            final_bill_date=order.on,
            final_bill_id=course.final_bill_id or new_id,
            history_before=before,
        ),
    )


def final_bill_withdrawn(customer: Customer) -> Customer:
    """SPEC C14: the customer as it was before Final Bill; possible until it is dropped.

    Raises:
        NotNow: it is not on Final Bill, or came here so.
    """
    course = customer.course
    if course.drop_date is not None:
        message = f"{_named(customer)} was dropped on {course.drop_date}: reinstate it instead"
        raise NotNow("customer-dropped", "Customer dropped", message)
    if course.final_bill_id is None:
        message = f"{_named(customer)} is not on Final Bill: there is nothing to withdraw"
        raise NotNow("not-on-final-bill", "Not on Final Bill", message)
    if course.history_before is None:
        message = f"{_named(customer)} came here on Final Bill, what it was before is not known: drop and reinstate it"
        raise NotNow("nothing-before", "Nothing to go back to", message)
    untouched = replace(course, status=None, final_bill_date=None, final_bill_id=None, history_before=None)
    return replace(customer, history=course.history_before, course=untouched)


def ended_for_final_bill(entities: tuple[Entity, ...], kept: Keeping, day: date) -> Ended:
    """SPEC C14, Z6: what the customer has, ended on the final bill date. Ends that an earlier one set move with it."""
    return ended_by(given_back(entities, kept), {}, day)


def _named(customer: Customer) -> str:
    return f"customer {customer.customer_id}"
