"""Drop: by hand (SPEC C15), or because a billing run found the customer settled (C14)."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.billing import CustomerSettled
from contracts.customers import CustomerDropped
from customers.domain.dropping import DropOrder, dropped, ended_for_drop, settled
from customers.service.course import Asked, Taken, all_of, take
from customers.service.customers import locked
from customers.service.problems import check_version, rules
from customers.store import customers as store
from customers.store.reference import read_book
from service_kit import clock
from service_kit.database import Transaction, transaction
from service_kit.kafka import Received
from service_kit.logs import logger

CONSUMER = "customers.settled"
_log = logger(__name__)


async def drop(customer_id: int, order: DropOrder, *, dry_run: bool = False, expected: int | None, actor: str) -> Taken:
    """SPEC C15: the customer is dropped at once, and all that it has ends on the drop date at the latest.

    Args:
        customer_id: which.
        order: the last day charged, and why.
        dry_run: only say what would become of it.
        expected: the customer's version that the caller saw, None for any (SPEC C20).
        actor: who, for the audit log.

    Raises:
        Problem: 404, 412 where someone else changed it, 422 where a rule is broken, 409 where it is dropped or marked.
    """
    given = {"status": order.status, "ignore_traffic_type": order.ignore_traffic_type}
    terms = {name: value for name, value in given.items() if value is not None}
    asked = Asked("drop", actor, order.on, order.notice_date, order.reason, terms, dry_run)
    async with transaction() as tx:
        before = await locked(tx, customer_id)
        check_version(f"customer {customer_id}", before.version, expected)
        book = await read_book(tx.connection)
        with rules():
            after = dropped(before, order, book, clock.today())
        had = await all_of(tx, customer_id)
        left = ended_for_drop(had.entities, had.kept, order.on, order.ignore_traffic_type)
        return await take(tx, asked, CustomerDropped, before, after, had, left)


async def take_in_settled(received: Sequence[Received]) -> None:
    """SPEC C14: customers of which a run found nothing left are dropped, if they are as the run saw them."""
    async with transaction() as tx:
        fresh = await tx.take_in(CONSUMER, [each.id for each in received])
        events = [each.event for each in received if each.id in fresh and isinstance(each.event, CustomerSettled)]
        await store.lock_customers(tx.connection, [each.customer_id for each in events])
        for event in events:
            await _drop_settled(tx, event)


async def _drop_settled(tx: Transaction, event: CustomerSettled) -> None:
    before = await store.lock_customer(tx.connection, event.customer_id)
    if before is None:
        return
    book = await read_book(tx.connection)
    after = settled(before, event.run_id, event.customer_version, event.bill_to, book, clock.today())
    if after is None:
        _log.info("not dropped: it has changed since the run", customer_id=event.customer_id, run_id=event.run_id)
        return
    had = await all_of(tx, event.customer_id)
    left = ended_for_drop(had.entities, had.kept, event.bill_to, None)
    asked = Asked("drop", "invoicing", event.bill_to, reason="settled", terms={"run_id": event.run_id})
    await take(tx, asked, CustomerDropped, before, after, had, left)
