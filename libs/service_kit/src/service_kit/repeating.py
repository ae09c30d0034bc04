"""The loop of every role that works by itself: a step, a rest, and patience with what is away or broken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from service_kit.kafka.delivery import is_transient
from service_kit.logs import logger

_log = logger(__name__)
AWAY_S = 1.0
FAILED_S = 5.0


async def repeat(step: Callable[[], Awaitable[bool]], stop: asyncio.Event, *, idle_s: float) -> None:
    """Do steps until `stop` is set; whatever a step raises, the next one comes.

    Args:
        step: does one piece of work in a transaction of its own; False where there was none.
        stop: ends the loop between two steps.
        idle_s: how long to rest when there was nothing to do.
    """
    while not stop.is_set():
        pause_s = idle_s
        try:
            if await step():
                continue
        except Exception as error:
            pause_s = _pause_after(error)
        await rest(pause_s, stop)


def _pause_after(error: Exception) -> float:
    if is_transient(error):
        _log.warning("away, trying again", error=repr(error))
        return AWAY_S
    _log.error("a step failed, trying again", exc_info=error)
    return FAILED_S


async def rest(seconds: float, stop: asyncio.Event) -> None:
    """Wait, but no longer than until `stop` is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
