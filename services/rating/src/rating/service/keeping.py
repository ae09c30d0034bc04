"""Every record id once: telling second copies from first ones, whichever worker meets them when (SPEC R1, Z21).

A batch's keys are one block, and blocks are committed in the order of their numbers, under a lock that is held from
the last look at the others' blocks to the commit. So a worker that has read all blocks up to a number knows all keys
up to that moment, and only has to read what came since.

Keys are claimed in a transaction of their own, before the batch is stored. A batch that is read again after a crash
finds its own claims, for a record's usage id is where it lies in the topic: whoever has a key under the usage id that
the record would get is the record itself. `docs/decisions/0011-record-ids-in-runs.md`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.recordkeys import (
    NOBODY,
    Filter,
    Keys,
    Mask,
    Probe,
    Unsealed,
    as_signed,
    find_in_chunk,
    first_of_each,
    in_order,
    joined,
)
from rating.store import keys as store
from service_kit.database import reading

SEAL_KEYS = 1_000_000
"""Keys in blocks that are worth a run."""


class Raced(Exception):
    """The runs of record ids are others by now: look again."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a batch's keys, up to a block and under a set of runs.

    `stored` is who has each key outside of the batch, `holder` who has it before this record does, be it in the batch:
    NOBODY where nobody has. `is_first` says which records count.
    """

    keys: Keys
    stored: Keys
    holder: Keys
    is_first: Mask
    block: int
    newest_run: int

    @classmethod
    def of(cls, keys: Keys, stored: Keys, block: int, newest_run: int) -> Checked:
        """Of several copies in the batch the first one counts, unless another record has the key."""
        first, holder = first_of_each(keys), stored.copy()
        is_again = (stored["usage_id"] == NOBODY) & (first != np.arange(len(keys)))
        holder[is_again] = keys[first[is_again]]
        is_first = (holder["usage_id"] == NOBODY) | (holder["usage_id"] == keys["usage_id"])
        return cls(keys, stored, holder, is_first, block, newest_run)

    @property
    def new(self) -> Keys:
        """The keys that nobody has yet, in their order."""
        return in_order(self.keys[self.holder["usage_id"] == NOBODY])


@dataclass(frozen=True, slots=True)
class Claimed:
    """A block that counts once its transaction is committed. `after` is the block committed before it."""

    block: int
    after: int
    keys: Keys


@dataclass(slots=True)
class _Known:
    """All keys of one moment: those of the runs, and those of every block up to `block`.

    The partitions of a process share it. It only ever moves on to the next block, without a gap; where the runs have
    changed, another takes its place at once. So whoever holds one across an `await` still holds something whole.
    """

    newest_run: int
    filters: Mapping[int, Filter]
    block: int = 0
    unsealed: Unsealed = field(default_factory=lambda: Unsealed(2 * SEAL_KEYS))

    def read(self, blocks: Sequence[tuple[int, bytes]]) -> None:
        """Take in the blocks behind one that is known; another partition may have read some of them meanwhile."""
        news = [each for each in blocks if each[0] > self.block]
        if news:
            self.unsealed.add(in_order(joined([keys for _, keys in news])))
            self.block = news[-1][0]

    def settle(self, claimed: Claimed) -> None:
        """Take in a block that this process has committed, where it is the next one; else it will be read."""
        if claimed.after == self.block:
            self.unsealed.add(claimed.keys)
            self.block = claimed.block


class Ledger:
    """What this process knows of record ids: filters of the runs, and the keys of all blocks."""

    def __init__(self) -> None:
        self.seed = 0
        self._known = _Known(0, {})
        self._reloading = asyncio.Lock()

    async def refresh(self) -> None:
        """Read everything anew; before the first check, and after the database was away."""
        self._reloading = asyncio.Lock()
        async with reading() as connection:
            self.seed = await store.seed(connection)
            await self._reload(connection)

    async def _catch_up(self, connection: AsyncConnection) -> _Known:
        """Read what was committed since; without the lock, so that little is left to read under it."""
        known = self._known
        newest_run, blocks = await store.news(connection, known.block)
        if newest_run == known.newest_run:
            known.read(blocks)
            return known
        async with self._reloading:
            if self._known is known:
                await self._reload(connection)
        return self._known

    async def _reload(self, connection: AsyncConnection) -> None:
        while True:
            filters = await self._filters(connection)
            newest_run, blocks = await store.news(connection, 0)
            if newest_run == max(filters, default=0):  # else runs were made or merged between the two looks
                break
        known = _Known(newest_run, filters)
        known.read(blocks)
        self._known = known

    async def _filters(self, connection: AsyncConnection) -> dict[int, Filter]:
        """The filters of all runs; a run never changes, so those that are known are not read again."""
        filters: dict[int, Filter] = {}
        for each in await store.runs(connection):
            words = self._known.filters.get(each.run) or await _filter_of(connection, each.run)
            if words is not None:
                filters[each.run] = words
        return filters

    async def check(self, connection: AsyncConnection, keys: Keys) -> Checked:
        """Which keys of a batch are new, as far as this process knows.

        Args:
            keys: in the order of the records.

        Raises: Raced: a run was merged away meanwhile.
        """
        known = await self._catch_up(connection)
        probe = Probe.of(keys)
        block, stored = known.block, known.unsealed.find(keys, probe)
        await _ask_runs(connection, known.filters, keys, probe, stored)
        return Checked.of(keys, stored, block, known.newest_run)

    async def claim(
        self, connection: AsyncConnection, checked: Checked, received_on: date
    ) -> tuple[Checked, Claimed | None]:
        """Take the keys of a batch that are new, after a last look at what others have taken since the check.

        The transaction is to do nothing else behind this, and to be committed at once: others wait for it.

        Returns: what is known now, for good; and what `settle` is given after the commit, None where no key was new.

        Raises: Raced: nothing was taken; check again.
        """
        await store.lock_keys_for_a_moment(connection)
        known = self._known
        newest_run, blocks = await store.news(connection, known.block)
        if newest_run != checked.newest_run or known.newest_run != newest_run:
            raise Raced
        known.read(blocks)
        if known.block != checked.block:
            checked = _looked_again(checked, known)
        new = checked.new
        if not len(new):
            return checked, None
        block = await store.add_block(connection, new.tobytes(), received_on)
        return checked, Claimed(block, known.block, new)

    def settle(self, claimed: Claimed | None) -> None:
        """The claim's transaction is committed. (What is not settled is read from the database with the next check.)"""
        if claimed is not None:
            self._known.settle(claimed)


