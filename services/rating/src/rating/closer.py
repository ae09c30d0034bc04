"""The roles that work by themselves beside the stream: `closer` takes cuts and closes, `retry` judges held calls again.

Both ask the database what is to be done and do one step of it in one transaction, so a crash at any point needs no
care. Several processes may play a role; one of them works at a time.
"""

from __future__ import annotations

import asyncio

from rating.service.closes import answer_next
from rating.service.cuts import take_cut, untaken_cuts
from rating.service.retrying import retry_next
from service_kit.repeating import repeat

IDLE_S = 0.15


async def close_step() -> bool:
    """Take the cuts that can be taken and answer the next customers. Returns whether there was anything to do."""
    taken = [await take_cut(run_id) for run_id in await untaken_cuts()]
    return await answer_next() or any(taken)


async def closer(stop: asyncio.Event) -> None:
    """The role `closer`."""
    await repeat(close_step, stop, idle_s=IDLE_S)


async def retry(stop: asyncio.Event) -> None:
    """The role `retry`."""
    await repeat(retry_next, stop, idle_s=IDLE_S)
