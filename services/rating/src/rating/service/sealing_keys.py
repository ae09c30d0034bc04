"""Blocks of record ids become sorted runs, runs of one tier a larger one, and old runs go (SPEC R1).

Each step is one transaction, done by one process at a time; a crash leaves what was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from money.dates import add_months
from rating.config import settings
from rating.domain.recordkeys import KEY, SLICES, Filter, chunks_of, in_order, joined, slice_bounds
from rating.service.keeping import SEAL_KEYS
from rating.store import keys as store
from rating.store.keys import Run
from service_kit import clock
from service_kit.database import Transaction, transaction
from service_kit.faults import crash_point

LARGEST = 2_000_000
"""Keys of a new run, about: what is sorted in memory at once."""
MERGED = 8
"""Runs of a tier that become one of the next."""
TOP_TIER = 2
"""Runs of this tier are not merged any more: they grow too large to be written at once, and too old to be dropped."""


async def seal_keys(least: int = SEAL_KEYS) -> bool:
    """Make a run of the first blocks, where all hold so many keys. Returns whether it was done."""
    async with transaction() as tx:
        if not await store.only_sealer(tx.connection):
            return False
        found = await store.first_blocks(tx.connection, LARGEST * KEY.itemsize)
        if found is None or await store.unsealed_bytes(tx.connection) < least * KEY.itemsize:
            return False
        block, day = found
        keys = in_order(joined(await store.blocks_up_to(tx.connection, block)))
        run = await store.add_run(tx.connection, 0, block, day)
        bits = Filter.sized(len(keys))
        bits.add(keys)
        await store.add_chunks(tx.connection, run, chunks_of(keys))
        await store.finish_run(tx.connection, run, len(keys), bits.words.tobytes())
        crash_point("rating.sealing-keys")
        await store.lock_keys(tx.connection)
        await store.delete_blocks(tx.connection, block)
        return True


async def merge_runs(merged: int = MERGED) -> bool:
    """Make one run of several of the lowest tier that has enough of them. Returns whether it was done."""
    async with transaction() as tx:
        if not await store.only_sealer(tx.connection):
            return False
        runs = await store.runs(tx.connection)
        for tier in sorted({each.tier for each in runs} - {TOP_TIER}):
            of_tier = [each for each in runs if each.tier == tier][:merged]
            if len(of_tier) == merged:
                await _merge(tx, tier + 1, of_tier)
                return True
        return False


async def _merge(tx: Transaction, tier: int, runs: Sequence[Run]) -> None:
    """One range of hashes after the other, so that memory stays bounded."""
    numbers = [each.run for each in runs]
    last_block, last_day = max(each.last_block for each in runs), max(each.last_day for each in runs)
    run = await store.add_run(tx.connection, tier, last_block, last_day)
    count, bits = 0, Filter.sized(sum(each.keys for each in runs))
    for number in range(SLICES):
        keys = in_order(joined(await store.slice_of(tx.connection, numbers, *slice_bounds(number))))
        count += len(keys)
        bits.add(keys)
        await store.add_chunks(tx.connection, run, chunks_of(keys))
    await store.finish_run(tx.connection, run, count, bits.words.tobytes())
    crash_point("rating.merging-keys")
    await store.lock_keys(tx.connection)
    await store.delete_runs(tx.connection, numbers)


async def forget_keys() -> bool:
    """Drop the runs that are a month past the time for which record ids are kept: by then every worker holds calls as
    old as that, also one whose start was after its arrival by the sender's clock."""
    return await drop_old_runs(add_months(clock.today(), -settings().record_ids_kept_months - 1))


async def drop_old_runs(oldest: date) -> bool:
    """Forget runs whose last key came before a day: calls as old as that are held as too old to check."""
    async with transaction() as tx:
        if not await store.only_sealer(tx.connection):
            return False
        old = [each.run for each in await store.runs(tx.connection) if each.last_day < oldest]
        if old:
            await store.lock_keys(tx.connection)
            await store.delete_runs(tx.connection, old)
        return bool(old)
