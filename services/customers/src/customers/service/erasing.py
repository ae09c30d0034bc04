"""Delete: marked, taken back, erased when the mark is due; every service confirms (SPEC C17, Z24)."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.customers import (
    CustomerDeletionCancelled,
    CustomerDeletionRequested,
    CustomerErased,
)
from contracts.erasures import ErasureConfirmed
from contracts.topics import CUSTOMERS
from customers.domain.course import NotNow
from customers.domain.erasing import Erasure, marked, unmarked
from customers.domain.keeping import Ended
from customers.service.course import Asked, Had, Taken, take
from customers.service.customers import locked
from customers.service.problems import check_version, rules
from customers.store import erasing as store
from customers.store.customers import lock_customer
from customers.store.lifecycle import planned_of
from customers.store.reference import read_book
from service_kit import clock, erasures
from service_kit.database import Transaction, reading, transaction
from service_kit.faults import crash_point
from service_kit.kafka import Received

SERVICE = "customers"
CONSUMER = "customers.erasures"
_NOTHING = Had((), {}), Ended((), {})


async def mark(customer_id: int, reason: str | None, *, expected: int | None, actor: str) -> Taken:
    """SPEC C17: a dropped customer is marked, to be erased in thirty days; marked again, the days go on.

    Raises:
        Problem: 404, 412 where someone else changed it, 409 where it is not dropped, or its reinstatement is planned.
    """
    async with transaction() as tx:
        before = await locked(tx, customer_id, even_marked=True)
        check_version(f"customer {customer_id}", before.version, expected)
        book = await read_book(tx.connection)
        with rules():
            await _check_no_plan(tx, customer_id)
            after = before if before.course.deletion_due else marked(before, book, clock.today())
        asked = Asked("deletion", actor, after.course.deletion_due, reason=reason)
        return await take(tx, asked, CustomerDeletionRequested, before, after, *_NOTHING)


async def _check_no_plan(tx: Transaction, customer_id: int) -> None:
    plan = await planned_of(tx.connection, customer_id)
    if plan is not None:
        message = (
            f"customer {customer_id} is to be reinstated on {plan.on}: withdraw that first "
            f"(DELETE /customers/{customer_id}/reinstate)"
        )
        raise NotNow("reinstatement-planned", "Reinstatement planned", message)


async def unmark(customer_id: int, *, expected: int | None, actor: str) -> Taken:
    """SPEC C17: the mark is taken back; the customer is dropped as before.

    Raises:
        Problem: 404, 412 where someone else changed it, 409 where it is not marked.
    """
    async with transaction() as tx:
        before = await locked(tx, customer_id, even_marked=True)
        check_version(f"customer {customer_id}", before.version, expected)
        with rules():
            after = unmarked(before)
        asked = Asked("deletion_withdrawn", actor)
        return await take(tx, asked, CustomerDeletionCancelled, before, after, *_NOTHING)


async def erase_next() -> bool:
    """Erase one customer whose mark is due, or confirm one. Returns whether there was anything to do."""
    return await _erase_due() or await erasures.erase_next(SERVICE, ())


async def _erase_due() -> bool:
    """SPEC C17: all of it goes in one transaction with the event that tells the other services to do the same.

    The compacted topic forgets what it has under each key of the customer; its own key has the event, which names
    nobody.
    """
    async with transaction() as tx:
        customer_id = await store.next_due(tx.connection, clock.today())
        customer = None if customer_id is None else await lock_customer(tx.connection, customer_id)
        if customer is None:
            return False
        erased = CustomerErased(customer_id=customer.customer_id, version=customer.version + 1, erased_at=clock.now())
        keys = await store.keys_told(tx.connection, customer.customer_id)
        await erasures.begin(tx.connection, [erased])
        await store.erase_customer(tx.connection, customer.customer_id)
        await tx.publish(erased)
        for key in keys:
            await tx.tombstone(CUSTOMERS, key, customer.customer_id)
        crash_point("customers.erased")
    return True


async def take_in_confirmed(received: Sequence[Received]) -> None:
    """Keep which service has erased which customer."""
    async with transaction() as tx:
        fresh = await tx.take_in(CONSUMER, [each.id for each in received])
        for each in received:
            if each.id in fresh and isinstance(each.event, ErasureConfirmed):
                event = each.event
                await store.confirm(tx.connection, event.customer_id, event.service, event.confirmed_at)


async def list_erasures(*, after: int, limit: int, customer_id: int | None = None) -> list[Erasure]:
    """The records of erasures by customer id, after one; or that of one."""
    async with reading() as connection:
        return await store.list_erasures(connection, after=after, limit=limit, customer_id=customer_id)
