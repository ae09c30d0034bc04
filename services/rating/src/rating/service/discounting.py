"""Discount plans at the close: calls draw in the order of their start, whatever order they came in (SPEC R7, Z19).

What a close decides stands in rows beside the usage; released, it is as if it never was. A customer's closes follow one
another, so what is left of a month's pools is what those that stand have not drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.discounts import Discount, Key, Meters, cap_key, pool_key
from rating.domain.plans import EVERY_NUMBER, Holdings, Plan, days_of
from rating.store import closes, plans
from rating.store import discounts as store
from service_kit.database import Transaction, reading


@dataclass(frozen=True, slots=True)
class PoolUse:
    """One pool of a month: `left` is what was there less what is used; in seconds, calls, bytes or micro-pounds.

    `provisional` is the part of `used` that is on no close yet. The monthly cap has no name and is of the unit cash.
    """

    plan: str
    pool: str
    unit: str
    number_id: int | None
    used: int
    provisional: int
    left: int


async def decide(tx: Transaction, new: Sequence[int]) -> None:
    """Let the calls of new closes draw, those of customers who have plans."""
    having = await store.with_plans(tx.connection, new)
    if not having:
        return
    unindexed = await closes.unindexed(tx.connection)
    for close_id, customer_id in having.items():
        meters, _, _ = await _meters(tx.connection, customer_id)
        async with aclosing(store.calls_of(tx.connection, close_id, unindexed)) as parts:
            async for calls in parts:
                told = [(call.usage_id, meters.discount(call)) for call in calls]
                decided = [(usage_id, each) for usage_id, each in told if each is not None]
                await store.add(tx.connection, close_id, decided)
        await store.add_drawn(tx.connection, close_id, meters.drawn)


async def _meters(connection: AsyncConnection, customer_id: int) -> tuple[Meters, list[Plan], Holdings]:
    held = await plans.holdings(connection, customer_id)
    known = await plans.plans(connection, {each.plan for each in held})
    holdings = Holdings(held)
    return Meters(known, holdings, await store.drawn(connection, customer_id)), known, holdings


async def of_call(connection: AsyncConnection, row: RowMapping) -> tuple[int | None, Discount] | None:
    """What plans made of a priced call, and the close that decided; without one, what they would make of it now.

    Args:
        row: of `usage`, or of `held` with its customer where an open close priced it.
    """
    decided = await store.of_call(connection, row["usage_id"], row["customer_id"])
    if decided is not None or "charge_micro" not in row or await store.is_closed(connection, row):
        return decided
    told = await _provisional(connection, row["customer_id"], row["usage_id"], row["local_date"])
    return None if told is None else (None, told)


async def _provisional(connection: AsyncConnection, customer_id: int, usage_id: int, day: date) -> Discount | None:
    """Reads the customer's calls of the month up to that day, as far as no close has them."""
    meters, known, _ = await _meters(connection, customer_id)
    if not known:
        return None
    month = days_of(day.replace(day=1))
    async with aclosing(store.calls_of_no_close(connection, customer_id, month[0], day)) as parts:
        async for calls in parts:
            for call in calls:
                told = meters.discount(call)
                if call.usage_id == usage_id:
                    return told
    return None


async def pools_of(customer_id: int, month: date) -> list[PoolUse]:
    """SPEC R7: what is used and left of a customer's pools in a month, given its first day; what is on no close yet is
    provisional.
    """
    async with reading() as connection:
        meters, known, holdings = await _meters(connection, customer_id)
        before = await store.drawn(connection, customer_id)
        last = days_of(month)[-1]
        if known:
            async with aclosing(store.calls_of_no_close(connection, customer_id, month, last)) as parts:
                async for calls in parts:
                    for call in calls:
                        meters.discount(call)
    return [
        _use(meters, plan, key, unit, before)
        for plan in known
        for key, unit in _keys(plan, holdings, month, {*before, *meters.drawn})
    ]


def _keys(plan: Plan, holdings: Holdings, month: date, drawn: set[Key]) -> list[tuple[Key, str]]:
    """The pools that there are of a plan in a month; one of each number that has it for itself or has drawn on it."""
    numbers = holdings.numbers(plan.code, month)
    if not numbers:
        return []
    own = {key.number_id for key in drawn if key.plan == plan.code and key.month == month} | set(numbers)
    named = sorted(own - {EVERY_NUMBER})
    found: dict[Key, str] = {}
    for pool in plan.pools:
        for number_id in [EVERY_NUMBER] if pool.shared else named:
            found[pool_key(plan, pool, number_id, month)] = pool.unit
    if plan.cap is not None:
        for number_id in named if plan.caps_each_number else [EVERY_NUMBER]:
            found[cap_key(plan, number_id, month)] = "cash"
    return list(found.items())


def _use(meters: Meters, plan: Plan, key: Key, unit: str, before: Mapping[Key, int]) -> PoolUse:
    provisional = meters.drawn.get(key, 0)
    return PoolUse(
        plan=plan.code,
        pool=key.pool,
        unit=unit,
        number_id=key.number_id or None,
        used=before.get(key, 0) + provisional,
        provisional=provisional,
        left=meters.left(plan, key),
    )
