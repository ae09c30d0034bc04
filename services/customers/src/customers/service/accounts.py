"""What other services tell of accounts, taken in (SPEC C13)."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.base import CustomerEvent
from customers.domain.accounts import gathered
from customers.store import accounts as store
from customers.store import intake
from service_kit import clock, erasures
from service_kit.database import transaction
from service_kit.kafka import Received

CONSUMER = "customers.accounts"
REVALUED_TOGETHER = 2_000


async def take_in(batch: Sequence[Received]) -> None:
    """Keep the newest that is told of balances, unbilled usage, limits, invoices and payments.

    Older versions are passed over. What is told of customers that are not known (yet) is kept too, but nothing of
    those that are erased.
    """
    async with transaction() as tx:
        fresh = await tx.take_in(CONSUMER, [each.id for each in batch])
        events = [each.event for each in batch if each.id in fresh and isinstance(each.event, CustomerEvent)]
        known = await erasures.admitted(tx.connection, {each.customer_id for each in events})
        told = gathered(each for each in events if each.customer_id in known)
        await intake.lock_accounts(tx.connection, told.customers)
        await intake.put_balances(tx.connection, told.balances)
        await intake.put_usages(tx.connection, told.usages)
        await intake.put_notices(tx.connection, told.notices)
        await intake.put_invoices(tx.connection, told.invoices)
        await intake.put_payments(tx.connection, told.payments)


async def revalue_next() -> bool:
    """SPEC C7, Z13: a percentage of VAT was changed, or its day has come: unbilled usage takes it, some at a time.

    Returns: whether there was any.
    """
    async with transaction() as tx:
        return await store.revalue(tx.connection, clock.today(), REVALUED_TOGETHER) > 0
