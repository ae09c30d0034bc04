"""Reading and changing customers and their status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy.exc import IntegrityError

from contracts.customers import CustomerState, CustomerStatusChanged, CustomerUpdated, StatusPeriod
from contracts.reference import StatusFlags
from customers.domain.audit import Trace, as_json, differences
from customers.domain.course import Course, check_by_hand
from customers.domain.customers import Customer, changed_details, check_account_number
from customers.domain.erasing import check_not_marked
from customers.domain.events import customer_state
from customers.domain.reference import STATUSES, Entry
from customers.domain.status import History, status_on, with_change
from customers.service.problems import (
    account_number_retired,
    account_number_taken,
    check_version,
    constraint_of,
    no_customer,
    rules,
)
from customers.store import audit as audit_store
from customers.store import customers as store
from customers.store.erasing import retired_among
from customers.store.reference import read_book
from customers.store.tables import ACCOUNT_NUMBER_TAKEN
from service_kit import clock
from service_kit.database import Transaction, reading, transaction


@dataclass(frozen=True)
class StatusAnswer:
    """The status of a customer on a day; `period` and `entry` are None before its history begins."""

    customer_id: int
    on: date
    period: StatusPeriod | None
    entry: Entry | None
    flags: StatusFlags | None
    history: History


async def get_customer(customer_id: int) -> Customer:
    """A customer as it is now. Raises NotFound."""
    async with reading() as connection:
        customer = await store.get_customer(connection, customer_id)
    if customer is None:
        raise no_customer(customer_id)
    return customer


async def list_customers(*, after: int, limit: int, account_number: str | None) -> list[Customer]:
    """Customers by id, after one; or the one that has an account number, in any case."""
    async with reading() as connection:
        return await store.list_customers(connection, after=after, limit=limit, account_number=account_number)


async def get_status(customer_id: int, on: date | None) -> StatusAnswer:
    """SPEC C8: the status on a day, today unless given. Raises NotFound."""
    customer = await get_customer(customer_id)
    day = on or clock.today()
    period = status_on(customer.history, day)
    if on is None and customer.course.status is not None:
        period = customer.history[-1]  # Final Bill and Drop set the status at once, also where their date lies ahead
    async with reading() as connection:
        book = await read_book(connection)
    entry = book.find(STATUSES, period.status) if period else None
    flags = entry.attributes if entry and isinstance(entry.attributes, StatusFlags) else None
    return StatusAnswer(customer_id, day, period, entry, flags, customer.history)


async def change_customer(
    customer_id: int,
    changes: Mapping[str, Any],
    *,
    account_number: str | None,
    expected: int | None,
    actor: str,
) -> Customer:
    """Change some details of a customer; nothing happens where they are so already.

    Args:
        customer_id: which.
        changes: fields of `Details` that change, the rating choices flat.
        account_number: a new one, or None to leave it.
        expected: the version that the caller saw, None for any (SPEC C20).
        actor: who, for the audit log.

    Raises:
        Problem: 404, 412 where someone else changed it, 422 where a rule is broken, 409 where the number is taken.
    """
    try:
        return await _change_customer(customer_id, changes, account_number, expected, actor)
    except IntegrityError as error:
        if constraint_of(error) != ACCOUNT_NUMBER_TAKEN or account_number is None:
            raise
        async with reading() as connection:
            holder = await store.find_holder(connection, account_number)
        if holder is None:
            raise
        raise account_number_taken(account_number, holder) from error


async def _change_customer(
    customer_id: int, changes: Mapping[str, Any], account_number: str | None, expected: int | None, actor: str
) -> Customer:
    async with transaction() as tx:
        before = await locked(tx, customer_id)
        check_version(f"customer {customer_id}", before.version, expected)
        book = await read_book(tx.connection)
        with rules():
            account = before.account_number if account_number is None else check_account_number(account_number)
            after = replace(before, account_number=account, details=changed_details(before.details, changes, book))
        if after == before:
            return before
        if account != before.account_number and await retired_among(tx.connection, [account]):
            raise account_number_retired(account)
        after = replace(after, version=before.version + 1)
        await store_customer(tx, CustomerUpdated, before, after, actor)
    return after


async def change_status(customer_id: int, change: StatusPeriod, *, expected: int | None, actor: str) -> Customer:
    """SPEC C8: from a day on, a customer has another status; the same change again does nothing.

    Raises:
        Problem: 404, 412 where someone else changed it, 422 where the status is unknown or retired, 409 where an
            action gives that status, or the present one.
    """
    async with transaction() as tx:
        before = await locked(tx, customer_id)
        check_version(f"customer {customer_id}", before.version, expected)
        book = await read_book(tx.connection)
        with rules():
            book.require(STATUSES, change.status, "status")
            check_by_hand(customer_id, before.course, book.status(change.status))
            history = with_change(before.history, change)
        if history == before.history:
            return before
        after = replace(before, history=history, version=before.version + 1)
        await store_customer(tx, CustomerStatusChanged, before, after, actor)
    return after


async def locked(tx: Transaction, customer_id: int, *, even_marked: bool = False) -> Customer:
    """The customer, its row locked: so that the order of its events in the outbox is that of the commits.

    Args:
        tx: the transaction.
        customer_id: which.
        even_marked: also where it is marked for deletion (SPEC Z24).

    Raises:
        Problem: 404, 409 where it is marked.
    """
    customer = await store.lock_customer(tx.connection, customer_id)
    if customer is None:
        raise no_customer(customer_id)
    if not even_marked:
        with rules():
            check_not_marked(customer)
    return customer


async def store_customer(
    tx: Transaction, kind: type[CustomerState], before: Customer, after: Customer, actor: str
) -> None:
    """Store a customer that has changed, with its audit and its event."""
    await store.update_customer(tx.connection, after)
    if after.history != before.history:
        await store.replace_history(tx.connection, after)
    await audit_store.write_audit(tx.connection, _traces(before, after), actor=actor, at=clock.now())
    await tx.publish(customer_state(kind, after, clock.today()))


def _traces(before: Customer, after: Customer) -> list[Trace]:
    customer_id = after.customer_id
    traces = list(differences(customer_id, "customer", customer_id, before.details, after.details))
    traces += differences(customer_id, "customer", customer_id, _told(before.course), _told(after.course))
    for field in ("account_number", "history"):
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            traces.append(Trace(customer_id, "customer", str(customer_id), field, as_json(old), as_json(new)))
    return traces


def _told(course: Course) -> Course:
    """As the audit log has it: the history is a field of its own there."""
    return replace(course, history_before=None)