def _looked_again(checked: Checked, known: _Known) -> Checked:
    """The same with what is in blocks by now."""
    stored = checked.stored.copy()
    rows = np.flatnonzero(stored["usage_id"] == NOBODY)
    stored[rows] = known.unsealed.find(checked.keys[rows])
    return Checked.of(checked.keys, stored, known.block, checked.newest_run)


async def _filter_of(connection: AsyncConnection, run: int) -> Filter | None:
    words = await store.filter_of(connection, run)
    return None if words is None else Filter(np.frombuffer(words, dtype=np.uint64))


async def _ask_runs(
    connection: AsyncConnection, filters: Mapping[int, Filter], keys: Keys, probe: Probe, holder: Keys
) -> None:
    """Ask for the chunks of what the filters let through; few keys, and one question."""
    places: list[int] = []
    runs: list[int] = []
    is_open = holder["usage_id"] == NOBODY
    for run, told in filters.items():
        rows = np.flatnonzero(told.maybe(probe) & is_open)
        places.extend(rows.tolist())
        runs.extend([run] * len(rows))
    if not places:
        return
    firsts = as_signed(keys["h1"][places]).tolist()
    async for place, is_there, chunk in store.chunks(connection, places, runs, firsts):
        if not is_there:
            raise Raced
        found = None if chunk is None else find_in_chunk(chunk, keys[place])
        if found is not None:
            holder[place] = found


ledger = Ledger()
"""This process's ledger, shared by the partitions that it works on."""
