"""The roles that work by themselves beside the stream: `closer` takes cuts and closes, `retry` judges held calls again.

Both ask the database what is to be done and do one step of it in one transaction, so a crash at any point needs no
care. Several processes may play a role; one of them works at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from rating.service.closes import answer_next
from rating.service.cuts import take_cut, untaken_cuts
from rating.service.retrying import retry_next
from service_kit.errors import Transient
from service_kit.logs import logger

_log = logger(__name__)
IDLE_S = 0.15
_AWAY_S = 1.0
_FAILED_S = 5.0


async def close_step() -> bool:
    """Take the cuts that can be taken and answer the next customers. Returns whether there was anything to do."""
    taken = [await take_cut(run_id) for run_id in await untaken_cuts()]
    return await answer_next() or any(taken)


async def closer(stop: asyncio.Event) -> None:
    """The role `closer`."""
    await _repeat(close_step, stop)


async def retry(stop: asyncio.Event) -> None:
    """The role `retry`."""
    await _repeat(retry_next, stop)


async def _repeat(step: Callable[[], Awaitable[bool]], stop: asyncio.Event) -> None:
    """Do steps until `stop`; rest when there is nothing to do, longer when something is away or broken."""
    while not stop.is_set():
        pause_s = IDLE_S
        try:
            if await step():
                continue
        except Transient as error:
            _log.warning("away, trying again", error=repr(error))
            pause_s = _AWAY_S
        except Exception as error:
            _log.error("a step failed, trying again", exc_info=error)
            pause_s = _FAILED_S
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause_s)
