"""Credit limits (SPEC C13, Z23): figures that changed are looked at, and levels that are reached are told once.

Whatever changes a figure notes the customer: `accounts.owe` each change of balance, triggers each charge that comes or
goes, the read model new terms, and `take_in_usage` what rating tells. So it does not matter who changed it or who died.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from contracts.billing import CreditLimitReached
from contracts.closing import UsageUnbilled
from invoicing.domain.credit import Told, reached, to_tell, usage_with_vat
from invoicing.domain.reference import ReferenceLists
from invoicing.domain.transactions import ZERO
from invoicing.service.accounts import owe
from invoicing.service.unbilled import unbilled_charges
from invoicing.store import credit as store
from invoicing.store import readmodel
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
    """Look at the next customers whose figures changed. Returns whether there were any."""
    async with transaction() as tx:
        if not await store.only_one(tx.connection):
            return False
        ids = await store.changed(tx.connection, group)
        if ids:
            await _review(tx, await readmodel.lock_customers(tx.connection, ids), told_every)
            await store.forget_changed(tx.connection, ids)
            crash_point("invoicing.credit")
        return bool(ids)
