"""Credit limits (SPEC C13, Z23): figures that changed are looked at, and levels that are reached are told once.

Whatever changes a figure notes the customer: `accounts.owe` each change of balance, triggers each charge that comes or
goes, the read model new terms, and `take_in_usage` what rating tells. So it does not matter who changed it or who died.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from contracts.billing import CreditLimitReached
from contracts.closing import UsageUnbilled
from invoicing.domain.credit import Level, Told, reached, to_tell, usage_with_vat
from invoicing.domain.reference import ReferenceLists
from invoicing.domain.transactions import ZERO
from invoicing.service.unbilled import tell_balances, unbilled_charges
from invoicing.store import balances, readmodel
from invoicing.store import credit as store
from money.rounding import to_pennies
from service_kit import clock
from service_kit.database import Transaction, transaction
from service_kit.erasures import admitted
from service_kit.faults import crash_point
from service_kit.kafka import Received

CONSUMER = "invoicing.credit"
GROUP = 200
TOLD_EVERY = timedelta(minutes=1)
"""A customer's unbilled charges are told at most so often, where its balance does not change."""


async def take_in_usage(batch: Sequence[Received]) -> None:
    """Keep what rating tells of unbilled usage: the newest version of each customer."""
    async with transaction() as tx:
        fresh = await tx.take_in(CONSUMER, [each.id for each in batch])
        newest: dict[int, UsageUnbilled] = {}
        for each in batch:
            told = each.event
            if each.id in fresh and isinstance(told, UsageUnbilled):
                newest[told.customer_id] = max(told, newest.get(told.customer_id, told), key=lambda one: one.version)
        known = await admitted(tx.connection, newest)
        await readmodel.lock_customers(tx.connection, known)
        await store.note(tx.connection, await store.put_usage(tx.connection, [newest[each] for each in known]))


async def review_next(group: int = GROUP, told_every: timedelta = TOLD_EVERY) -> bool:
    """Look at the next customers whose figures changed. Returns whether there were any.

    Args:
        group: customers at once.
        told_every: how often a customer's unbilled charges may be told where its balance does not change.
    """
    async with transaction() as tx:
        if not await store.only_one(tx.connection):
            return False
        ids = await store.changed(tx.connection, group)
        if ids:
            known = await readmodel.lock_customers(tx.connection, ids)
            await store.forget_changed(tx.connection, ids)
            await _review(tx, known, told_every)
            crash_point("invoicing.credit")
        return bool(ids)


async def _review(tx: Transaction, customers: Collection[int], told_every: timedelta) -> None:
    lists = await readmodel.reference_lists(tx.connection)
    charges = await unbilled_charges(tx, customers, lists)
    rows = await store.figures(tx.connection, customers)
    await _tell_charges(tx, [row for row in rows if row.charges != charges[row.customer_id]], charges, told_every)
    await _tell_levels(tx, rows, {row.customer_id: _unbilled(row, charges[row.customer_id], lists) for row in rows})


def _unbilled(row: Row[Any], charges: Decimal, lists: ReferenceLists) -> Decimal:
    return charges + usage_with_vat(row.usage_exact, row.vat_rate, lists, clock.today())


async def _tell_charges(
    tx: Transaction, rows: Sequence[Row[Any]], charges: Mapping[int, Decimal], told_every: timedelta
) -> None:
    """Tell unbilled charges that are not as they were told; those told a moment ago are looked at again later."""
    now = clock.wall_now()
    due = [row.customer_id for row in rows if row.told_at is None or row.told_at + told_every <= now]
    await store.note(tx.connection, {row.customer_id for row in rows} - set(due), now + told_every)
    if due:
        await tell_balances(tx, await balances.add(tx.connection, dict.fromkeys(due, ZERO)), charges)
        await store.save(tx.connection, ["told_at"], [{"customer_id": each, "told_at": now} for each in due])


async def _tell_levels(tx: Transaction, rows: Sequence[Row[Any]], unbilled: Mapping[int, Decimal]) -> None:
    """SPEC Z23: each level once, until the customer has been below it again."""
    changed: list[dict[str, Any]] = []
    told: list[CreditLimitReached] = []
    for row in rows:
        before, owed = Told(row.warned, row.limited), row.balance + unbilled[row.customer_id]
        now = reached(row.credit_limit, owed)
        if now != before:
            changed.append({"customer_id": row.customer_id, **asdict(now)})
            told += [_event(row, level, unbilled[row.customer_id]) for level in to_tell(before, now)]
    await tx.publish_many(told)
    await store.save(tx.connection, ["warned", "limited"], changed)


def _event(row: Row[Any], level: Level, unbilled: Decimal) -> CreditLimitReached:
    return CreditLimitReached(
        customer_id=row.customer_id,
        level=level,
        limit=to_pennies(row.credit_limit),
        unbilled=unbilled,
        balance=to_pennies(row.balance),
        as_of=clock.now(),
    )
