"""The roles that work by themselves beside the stream: `closer` takes cuts and closes, `retry` judges calls again that
a change concerns, `sealer` sorts and indexes what has been stored, `unbilled` adds up what is on no bill.

They ask the database what is to be done and do one step of it in one transaction, so a crash at any point needs no
care. Several processes may play a role; one of them works at a time.
"""

from __future__ import annotations

import asyncio

from rating.config import settings
from rating.service.closes import answer_next
from rating.service.cuts import take_cut, untaken_cuts
from rating.service.guiding_again import guide_again_next
from rating.service.retrying import retry_next
from rating.service.sealing import seal_step
from rating.service.sealing_keys import forget_keys, merge_runs, seal_keys
from rating.service.unbilled import fold_next, tell_next
from service_kit.repeating import repeat

IDLE_S = 0.15
SEAL_IDLE_S = 1.0
UNBILLED_IDLE_S = 1.0


async def close_step() -> bool:
    """Take the cuts that can be taken and answer the next customers. Returns whether there was anything to do."""
    taken = [await take_cut(run_id) for run_id in await untaken_cuts()]
    return await answer_next() or any(taken)


async def closer(stop: asyncio.Event) -> None:
    """The role `closer`."""
    await repeat(close_step, stop, idle_s=IDLE_S)


async def retry_step() -> bool:
    """Guide usage again that may have changed hands, then judge held calls again. Returns whether there were any."""
    return await guide_again_next() or await retry_next()


async def retry(stop: asyncio.Event) -> None:
    """The role `retry`."""
    await repeat(retry_step, stop, idle_s=IDLE_S)


async def sealer_step() -> bool:
    """Seal what has grown: usage, and record ids. Returns whether there was anything to do."""
    return await seal_step() or await seal_keys() or await merge_runs() or await forget_keys()


async def sealer(stop: asyncio.Event) -> None:
    """The role `sealer`."""
    await repeat(sealer_step, stop, idle_s=SEAL_IDLE_S)


async def unbilled_step() -> bool:
    """Tell totals that have changed, or bring them up to date when it is time. Returns whether there was any work."""
    return await tell_next() or await fold_next(settings().unbilled_every_s)


async def unbilled(stop: asyncio.Event) -> None:
    """The role `unbilled`."""
    await repeat(unbilled_step, stop, idle_s=UNBILLED_IDLE_S)
