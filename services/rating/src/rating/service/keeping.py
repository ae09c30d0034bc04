"""Every record id once: telling second copies from first ones, whichever worker meets them when (SPEC R1, Z21).

A batch's keys are one block, and blocks are committed in the order of their numbers, under a lock that is held from
the last look at the others' blocks to the commit. So a worker that has read all blocks up to a number knows all keys
up to that moment, and only has to read what came since. `docs/decisions/0011-record-ids-in-runs.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.recordkeys import (
    KEY,
    NOBODY,
    Filter,
    Keys,
    Mask,
    Unsealed,
    as_signed,
    find_in_chunk,
    first_of_each,
    in_order,
    key_of,
)
from rating.store import keys as store
from service_kit.database import transaction

SEAL_KEYS = 1_000_000
"""Keys in blocks that are worth a run."""


class Raced(Exception):
    """Another worker has stored a key of this batch meanwhile, or the runs are others: look again."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a batch's keys, up to a block and under a set of runs.

    `holder` is who has each key already: of the batch's own keys the first one. `is_first` says whose key is new.
    """

    keys: Keys
    holder: Keys
    is_first: Mask
    block: int
    newest_run: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A block that counts once its transaction is committed."""

    block: int
    keys: Keys


class Ledger:
    """What this process knows of record ids: filters of the runs, and the keys of all blocks."""

    def __init__(self) -> None:
        self.seed = 0
        self._block = 0
        self._newest_run = 0
        self._filters: dict[int, Filter] = {}
        self._unsealed = Unsealed(2 * SEAL_KEYS)

    async def refresh(self) -> None:
        """Read everything anew; before the first check, and after the database was away."""
        async with transaction() as tx:
            await store.lock_keys(tx.connection)  # nobody seals meanwhile
            self.seed = await store.seed(tx.connection)
            await self._reload(tx.connection)

    async def _reload(self, connection: AsyncConnection) -> None:
        known = {each.run for each in await store.runs(connection)}
        self._filters = {run: told for run, told in self._filters.items() if run in known}
        for run in known - self._filters.keys():
            words = np.frombuffer(await store.filter_of(connection, run), dtype=np.uint64)
            self._filters[run] = Filter(words)
        self._newest_run = max(known, default=0)
        self._block, self._unsealed = 0, Unsealed(2 * SEAL_KEYS)
        await self._read_on(connection)

    async def _read_on(self, connection: AsyncConnection) -> None:
        for block, keys in await store.blocks_after(connection, self._block):
            self._add(block, np.frombuffer(keys, dtype=KEY))

    def _add(self, block: int, keys: Keys) -> None:
        if block > self._block:
            self._unsealed.add(keys)
            self._block = block

    async def check(self, connection: AsyncConnection, keys: Keys) -> Checked:
        """Which keys of a batch are new, as far as this process knows.

        Args:
            keys: in the order of the records.

        Raises: Raced: a run was merged away meanwhile.
        """
        block, newest_run = self._block, self._newest_run
        holder = self._unsealed.find(keys)
        await self._ask_runs(connection, keys, holder)
        first = first_of_each(keys)
        is_again = (holder["usage_id"] == NOBODY) & (first != np.arange(len(keys)))
        holder[is_again] = keys[first[is_again]]
        return Checked(keys, holder, holder["usage_id"] == NOBODY, block, newest_run)

    async def _ask_runs(self, connection: AsyncConnection, keys: Keys, holder: Keys) -> None:
        """Ask for the chunks of what the filters let through; few keys, and one question."""
        places, numbers = [], []
        for run, told in self._filters.items():
            rows = np.flatnonzero(told.maybe(keys) & (holder["usage_id"] == NOBODY))
            places.extend(rows.tolist())
            numbers.extend([run] * len(rows))
        if not places:
            return
        firsts = as_signed(keys["h1"][places]).tolist()
        async for place, is_there, chunk in store.chunks(connection, places, numbers, firsts):
            if not is_there:
                await self._runs_changed(connection)
            found = None if chunk is None else find_in_chunk(chunk, keys[place])
            if found is not None:
                holder[place] = found

    async def _runs_changed(self, connection: AsyncConnection) -> None:
        await store.lock_keys(connection)
        await self._reload(connection)
        raise Raced

    async def claim(self, connection: AsyncConnection, checked: Checked, received_on: date) -> Claimed | None:
        """Take the new keys of a batch; the last thing before its commit, as it keeps others from theirs.

        Returns: what `settle` is given after the commit; None where no key is new.

        Raises: Raced: nothing was taken; roll back and check again.
        """
        await store.lock_keys(connection)
        if await store.newest_run(connection) != self._newest_run:
            await self._reload(connection)
        else:
            await self._read_on(connection)
        if checked.newest_run != self._newest_run:
            raise Raced
        fresh = checked.keys[checked.is_first]
        if self._block != checked.block and (self._unsealed.find(fresh)["usage_id"] != NOBODY).any():
            raise Raced
        if not len(fresh):
            return None
        fresh = in_order(fresh)
        return Claimed(await store.add_block(connection, fresh.tobytes(), received_on), fresh)

    def settle(self, claimed: Claimed | None) -> None:
        """The claim's transaction is committed. (What is not settled is read from the database with the next claim.)"""
        if claimed is not None:
            self._add(claimed.block, claimed.keys)

    async def find(self, connection: AsyncConnection, source: str, record_id: str) -> int | None:
        """The usage id of whoever has a record id, None where nobody has."""
        checked = await self.check(connection, key_of(source, record_id, self.seed))
        holder = int(checked.holder["usage_id"][0])
        return None if holder == NOBODY else holder


ledger = Ledger()
"""This process's ledger, shared by the partitions that it works on."""
