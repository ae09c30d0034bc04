"""What all actions on a customer have in common: look at all of it, store what becomes of it, tell it (C14 to C17)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from contracts.customers import CustomerState
from customers.domain.changes import Changes, changes_between
from customers.domain.course import Action, Kind
from customers.domain.customers import Customer
from customers.domain.effects import Effect, effects
from customers.domain.keeping import Ended, Keeping
from customers.domain.numbers import Entity
from customers.service.customers import get_customer, store_customer
from customers.service.lines import check_free, save
from customers.store import lifecycle as store
from customers.store.rows import take_ids
from service_kit import clock
from service_kit.database import Transaction, reading


@dataclass(frozen=True)
class Had:
    """All that a customer has when an action begins, and what its course has taken so far."""

    entities: tuple[Entity, ...]
    kept: Keeping


@dataclass(frozen=True)
class Asked:
    """An action as it was asked for: who, with which words and dates; `planned` is its record, where it was."""

    kind: Kind
    actor: str
    on: date | None = None
    notice_date: date | None = None
    reason: str | None = None
    terms: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    planned: Action | None = None


@dataclass(frozen=True)
class Taken:
    """The customer after an action, and what that did to what it has. In a dry run nothing of it is so."""

    customer: Customer
    effects: tuple[Effect, ...] = ()
    action: Action | None = None


async def all_of(tx: Transaction, customer_id: int) -> Had:
    """All that a locked customer has."""
    entities = await store.entities_of(tx.connection, customer_id)
    return Had(entities, await store.read_kept(tx.connection, customer_id))


async def take(
    tx: Transaction, asked: Asked, event: type[CustomerState], before: Customer, after: Customer, had: Had, left: Ended
) -> Taken:
    """Store and tell what an action makes of a customer; nothing where it is so already, or in a dry run.

    Args:
        tx: the transaction, the customer's row locked in it.
        asked: the action.
        event: what is told of the customer.
        before, after: the customer.
        had, left: what it has, and what was taken from it.

    Raises:
        Conflict: somebody else has one of its numbers on a day on which it would have it again.
    """
    changes = changes_between(had.entities, left.entities)
    await check_free(tx, changes)
    done = tuple(effects(changes))
    if asked.dry_run or (after == before and not changes):
        return Taken(after, done)
    after = replace(after, version=before.version + 1)
    action = await _record(tx, asked, after.customer_id)
    await store_customer(tx, event, before, after, asked.actor)
    await _save_all(tx, changes, asked.actor)
    if left.kept != had.kept:
        await store.replace_kept(tx.connection, after.customer_id, left.kept)
    return Taken(after, done, action)


async def _record(tx: Transaction, asked: Asked, customer_id: int) -> Action:
    """Keep that an action was taken, or that what was planned is done."""
    if asked.planned is not None:
        await store.settle_action(tx.connection, asked.planned.action_id, "done")
        return replace(asked.planned, state="done")
    action = await new_action(tx, asked, customer_id)
    await store.add_action(tx.connection, action)
    return action


async def new_action(tx: Transaction, asked: Asked, customer_id: int) -> Action:
    """An action, with an id."""
    [action_id] = await take_ids(tx.connection, 1)
    return Action(
        action_id=action_id,
        customer_id=customer_id,
        kind=asked.kind,
        on=asked.on,
        notice_date=asked.notice_date,
        reason=asked.reason,
        actor=asked.actor,
        at=clock.now(),
        terms=dict(asked.terms),
    )


_TOGETHER = 2_000
"""Entities told with one statement: a customer may have 50,000 numbers."""


async def _save_all(tx: Transaction, changes: Changes, actor: str) -> None:
    """What is taken away goes last, and what refers to it before it: so the order of `changes` is kept."""
    for first in range(0, len(changes), _TOGETHER):
        await save(tx, changes[first : first + _TOGETHER], actor)


async def list_actions(customer_id: int, *, after: int, limit: int) -> list[Action]:
    """The course of a customer: the actions on it, in the order in which they were taken. Raises NotFound."""
    await get_customer(customer_id)
    async with reading() as connection:
        return await store.list_actions(connection, customer_id, after=after, limit=limit)
