"""Publishes what waits, in a process of its own, and ends when nothing is left."""

from __future__ import annotations

import asyncio
import os

from rating.files import files
from rating.store.files import files_waiting
from service_kit.database import bind, reading


async def main() -> None:
    database = bind(os.environ["FARTHING_POSTGRES_RATING"])
    stop = asyncio.Event()
    role = asyncio.create_task(files(stop))
    while not role.done():
        async with reading() as connection:
            if not await files_waiting(connection):
                break
        await asyncio.sleep(0.05)
    stop.set()
    await role
    await database.close()


if __name__ == "__main__":
    asyncio.run(main())
