"""The roles that work by themselves: `prices` lets prices and VAT begin on their day and takes increases through
customers; `lifecycle` does planned reinstatements and erasures on their day (SPEC C16, C17).

Each asks the database what is to be done and does one step of it, so that a crash at any point needs no care. Several
processes may play a role: a step locks what it works on.
"""

from __future__ import annotations

import asyncio

from customers.service.accounts import revalue_next
from customers.service.erasing import erase_next
from customers.service.increases import raise_next
from customers.service.prices import turn_prices
from customers.service.reinstating import reinstate_next
from service_kit.repeating import repeat

IDLE_S = 1.0


async def step() -> bool:
    """One piece of work. Returns whether there was any."""
    turned = [await turn_prices(), await revalue_next()]
    return await raise_next() or any(turned)


async def lifecycle_step() -> bool:
    """One planned reinstatement or one erasure. Returns whether there was any."""
    return await reinstate_next() or await erase_next()


async def lifecycle(stop: asyncio.Event) -> None:
    """The role `lifecycle`."""
    await repeat(lifecycle_step, stop, idle_s=IDLE_S)


async def prices(stop: asyncio.Event) -> None:
    """The role `prices`."""
    await repeat(step, stop, idle_s=IDLE_S)
