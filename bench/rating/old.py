"""Record ids that were seen long ago: sorted runs, and blocks of the newest ones (SPEC R1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import numpy as np
from bench.rating.tables import OLD_SLOT, SLOT_SHIFT
from numpy.typing import NDArray

from rating.domain.calls import Calls, Kind
from rating.domain.recordkeys import Filter, Keys, chunks_of, in_order, keys_of
from rating.intake import read_batch
from rating.service.keeping import SEAL_KEYS
from rating.service.sealing_keys import MERGED
from rating.store import keys as store
from service_kit import clock
from service_kit.database import transaction

OLD_SOURCE = "oldcarrier"
_BLOCK_KEYS = 5_000
_STEP, _FACTOR = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9
_MASK = 2**64 - 1


def old_id(number: int) -> str:
    """The record id with a number; it looks random, and is different for every number."""
    mixed = (number * _STEP + 1) & _MASK
    return f"{(mixed ^ (mixed >> 31)) & _MASK:016x}"


async def fill_keys(count: int, *, blocks: int, come_again: Mapping[int, bytes]) -> None:
    """Store old record ids. The process is bound to the database.

    Args:
        count: of all ids.
        blocks: of these, those that are in blocks still; the others are in runs, as sealing would have made them.
        come_again: the records of those ids that come again, so that only true conflicts are found to be some.
    """
    contents = _contents(come_again)
    async with transaction() as tx:
        seed = await store.seed(tx.connection)
    first = 0
    for tier, size in _runs(count - blocks):
        await _add_run(tier, _keys(first, size, contents, seed))
        first += size
    while first < count:
        size = min(_BLOCK_KEYS, count - first)
        await _add_block(_keys(first, size, contents, seed))
        first += size


def _runs(count: int) -> Iterator[tuple[int, int]]:
    """Tier and size of runs that came of so many keys: full ones of the higher tiers first."""
    tier = 0
    while SEAL_KEYS * MERGED ** (tier + 1) <= count:
        tier += 1
    while count > 0:
        size = min(count, SEAL_KEYS * MERGED**tier)
        if size == SEAL_KEYS * MERGED**tier or tier == 0:
            yield tier, size
            count -= size
        else:
            tier -= 1


def _contents(come_again: Mapping[int, bytes]) -> dict[int, int]:
    read = read_batch(list(come_again.values()))
    if read.unread:
        raise ValueError(f"a record of the load cannot be read: {read.unread[0]}")
    return dict(zip(come_again, read.content.tolist(), strict=True))


def _keys(first: int, count: int, contents: Mapping[int, int], seed: int) -> Keys:
    numbers = range(first, first + count)
    content: NDArray[np.uint64] = np.zeros(count, dtype=np.uint64)
    for number, told in contents.items():
        if first <= number < first + count:
            content[number - first] = told
    # Of columns of calls, hashing reads these only; the others would be made for nothing.
    calls = SimpleNamespace(
        kinds=[Kind(OLD_SOURCE, "outbound", "voice", "", "GBP")],
        kind=np.zeros(count, dtype=np.int64),
        record_ids=[old_id(number) for number in numbers],
    )
    usage_ids = (OLD_SLOT << SLOT_SHIFT) + np.arange(first, first + count, dtype=np.int64)
    return in_order(keys_of(cast(Calls, calls), usage_ids, content, seed))


async def _add_run(tier: int, keys: Keys) -> None:
    async with transaction() as tx:
        run = await store.add_run(tx.connection, tier, 0, clock.today() - timedelta(days=1))
        bits = Filter.sized(len(keys))
        bits.add(keys)
        await store.add_chunks(tx.connection, run, chunks_of(keys))
        await store.finish_run(tx.connection, run, len(keys), bits.words.tobytes())


async def _add_block(keys: Keys) -> None:
    async with transaction() as tx:
        await store.add_block(tx.connection, keys.tobytes(), clock.today())
