"""Roles of rating in a process of their own, to be killed.

`ROLES` names them (`worker`, else more of `retry`, `guide`, `sealer`, `relay`), `BATCH` the records of a batch, `SEAL`
the rows and record ids that are worth sealing, `GUIDED` the calls of a step of `guide`, which guides calls again.
`BROKEN` names what is left out, so that tests can prove that they would notice. `STOPPED_AT` is a crash point at which
the worker stops itself once, to be continued by SIGCONT.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from functools import partial
from types import SimpleNamespace

from aiokafka import TopicPartition
from sqlalchemy.ext.asyncio import AsyncConnection

from rating import worker as working
from rating.closer import retry
from rating.config import RatingSettings
from rating.domain.picture import Picture
from rating.service import pictures as picturing
from rating.service import storing
from rating.service.guiding_again import guide_again_next
from rating.service.keeping import Checked, Claimed, Ledger
from rating.service.pictures import pictures
from rating.service.sealing import ROW_BYTES, seal_step
from rating.service.sealing_keys import merge_runs, seal_keys
from rating.service.storing import Events
from rating.store import keys
from rating.store.pictures import bring_up_to_date
from rating.store.positions import Position
from rating.telling import send_events
from rating.worker import GROUP, Lane, Worker, worker
from service_kit.database import bind
from service_kit.faults import crash_point
from service_kit.outbox import Relay
from service_kit.repeating import repeat

SEAL = int(os.environ.get("SEAL", "1000000"))
GUIDED = int(os.environ.get("GUIDED", "2000"))
MERGED = 2
_seen: list[int] = []
SEAL_IDLE_S = 0.2


async def _seal() -> bool:
    return await seal_step(SEAL * ROW_BYTES) or await seal_keys(SEAL) or await merge_runs(MERGED)


async def sealer(stop: asyncio.Event) -> None:
    """The role `sealer`, with far smaller thresholds."""
    await repeat(_seal, stop, idle_s=SEAL_IDLE_S)


async def guide(stop: asyncio.Event) -> None:
    """Half of the role `retry`, in smaller steps."""
    await repeat(partial(guide_again_next, GUIDED), stop, idle_s=SEAL_IDLE_S)


ROLES: dict[str, Callable[[asyncio.Event], Awaitable[None]]] = {
    "worker": worker,
    "retry": retry,
    "guide": guide,
    "sealer": sealer,
    "relay": Relay("rating").run,
}


async def _make_nothing_good(self: Worker, tp: TopicPartition, position: Position) -> None:
    """A worker that forgets the events which a crash held back."""


async def _send_outside(self: Worker, lane: Lane, events: Events, offsets: Mapping[TopicPartition, int]) -> None:
    """A worker whose offsets are committed after the events, not with them."""
    async with lane.producer.transaction():
        await send_events(lane.producer, events)
    crash_point("rating.emitted")
    async with lane.producer.transaction():
        await lane.producer.send_offsets_to_transaction(dict(offsets), GROUP)


async def _fence_nobody(self: Worker, worker: str) -> None:
    """A worker that takes partitions over from one that may go on."""


def _stop_once(point: str) -> None:
    """In place of a crash point of the worker."""
    if os.environ.get("STOPPED_AT") == point:
        del os.environ["STOPPED_AT"]
        os.kill(os.getpid(), signal.SIGSTOP)
    crash_point(point)


async def _pass_no_gate(connection: AsyncConnection) -> int:
    """A worker that judges by the picture that it happens to have."""
    return (await pictures.latest()).generation


async def _keep_the_first_picture(connection: AsyncConnection, picture: Picture, generation: int) -> None:
    """A worker that passes the gate, and does not look at what has changed behind it."""
    if not _seen:
        await bring_up_to_date(connection, picture, generation)
    _seen.append(generation)
    picture.generation = generation


async def _claim_at_once(
    self: Ledger, connection: AsyncConnection, checked: Checked, received_on: date
) -> tuple[Checked, Claimed | None]:
    """A ledger that does not look again at what others have claimed meanwhile."""
    await keys.lock_keys(connection)
    new = checked.new
    if not len(new):
        return checked, None
    return checked, Claimed(await keys.add_block(connection, new.tobytes(), received_on), checked.block, new)


BROKEN: dict[str, list[tuple[object, str, object]]] = {
    "nothing made good": [(Worker, "_make_good", _make_nothing_good)],
    "offset outside": [(Worker, "_send", _send_outside)],
    "no fencing": [(Worker, "_fence", _fence_nobody)],
    "no gate": [
        (storing, "gate", SimpleNamespace(pass_shared=_pass_no_gate)),
        (storing, "pictures", SimpleNamespace(newest=pictures.latest)),
    ],
    "old picture": [(picturing, "bring_up_to_date", _keep_the_first_picture)],
    "no second look": [(Ledger, "claim", _claim_at_once)],
}


async def main() -> None:
    """Play the roles until SIGTERM."""
    database = bind(RatingSettings().postgres, pool_size=10)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    try:
        await asyncio.gather(*(ROLES[name](stop) for name in os.environ.get("ROLES", "worker").split(",")))
    finally:
        await database.close()


if __name__ == "__main__":
    if "BROKEN" in os.environ:
        for left_out in BROKEN[os.environ["BROKEN"]]:
            setattr(*left_out)
    working.crash_point = _stop_once  # type: ignore[attr-defined]
    working.BATCH = int(os.environ.get("BATCH", working.BATCH))
    asyncio.run(main())
