"""Moving a number to another customer (SPEC C9)."""

from __future__ import annotations

from customers.domain.customers import status_of
from customers.domain.moving import MoveOrder, ids_to_move, move
from customers.domain.reference import Book
from customers.domain.status import status_on
from customers.service.customers import locked
from customers.service.lines import LinkedLine, apply, line_of_locked
from customers.service.problems import contested, customer_dropped, no_number, rules
from customers.store import numbers as store
from customers.store.reference import read_book
from customers.store.rows import take_ids
from service_kit import clock
from service_kit.database import Transaction, transaction


@contested
async def move_number(number_id: int, order: MoveOrder, *, expected: int | None, actor: str) -> LinkedLine:
    """SPEC C9: a number ends at its customer and begins at another, in one transaction.

    Args:
        number_id: which, at the customer that has it.
        order: where it goes, when, and what goes along.
        expected: the number's version that the caller saw, None for any (SPEC C20).
        actor: who, for the audit log.

    Returns:
        The number as the new customer has it.

    Raises:
        Problem: 404, 412 where someone else changed it, 422 where a rule is broken, 409 where the customer is dropped
            or a third one has the number.
    """
    async with transaction() as tx:
        book = await read_book(tx.connection)
        await _lock_both(tx, number_id, order, book)
        found = await line_of_locked(tx, number_id, expected)
        ids = iter(await take_ids(tx.connection, ids_to_move(found.line, found.features)))
        with rules():
            moved = move(found.line, found.features, order, book, ids)
        await apply(tx, [*found.line.entities(), *found.features], moved.entities(), actor)
    return LinkedLine(moved.line, moved.features)


async def _lock_both(tx: Transaction, number_id: int, order: MoveOrder, book: Book) -> None:
    """Both customers in the order of their ids, as everybody does, so that two moves wait and do not deadlock."""
    old = await store.customer_of_number(tx.connection, number_id)
    if old is None:
        raise no_number(number_id)
    customers = {each: await locked(tx, each) for each in sorted({old, order.customer_id})}
    new = customers[order.customer_id]
    period = status_on(new.history, order.on)
    for status in {status_of(new, clock.today()), *([period.status] if period else [])}:
        if book.status(status).dropped:
            raise customer_dropped(order.customer_id, status)
