"""Adding and changing numbers, each with its call plans (SPEC C9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from customers.domain.lines import PlanOrder, changed_line, features_with, with_call_plan
from customers.domain.numbers import Feature, Line, NumberOrder, new_line
from customers.service.customers import get_customer, locked
from customers.service.lines import LinkedLine, apply, lock_line, one_picture
from customers.service.problems import contested, no_number, rules
from customers.store import numbers as store
from customers.store.reference import read_book
from customers.store.rows import take_ids
from service_kit.database import transaction


async def get_number(number_id: int) -> LinkedLine:
    """A number with its call plans and linked features. Raises NotFound."""
    async with one_picture() as connection:
        line = await store.get_line(connection, number_id)
        features = await store.linked_features(connection, number_id)
    if line is None:
        raise no_number(number_id)
    return LinkedLine(line, tuple(features))


async def list_numbers(
    *, after: int, limit: int, customer_id: int | None = None, held: str | None = None, active_on: date | None = None
) -> list[Line]:
    """Numbers by id, after one: of a customer, as one number (E.164), active on a day."""
    async with one_picture() as connection:
        return await store.list_lines(
            connection, after=after, limit=limit, customer_id=customer_id, held=held, active_on=active_on
        )


async def list_numbers_of(customer_id: int, *, after: int, limit: int) -> list[Line]:
    """A customer's numbers by id, after one. Raises NotFound."""
    await get_customer(customer_id)
    return await list_numbers(after=after, limit=limit, customer_id=customer_id)


@contested
async def add_number(customer_id: int, order: NumberOrder, actor: str) -> Line:
    """SPEC C9: add a number with its call plan; from then on it may receive usage in its active period.

    Raises:
        Problem: 404, 422 where a rule is broken, 409 where it is active for a customer on one of those days.
    """
    async with transaction() as tx:
        await locked(tx, customer_id)
        await store.lock_number(tx.connection, order.number)
        book = await read_book(tx.connection)
        ids = iter(await take_ids(tx.connection, 4 + len(order.charges)))
        with rules():
            line = new_line(order, customer_id, book, ids)
        await apply(tx, (), line.entities(), actor)
    return line


@contested
async def change_number(
    number_id: int, changes: Mapping[str, Any], *, with_features: bool = False, expected: int | None, actor: str
) -> LinkedLine:
    """Change a number; a new end is that of its call plans and active periods too.

    Args:
        number_id: which.
        changes: `end`, `number_type`, `label`, `discount_plans` and the rating choices, those that change.
        with_features: the linked features follow the number to its new end.
        expected: the number's version that the caller saw, None for any (SPEC C20).
        actor: who, for the audit log.

    Raises:
        Problem: as `add_number`, and 412 where someone else changed it.
    """
    async with transaction() as tx:
        found = await lock_line(tx, number_id, expected)
        line, features = found.line, found.features
        with rules():
            after = changed_line(line, changes, await read_book(tx.connection))
        if with_features:
            features = tuple(features_with(line, after.number.end, features))
        await apply(tx, [*line.entities(), *found.features], [*after.entities(), *features], actor)
    return await get_number(number_id)


@contested
async def remove_number(number_id: int, *, with_features: bool, expected: int | None, actor: str) -> None:
    """A number that was added by mistake goes, as if it had never been there: charges are refunded, calls held again.

    Args:
        number_id: which.
        with_features: the linked features go too; otherwise they stay, and are the customer's.
        expected: the number's version that the caller saw, None for any (SPEC C20).
        actor: who, for the audit log.

    Raises:
        Problem: 404, 412 where someone else changed it.
    """
    async with transaction() as tx:
        found = await lock_line(tx, number_id, expected)
        kept: list[Feature] = [] if with_features else [replace(each, number_id=None) for each in found.features]
        await apply(tx, [*found.line.entities(), *found.features], kept, actor)


@contested
async def change_call_plan(number_id: int, order: PlanOrder, actor: str) -> LinkedLine:
    """SPEC C9: another call plan from a day on; the one of that day ends the day before.

    Raises:
        Problem: 404, 422 where a rule is broken, 409 where another customer has the number on one of the days.
    """
    async with transaction() as tx:
        line = (await lock_line(tx, number_id)).line
        book = await read_book(tx.connection)
        ids = iter(await take_ids(tx.connection, 3))
        with rules():
            after = with_call_plan(line, order, book, ids)
        await apply(tx, line.entities(), after.entities(), actor)
    return await get_number(number_id)
