"""Final Bill: taken, repeated with another date, withdrawn (SPEC C14)."""

from __future__ import annotations

from contracts.customers import CustomerFinalBilled
from customers.domain.final_bill import FinalBillOrder, ended_for_final_bill, final_bill_withdrawn, final_billed
from customers.domain.keeping import Ended, given_back
from customers.service.course import Asked, Taken, all_of, take
from customers.service.customers import locked
from customers.service.problems import check_version, contested, rules
from customers.store.reference import read_book
from customers.store.rows import take_ids
from service_kit import clock
from service_kit.database import transaction


@contested
async def final_bill(
    customer_id: int, order: FinalBillOrder, *, dry_run: bool = False, expected: int | None, actor: str
) -> Taken:
    """SPEC C14: the customer is on Final Bill, and all that it has ends on the final bill date at the latest.

    Args:
        customer_id: which.
        order: the last day charged, and why.
        dry_run: only say what would become of it.
        expected: the customer's version that the caller saw, None for any (SPEC C20).
        actor: who, for the audit log.

    Raises:
        Problem: 404, 412 where someone else changed it, 422 where a rule is broken, 409 where it is dropped or marked,
            or where a later date than before would give it days of a number that somebody else has.
    """
    terms = {} if order.status is None else {"status": order.status}
    asked = Asked("final_bill", actor, order.on, order.notice_date, order.reason, terms, dry_run)
    async with transaction() as tx:
        before = await locked(tx, customer_id)
        check_version(f"customer {customer_id}", before.version, expected)
        book = await read_book(tx.connection)
        [new_id] = await take_ids(tx.connection, 1)
        with rules():
            after = final_billed(before, order, book, clock.today(), new_id)
        had = await all_of(tx, customer_id)
        left = ended_for_final_bill(had.entities, had.kept, order.on)
        return await take(tx, asked, CustomerFinalBilled, before, after, had, left)


@contested
async def withdraw_final_bill(customer_id: int, *, dry_run: bool = False, expected: int | None, actor: str) -> Taken:
    """SPEC C14: status and ends are as before; what was cancelled is there again.

    Raises:
        Problem: 404, 412 where someone else changed it, 409 where it is not on Final Bill, dropped or marked, or where
            somebody else has one of its numbers by now.
    """
    asked = Asked("final_bill_withdrawn", actor, dry_run=dry_run)
    async with transaction() as tx:
        before = await locked(tx, customer_id)
        check_version(f"customer {customer_id}", before.version, expected)
        with rules():
            after = final_bill_withdrawn(before)
        had = await all_of(tx, customer_id)
        left = Ended(given_back(had.entities, had.kept), {})
        return await take(tx, asked, CustomerFinalBilled, before, after, had, left)
