"""Delete: a dropped customer is marked, and erased thirty days later (SPEC C17, Z24)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from customers.domain.course import NotNow
from customers.domain.customers import Customer, status_of
from customers.domain.reference import Book

WAITING = timedelta(days=30)
"""How long a mark can be taken back."""
SERVICES = ("customers", "rating", "invoicing", "notifications")
"""Those that have data of a customer, and confirm that it is erased."""


@dataclass(frozen=True)
class Erasure:
    """The record of an erasure, which names nobody: whose id it was, when, and who has confirmed it when."""

    customer_id: int
    erased_at: datetime
    confirmed: dict[str, datetime]

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """The services that have not confirmed yet."""
        return tuple(each for each in SERVICES if each not in self.confirmed)


def marked(customer: Customer, book: Book, today: date) -> Customer:
    """SPEC C17: a dropped customer, to be erased in thirty days.

    Raises:
        NotNow: it is not dropped.
    """
    if not book.status(status_of(customer, today)).dropped:
        message = f"customer {customer.customer_id} is not dropped: only a dropped customer can be deleted"
        raise NotNow("customer-not-dropped", "Customer not dropped", message)
    return replace(customer, course=replace(customer.course, deletion_due=today + WAITING))


def unmarked(customer: Customer) -> Customer:
    """SPEC C17: a customer whose mark is taken back.

    Raises:
        NotNow: it is not marked.
    """
    if customer.course.deletion_due is None:
        message = f"customer {customer.customer_id} is not marked for deletion: there is nothing to take back"
        raise NotNow("customer-not-marked", "Customer not marked", message)
    return replace(customer, course=replace(customer.course, deletion_due=None))


def check_not_marked(customer: Customer) -> None:
    """SPEC Z24. Raises NotNow where the customer is marked: it can be seen and un-marked, nothing else."""
    due = customer.course.deletion_due
    if due is not None:
        raise marked_for_deletion(customer.customer_id, due)


def marked_for_deletion(customer_id: int, due: date) -> NotNow:
    """Why a marked customer refuses."""
    message = (
        f"customer {customer_id} is marked for deletion and erased on {due}: take the mark back first "
        f"(DELETE /customers/{customer_id}/deletion)"
    )
    return NotNow("customer-marked", "Customer marked for deletion", message)
