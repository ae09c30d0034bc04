"""What every change of numbers, features and charges has in common: lock, look whether it is free, store, tell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain import audit, events
from customers.domain.changes import Changes, changes_between, taking
from customers.domain.keeping import goes_beyond, goes_on_across
from customers.domain.numbers import Assignment, Entity, Feature, Line
from customers.service.customers import locked
from customers.service.problems import across_a_gap, beyond_last_day, check_version, no_feature, no_number, number_taken
from customers.store import numbers as store
from customers.store.audit import write_audit
from customers.store.changes import save_changes
from customers.store.lifecycle import bounds
from service_kit import clock
from service_kit.database import Transaction, reading


@dataclass(frozen=True)
class LinkedLine:
    """A number with its call plans, and the features that are linked to it."""

    line: Line
    features: tuple[Feature, ...] = ()


@asynccontextmanager
async def one_picture() -> AsyncIterator[AsyncConnection]:
    """A connection whose queries all see the same state: a number may be taken away between two of them.

    Within a transaction it is that one's, whose locks see to it.
    """
    async with reading() as connection:
        if not connection.in_nested_transaction():
            await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        yield connection


async def lock_line(tx: Transaction, number_id: int, expected: int | None = None) -> LinkedLine:
    """A number, its customer's row and the number itself locked.

    Args:
        tx: the transaction.
        number_id: which.
        expected: the number's version that the caller saw, None for any (SPEC C20).

    Raises:
        Problem: 404, 412 where someone else changed it.
    """
    customer_id = await store.customer_of_number(tx.connection, number_id)
    if customer_id is None:
        raise no_number(number_id)
    await locked(tx, customer_id)
    return await line_of_locked(tx, number_id, expected)


async def line_of_locked(tx: Transaction, number_id: int, expected: int | None = None) -> LinkedLine:
    """As `lock_line`, where the customer's row is locked already."""
    line = await store.get_line(tx.connection, number_id)
    if line is None:
        raise no_number(number_id)
    await store.lock_number(tx.connection, line.number.number)
    check_version(f"number {line.number.number}", line.number.version, expected)
    return LinkedLine(line, tuple(await store.linked_features(tx.connection, number_id)))


async def lock_feature(tx: Transaction, feature_id: int, expected: int | None = None) -> Feature:
    """A feature, its customer's row locked. As `lock_line`."""
    seen = await store.get_feature(tx.connection, feature_id)
    if seen is None:
        raise no_feature(feature_id)
    await locked(tx, seen.customer_id)
    feature = await store.get_feature(tx.connection, feature_id)
    if feature is None:
        raise no_feature(feature_id)
    check_version(f"feature {feature_id}", feature.version, expected)
    return feature


async def apply(tx: Transaction, before: Iterable[Entity], after: Iterable[Entity], actor: str) -> Changes:
    """Store what changed from one set of entities to another, with its audit and events; nothing where nothing did.

    Raises:
        Conflict: somebody else has the number on one of the days.
    """
    changes = changes_between(before, after)
    if changes:
        await _check_days(tx, changes)
        await check_free(tx, changes)
        await save(tx, changes, actor)
    return changes


async def save(tx: Transaction, changes: Changes, actor: str) -> None:
    """Store changes, with their audit and events. Raises IntegrityError: a number is held on one of the days."""
    await save_changes(tx.connection, changes)
    await write_audit(tx.connection, audit.changed(changes), actor=actor, at=clock.now())
    await tx.publish_many(events.changed(changes))


async def check_free(tx: Transaction, changes: Changes) -> None:
    """SPEC C9. Raises Conflict where somebody else has a number on a day that these changes would take."""
    periods = [each for change in changes if (each := taking(change)) is not None]
    ours = {change.before.assignment_id for change in changes if isinstance(change.before, Assignment)}
    besides = ours | {each.assignment_id for each in periods}
    holding = await store.find_clash(tx.connection, periods, besides=besides) if periods else None
    if holding is not None:
        raise number_taken(holding)


async def _check_days(tx: Transaction, changes: Changes) -> None:
    """SPEC C14 to C16. Raises Conflict where something would be charged beyond its customer's last day, or in a gap."""
    of_customers = await bounds(tx.connection, sorted({each.after.customer_id for each in changes if each.after}))
    for before, after in ((each.before, each.after) for each in changes):
        days = of_customers.get(after.customer_id) if after is not None else None
        if after is None or days is None:
            continue
        if days.last_day and goes_beyond(after, days.last_day):
            if before is None or not goes_beyond(before, days.last_day):
                raise beyond_last_day(after.customer_id, days.last_day)
        elif before and days.reinstated_on and goes_on_across(before, after, days.reinstated_on):
            raise across_a_gap(after.customer_id, days.reinstated_on)
