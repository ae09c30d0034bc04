"""Record ids that were seen: blocks of the batches that brought them, and the sorted runs that blocks become."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

KEYS_LOCK = 0x6B65_7973  # "keys"
SEALING_LOCK = 0x7365_616C_6B65_7973  # "sealkeys"
_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")
_FLUSH_LATER_AND_LOCK = text("SELECT set_config('synchronous_commit', 'off', true), pg_advisory_xact_lock(:lock)")
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:lock)")
_SEED = text("SELECT seed FROM key_seed")
_RUNS = text("SELECT run, tier, keys, last_block, last_day FROM key_run ORDER BY run")
_FILTER = text("SELECT filter FROM key_run WHERE run = :run")
# One statement, so one moment: what a run took in is not in the blocks beside it.
_NEWS = """
    SELECT newest.run, block, keys FROM (SELECT coalesce(max(run), 0) AS run FROM key_run) AS newest
    LEFT JOIN key_block ON block > %s ORDER BY block
"""
_ADD_BLOCK = text(
    "INSERT INTO key_block (block, received_on, keys) VALUES (nextval('key_block_number'), :day, :keys) RETURNING block"
)
_UNSEALED = text("SELECT coalesce(sum(octet_length(keys)), 0) FROM key_block")
_FIRST_BLOCKS = text(
    """
    SELECT max(block) AS block, max(received_on) AS day FROM (
        SELECT block, received_on, sum(octet_length(keys)) OVER (ORDER BY block) - octet_length(keys) AS before
        FROM key_block) AS summed
    WHERE before < :most
    """
)
_UP_TO = text("SELECT keys FROM key_block WHERE block <= :block ORDER BY block")
_DELETE_BLOCKS = text("DELETE FROM key_block WHERE block <= :block")
_ADD_RUN = text(
    """
    INSERT INTO key_run (tier, keys, last_block, last_day, filter) VALUES (:tier, :keys, :last_block, :last_day, '')
    RETURNING run
    """
)
_SET_FILTER = text("UPDATE key_run SET keys = :keys, filter = :filter WHERE run = :run")
_COPY_CHUNKS = "COPY key_chunk (run, first, keys) FROM STDIN (FORMAT BINARY)"
_DELETE_RUNS = text("DELETE FROM key_run WHERE run = ANY(:runs)")
_SLICE = text("SELECT keys FROM key_chunk WHERE run = ANY(:runs) AND first BETWEEN :first AND :last ORDER BY first")
# The chunk that holds a key begins with it or is the last one that begins before it.
_CHUNKS = """
    SELECT asked.place, key_run.run IS NOT NULL AS is_there, chunk.keys
    FROM unnest(%s::int[], %s::bigint[], %s::bigint[])
         AS asked (place, run, h1)
    LEFT JOIN key_run ON key_run.run = asked.run
    LEFT JOIN LATERAL (
        SELECT keys FROM key_chunk WHERE key_chunk.run = asked.run AND key_chunk.first <= asked.h1
        ORDER BY first DESC LIMIT 1
    ) AS chunk ON true
"""


@dataclass(frozen=True, slots=True)
class Run:
    """Sorted keys that never change. `last_block` is the last of the blocks they come from."""

    run: int
    tier: int
    keys: int
    last_block: int
    last_day: date


async def lock_keys(connection: AsyncConnection) -> None:
    """Hold what orders the commits of blocks, for the rest of this transaction: to be taken last and held briefly."""
    await connection.execute(_LOCK, {"lock": KEYS_LOCK})


async def lock_keys_for_a_moment(connection: AsyncConnection) -> None:
    """The same in a transaction that does not wait for the disk at its commit.

    Whatever is stored because of it is committed after it, and waits for the log to be on the disk up to there.
    """
    await connection.execute(_FLUSH_LATER_AND_LOCK, {"lock": KEYS_LOCK})


async def only_sealer(connection: AsyncConnection) -> bool:
    """Whether this transaction is the one that seals."""
    return bool((await connection.execute(_TRY_LOCK, {"lock": SEALING_LOCK})).scalar_one())


async def seed(connection: AsyncConnection) -> int:
    """The seed of this installation's hashes."""
    return int((await connection.execute(_SEED)).scalar_one())


