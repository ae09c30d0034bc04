"""The one picture that a process judges by, brought up to date when the gate has moved on."""

from __future__ import annotations

import asyncio

from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.picture import Picture
from rating.store import gate
from rating.store.pictures import bring_up_to_date
from service_kit.database import reading, transaction


class Pictures:
    """Keeps the picture of this process. Judging never awaits, so it sees one generation from end to end.

    A picture is handed out whole, and is to be used before the next `await`: it is brought up to date in place.
    """

    def __init__(self) -> None:
        self._picture = Picture()
        self._refreshing = asyncio.Lock()

    async def latest(self) -> Picture:
        """The picture as it is in memory, whole; another process may have moved the gate since."""
        async with self._refreshing:
            return self._picture

    async def newest(self) -> Picture:
        """The picture of this moment: what is judged by it is to be judged again only if the gate moves meanwhile."""
        async with reading() as connection:
            now = await gate.generation(connection)
        return await (self.latest() if now == self._picture.generation else self.refresh())

    async def at(self, connection: AsyncConnection, generation: int) -> Picture:
        """The picture of a generation. The caller's transaction holds the gate, and read the generation behind it."""
        async with self._refreshing:
            if self._picture.generation != generation:
                await bring_up_to_date(connection, self._picture, generation)
        return self._picture

    async def refresh(self) -> Picture:
        """Bring the picture up to date, in a transaction of its own."""
        async with transaction() as tx:
            await self.at(tx.connection, await gate.pass_shared(tx.connection))
        return await self.latest()


pictures = Pictures()
"""This process's picture, shared by the roles that judge."""
