"""Adding and changing numbers, each with its call plan, and features (SPEC C9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError

from contracts.customers import FeatureCreated
from customers.domain import audit, events
from customers.domain.numbers import (
    Feature,
    FeatureOrder,
    Line,
    NumberOrder,
    changed_line,
    charges_ordered,
    new_feature,
    new_line,
)
from customers.service.customers import get_customer, locked
from customers.service.problems import (
    check_version,
    constraint_of,
    no_number,
    number_taken,
    once_more,
    rules,
)
from customers.store import numbers as store
from customers.store.audit import write_audit
from customers.store.reference import read_book
from customers.store.rows import take_ids
from customers.store.tables import NUMBER_TAKEN
from service_kit import clock
from service_kit.database import Transaction, reading, transaction
from service_kit.http import Invalid


async def get_number(number_id: int) -> Line:
    """A number with its call plan and active period. Raises NotFound."""
    async with reading() as connection:
        line = await store.get_line(connection, number_id)
    if line is None:
        raise no_number(number_id)
    return line


async def list_numbers(customer_id: int, *, after: int, limit: int) -> list[Line]:
    """A customer's numbers by id, after one. Raises NotFound."""
    await get_customer(customer_id)
    async with reading() as connection:
        return await store.list_lines(connection, customer_id, after=after, limit=limit)


async def list_features(customer_id: int, *, after: int, limit: int) -> list[Feature]:
    """A customer's features by id, after one; call plans are among them. Raises NotFound."""
    await get_customer(customer_id)
    async with reading() as connection:
        return await store.list_features(connection, customer_id, after=after, limit=limit)


@once_more
async def add_number(customer_id: int, order: NumberOrder, actor: str) -> Line:
    """SPEC C9: add a number with its call plan; from then on it may receive usage in its active period.

    Raises:
        Problem: 404, 422 where a rule is broken, 409 where it is active for a customer on one of those days.
    """
    try:
        return await _add_number(customer_id, order, actor)
    except IntegrityError as error:
        await _raise_overlap(error, order)
        raise


async def _add_number(customer_id: int, order: NumberOrder, actor: str) -> Line:
    async with transaction() as tx:
        await locked(tx, customer_id)
        book = await read_book(tx.connection)
        ids = iter(await take_ids(tx.connection, 4 + len(order.charges)))
        with rules():
            line = new_line(order, customer_id, book, ids)
        await store.insert_lines(tx.connection, [line])
        traces = [audit.added(line.number), audit.added(line.call_plan), audit.added(line.assignment)]
        await write_audit(tx.connection, traces, actor=actor, at=clock.now())
        await tx.publish_many(events.line_added(line))
    return line


@once_more
async def change_number(number_id: int, changes: Mapping[str, Any], *, expected: int | None, actor: str) -> Line:
    """Change a number; a new end is that of its call plan and active period too.

    Args:
        number_id: which.
        changes: `end`, `number_type`, `label` and the rating choices, those that change.
        expected: the number's version that the caller saw, None for any (SPEC C20).
        actor: who, for the audit log.

    Raises:
        Problem: as `add_number`, and 412 where someone else changed it.
    """
    before = await get_number(number_id)
    try:
        return await _change_number(before, changes, expected, actor)
    except IntegrityError as error:
        await _raise_overlap(error, before, changes)
        raise


async def _change_number(seen: Line, changes: Mapping[str, Any], expected: int | None, actor: str) -> Line:
    async with transaction() as tx:
        await locked(tx, seen.number.customer_id)
        before = await store.get_line(tx.connection, seen.number.number_id)
        if before is None:
            raise no_number(seen.number.number_id)
        check_version(f"number {before.number.number}", before.number.version, expected)
        with rules():
            after = changed_line(before, changes, await read_book(tx.connection))
        if after == before:
            return before
        await store.update_line(tx.connection, after)
        await _tell(tx, before, after, actor)
    return after


async def _tell(tx: Transaction, before: Line, after: Line, actor: str) -> None:
    customer_id = after.number.customer_id
    traces = [
        *audit.differences(customer_id, "number", after.number.number_id, before.number, after.number),
        *audit.differences(customer_id, "feature", after.call_plan.feature_id, before.call_plan, after.call_plan),
        *audit.differences(
            customer_id, "assignment", after.assignment.assignment_id, before.assignment, after.assignment
        ),
    ]
    await write_audit(tx.connection, traces, actor=actor, at=clock.now())
    await tx.publish_many(events.line_changed(before, after))


async def add_feature(customer_id: int, order: FeatureOrder, actor: str) -> Feature:
    """SPEC C9: add a feature to a customer, or to one of its numbers.

    Raises:
        Problem: 404, 422 where a rule is broken or the number is not the customer's.
    """
    async with transaction() as tx:
        await locked(tx, customer_id)
        book = await read_book(tx.connection)
        await _check_owner(tx, customer_id, order.number_id)
        ids = iter(await take_ids(tx.connection, 1 + len(charges_ordered(order, book))))
        with rules():
            feature = new_feature(order, customer_id, {}, book, ids)
        await store.insert_features(tx.connection, [feature])
        await write_audit(tx.connection, [audit.added(feature)], actor=actor, at=clock.now())
        await tx.publish(events.feature_state(FeatureCreated, feature))
    return feature


async def _check_owner(tx: Transaction, customer_id: int, number_id: int | None) -> None:
    if number_id is not None and await store.customer_of_number(tx.connection, number_id) != customer_id:
        message = f"customer {customer_id} has no number with the id {number_id}"
        raise Invalid(f"number_id: {message}", errors=[{"field": "number_id", "message": message}])


async def _raise_overlap(
    error: IntegrityError, wanted: NumberOrder | Line, changes: Mapping[str, Any] | None = None
) -> None:
    """Raise 409 naming who holds the number, where that is what the database refused."""
    if constraint_of(error) != NUMBER_TAKEN:
        return
    if isinstance(wanted, Line):
        period = wanted.assignment
        number, start, end, besides = period.number, period.start, (changes or {}).get("end"), period.assignment_id
    else:
        number, start, end, besides = wanted.number, wanted.start, wanted.end, 0
    async with reading() as connection:
        holding = await store.find_holding(connection, number, start, end, besides=besides)
    if holding is not None:
        raise number_taken(holding) from error