async def runs(connection: AsyncConnection) -> list[Run]:
    """All runs, without their filters."""
    return [Run(**row) for row in (await connection.execute(_RUNS)).mappings()]


async def filter_of(connection: AsyncConnection, run: int) -> bytes | None:
    """The filter of a run, None where the run is not there any more."""
    words = (await connection.execute(_FILTER, {"run": run})).scalar_one_or_none()
    return None if words is None else bytes(words)


async def news(connection: AsyncConnection, block: int) -> tuple[int, list[tuple[int, bytes]]]:
    """The highest run, another one than before if runs have changed, and the blocks behind one in order of commit."""
    rows = await _rows(connection, _NEWS, block)
    return rows[0][0], [(number, keys) for _, number, keys in rows if number is not None]


async def add_block(connection: AsyncConnection, keys: bytes, received_on: date) -> int:
    """Store the keys of a batch; `lock_keys` is held. Returns the block's number."""
    row = await connection.execute(_ADD_BLOCK, {"keys": keys, "day": received_on})
    return int(row.scalar_one())


async def unsealed_bytes(connection: AsyncConnection) -> int:
    """How much is in blocks."""
    return int((await connection.execute(_UNSEALED)).scalar_one())


async def first_blocks(connection: AsyncConnection, most: int) -> tuple[int, date] | None:
    """The first blocks of so many bytes together, one at least: the last one's number, and the latest day of them."""
    row = (await connection.execute(_FIRST_BLOCKS, {"most": most})).one()
    return None if row.block is None else (row.block, row.day)


async def blocks_up_to(connection: AsyncConnection, block: int) -> list[bytes]:
    """The keys of blocks up to one."""
    return [bytes(keys) for keys in (await connection.execute(_UP_TO, {"block": block})).scalars()]


async def delete_blocks(connection: AsyncConnection, block: int) -> None:
    """These blocks are in a run now."""
    await connection.execute(_DELETE_BLOCKS, {"block": block})


async def add_run(connection: AsyncConnection, tier: int, last_block: int, last_day: date) -> int:
    """A run to which chunks can be added; `finish_run` completes it."""
    values = {"tier": tier, "keys": 0, "last_block": last_block, "last_day": last_day}
    return int((await connection.execute(_ADD_RUN, values)).scalar_one())


async def finish_run(connection: AsyncConnection, run: int, keys: int, bits: bytes) -> None:
    """Say how many keys a run has, and store its filter."""
    await connection.execute(_SET_FILTER, {"run": run, "keys": keys, "filter": bits})


async def add_chunks(connection: AsyncConnection, run: int, chunks: Iterable[tuple[int, bytes]]) -> None:
    """Add chunks to a run: the signed `h1` of the first key, and the keys."""
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    async with driver.cursor() as cursor, cursor.copy(_COPY_CHUNKS) as copy:
        copy.set_types(["int8", "int8", "bytea"])
        for first, keys in chunks:
            await copy.write_row((run, first, keys))


async def delete_runs(connection: AsyncConnection, numbers: Sequence[int]) -> None:
    """Remove runs with their chunks."""
    await connection.execute(_DELETE_RUNS, {"runs": list(numbers)})


async def slice_of(connection: AsyncConnection, numbers: Sequence[int], first: int, last: int) -> list[bytes]:
    """The chunks of runs that begin within a range of signed `h1`."""
    rows = await connection.execute(_SLICE, {"runs": list(numbers), "first": first, "last": last})
    return [bytes(keys) for keys in rows.scalars()]


async def chunks(
    connection: AsyncConnection, places: Sequence[int], numbers: Sequence[int], firsts: Sequence[int]
) -> AsyncIterator[tuple[int, bool, bytes | None]]:
    """The chunk of each (run, signed `h1`) that might hold it.

    Yields: the asker's place, whether the run is there still, and the keys.
    """
    for row in await _rows(connection, _CHUNKS, _array(places), _array(numbers), _array(firsts)):
        yield row


async def _rows(connection: AsyncConnection, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Rows read in binary: as text, keys would be twice as long."""
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    async with driver.cursor(binary=True) as cursor:
        await cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = await cursor.fetchall()
        return rows


def _array(numbers: Sequence[int]) -> str:
    """An array as Postgres writes it; for hundreds of numbers that is faster than to have each of them adapted."""
    return "{" + ",".join(map(str, numbers)) + "}"
