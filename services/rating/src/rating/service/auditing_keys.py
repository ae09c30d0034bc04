"""Who has a record id, asked of the database alone; and whether record ids and stored calls agree (SPEC R1).

For tools and auditors: nothing here is in the way of the stream, and nothing relies on what a worker remembers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.calls import Int
from rating.domain.recordkeys import (
    NOBODY,
    SLICES,
    Keys,
    as_signed,
    find_in_chunk,
    first_of_each,
    joined,
    keys_of_ids,
    slice_bounds,
)
from rating.store import key_owners
from rating.store import keys as store

BUCKET_SHIFT = 16
"""Usage ids that are compared together are equal above this bit."""
_FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0xD6E8FEB86659FD93))
_MIXING = np.uint64(29)
Sums = Counter[int]
"""By bucket of usage ids, the sum of their keys' fingerprints: equal where the same keys were added in any order."""


async def holders_of(connection: AsyncConnection, ids: Sequence[tuple[str, str]]) -> list[int | None]:
    """The usage id of whoever has each (source, record id), None where nobody has.

    Args:
        connection: of a transaction of one snapshot, where batches are stored or sealed meanwhile.
    """
    keys = keys_of_ids(ids, np.full(len(ids), NOBODY, dtype=np.int64), await store.seed(connection))
    runs = [each.run for each in await store.runs(connection)]
    places = list(range(len(keys))) * len(runs)
    firsts = as_signed(keys["h1"]).tolist() * len(runs)
    asked = [run for run in runs for _ in range(len(keys))]
    chunks = [(place, chunk) async for place, _, chunk in store.chunks(connection, places, asked, firsts)]
    blocks = [block for _, block in (await store.news(connection, 0))[1]]
    found: list[int | None] = [None] * len(keys)
    for place, chunk in [*chunks, *((place, block) for block in blocks for place in range(len(keys)))]:
        holder = None if chunk is None else find_in_chunk(chunk, keys[place])
        if holder is not None:
            found[place] = int(holder["usage_id"])
    return found


async def findings(connection: AsyncConnection, oldest: date | None = None) -> list[str]:
    """What is wrong between record ids and stored calls; empty where every call of `usage` and `held` has its one key,
    every key its one call, and no key is there twice.

    Args:
        connection: of a transaction of one snapshot (repeatable read).
        oldest: calls received before this day may be without a key, as old keys are dropped.
    """
    told = [f"the record id of usage {each} has another key, too" async for each in _twice(connection)]
    of_keys, of_calls = Sums(), Sums()
    async for keys in _all_keys(connection):
        _add(of_keys, keys)
    seed = await store.seed(connection)
    async for rows in key_owners.owners(connection):
        _add(of_calls, _keys_of_rows(rows, seed))
    for bucket in sorted(of_keys.keys() | of_calls.keys()):
        if of_keys[bucket] != of_calls[bucket]:
            told += await _differences(connection, bucket, seed, oldest)
    return told


def _keys_of_rows(rows: Sequence[key_owners.Owner], seed: int) -> Keys:
    usage_ids = np.array([row.usage_id for row in rows], dtype=np.int64)
    return keys_of_ids(((row.source, row.record_id) for row in rows), usage_ids, seed)


async def _all_keys(connection: AsyncConnection) -> AsyncIterator[Keys]:
    """All keys, a slice of the runs at a time, then block by block."""
    runs = [each.run for each in await store.runs(connection)]
    for number in range(SLICES):
        yield joined(await store.slice_of(connection, runs, *slice_bounds(number)))
    for _, block in (await store.news(connection, 0))[1]:
        yield joined([block])


async def _twice(connection: AsyncConnection) -> AsyncIterator[int]:
    runs = [each.run for each in await store.runs(connection)]
    unsealed = joined([block for _, block in (await store.news(connection, 0))[1]])
    slices = as_signed(unsealed["h1"])
    for number in range(SLICES):
        first, last = slice_bounds(number)
        sealed = joined(await store.slice_of(connection, runs, first, last))
        keys = np.concatenate((sealed, unsealed[(slices >= first) & (slices <= last)]))
        for each in keys[first_of_each(keys) != np.arange(len(keys))]:
            yield int(each["usage_id"])


def _add(sums: Sums, keys: Keys) -> None:
    buckets, places = np.unique(keys["usage_id"] >> BUCKET_SHIFT, return_inverse=True)
    added = np.zeros(len(buckets), dtype=np.uint64)
    np.add.at(added, places, _fingerprints(keys))
    for bucket, value in zip(buckets.tolist(), added.tolist(), strict=True):
        sums[bucket] = (sums[bucket] + value) % (1 << 64)


def _fingerprints(keys: Keys) -> NDArray[np.uint64]:
    mixed = np.zeros(len(keys), dtype=np.uint64)
    for name, factor in zip(("h1", "h2", "usage_id"), _FACTORS, strict=True):
        mixed = (mixed ^ keys[name].astype(np.uint64)) * factor
        mixed ^= mixed >> _MIXING
    return mixed


async def _differences(connection: AsyncConnection, bucket: int, seed: int, oldest: date | None) -> list[str]:
    """The differences of one bucket, key by key."""
    first = bucket << BUCKET_SHIFT
    last = first + (1 << BUCKET_SHIFT) - 1
    kept: Counter[tuple[int, int, int]] = Counter()
    async for keys in _all_keys(connection):
        mine: Int = keys["usage_id"]
        kept.update(_identities(keys[(mine >= first) & (mine <= last)]))
    rows = await key_owners.owners_between(connection, first, last)
    told = []
    for row, identity in zip(rows, _identities(_keys_of_rows(rows, seed)), strict=True):
        if kept[identity]:
            kept[identity] -= 1
        elif oldest is None or row.received_on >= oldest:
            told.append(f"record {row.source}/{row.record_id} is stored as {row.usage_id}, and has no key")
    return told + [f"usage {usage_id} has a key, and no such call" for _, _, usage_id in kept.elements()]


def _identities(keys: Keys) -> Iterator[tuple[int, int, int]]:
    return zip(keys["h1"].tolist(), keys["h2"].tolist(), keys["usage_id"].tolist(), strict=True)
