"""Adding, changing, ending and removing features (SPEC C9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from customers.domain.features import changed_feature
from customers.domain.lines import with_plan_until
from customers.domain.numbers import Feature, FeatureOrder, Line, charges_ordered, new_feature
from customers.domain.rules import RuleBroken
from customers.service.customers import get_customer, locked
from customers.service.lines import apply, line_of_locked, lock_feature, one_picture
from customers.service.problems import contested, no_feature, rules
from customers.store import numbers as store
from customers.store.reference import read_book
from customers.store.rows import take_ids
from service_kit.database import Transaction, transaction


async def get_feature(feature_id: int) -> Feature:
    """A feature, or a call plan. Raises NotFound."""
    async with one_picture() as connection:
        feature = await store.get_feature(connection, feature_id)
    if feature is None:
        raise no_feature(feature_id)
    return feature


async def list_features(customer_id: int, *, after: int, limit: int) -> list[Feature]:
    """A customer's features by id, after one; call plans are among them. Raises NotFound."""
    await get_customer(customer_id)
    async with one_picture() as connection:
        return await store.list_features(connection, customer_id, after=after, limit=limit)


async def add_feature(customer_id: int, order: FeatureOrder, actor: str) -> Feature:
    """SPEC C9: add a feature to a customer, or to one of its numbers.

    Raises:
        Problem: 404, 422 where a rule is broken or the number is not the customer's.
    """
    async with transaction() as tx:
        await locked(tx, customer_id)
        book = await read_book(tx.connection)
        ids = iter(await take_ids(tx.connection, 1 + len(charges_ordered(order, book))))
        with rules():
            await _check_owner(tx, customer_id, order.number_id)
            feature = new_feature(order, customer_id, {}, book, ids)
        await apply(tx, (), [feature], actor)
    return feature


@contested
async def change_feature(feature_id: int, changes: Mapping[str, Any], *, expected: int | None, actor: str) -> Feature:
    """Change a feature; a new end of a call plan is that of its active period too.

    Args:
        feature_id: which.
        changes: `description`, `end`, `number_id`, `discount_plans`, those that change.
        expected: its version that the caller saw, None for any (SPEC C20).
        actor: who, for the audit log.

    Raises:
        Problem: 404, 412 where someone else changed it, 422 where a rule is broken, 409 where a call plan would go on
            into days on which another customer has the number.
    """
    async with transaction() as tx:
        before = await lock_feature(tx, feature_id, expected)
        with rules():
            after = changed_feature(before, changes)
            await _check_owner(tx, before.customer_id, changes.get("number_id"))
        if before.kind == "call_plan":
            await _change_plan(tx, after, changes, actor)
        else:
            await apply(tx, [before], [after], actor)
    return await get_feature(feature_id)


async def _change_plan(tx: Transaction, after: Feature, changes: Mapping[str, Any], actor: str) -> None:
    assert after.number_id is not None
    line = (await line_of_locked(tx, after.number_id)).line
    changed = line
    if "end" in changes:
        with rules():
            changed = with_plan_until(line, after.feature_id, after.end)
    await apply(tx, line.entities(), _described(changed, after).entities(), actor)


def _described(line: Line, plan: Feature) -> Line:
    plans = tuple(
        replace(each, feature=replace(each.feature, description=plan.description))
        if each.feature.feature_id == plan.feature_id
        else each
        for each in line.plans
    )
    return replace(line, plans=plans)


async def remove_feature(feature_id: int, *, expected: int | None, actor: str) -> None:
    """A feature that was added by mistake goes, as if it had never been there: what was charged is refunded.

    Raises:
        Problem: 404, 412 where someone else changed it, 422 where it is a call plan.
    """
    async with transaction() as tx:
        before = await lock_feature(tx, feature_id, expected)
        with rules():
            if before.kind == "call_plan":
                message = "this is a call plan: give its number another one from that day, or remove the number"
                raise RuleBroken("feature_id", message)
        await apply(tx, [before], [], actor)


async def _check_owner(tx: Transaction, customer_id: int, number_id: int | None) -> None:
    if number_id is not None and await store.customer_of_number(tx.connection, number_id) != customer_id:
        raise RuleBroken("number_id", f"customer {customer_id} has no number with the id {number_id}")
