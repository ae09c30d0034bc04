"""The role `worker` in a process of its own, to be killed. `BROKEN` leaves out what makes a crash good."""

from __future__ import annotations

import asyncio
import os
import signal

from rating.config import RatingSettings
from rating.worker import Partition, Worker, worker
from service_kit.database import bind


async def _make_nothing_good(self: Worker, mine: Partition) -> None:
    """A worker that forgets the events which a crash held back."""


async def main() -> None:
    database = bind(RatingSettings().postgres, pool_size=5)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    try:
        await worker(stop)
    finally:
        await database.close()


if __name__ == "__main__":
    if os.environ.get("BROKEN"):
        Worker._make_good = _make_nothing_good  # type: ignore[method-assign]
    asyncio.run(main())
