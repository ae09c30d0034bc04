"""The leaves of `usage`: one is being filled, without an index; the others are sealed, with theirs."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.segments import first_generation, leaf
from rating.store.close_calls import OF_LINES
from rating.store.guiding_again import GUIDING_LOCK

SEGMENTS_LOCK = 0x7365_676D_656E_7473  # "segments"
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:lock)")
_LOCK = text("SELECT true FROM pg_advisory_xact_lock(:lock)")
_NEWEST = text("SELECT max(segment) FROM segment")
_ADD = text("INSERT INTO segment (segment) VALUES (:segment) ON CONFLICT DO NOTHING")
_TO_INDEX = text(
    """
    SELECT segment FROM segment WHERE segment < :open_one AND NOT indexed AND segment <> ALL (:without)
    ORDER BY segment LIMIT 1
    """
)
_INDEXED = text("UPDATE segment SET indexed = true WHERE segment = :segment")
# All that is in a sealed leaf can be seen by everyone, but Postgres knows it of no page before the first vacuum.
_TO_VACUUM = text(
    """
    SELECT segment FROM segment JOIN pg_class ON pg_class.oid = to_regclass('usage_' || segment)
    WHERE indexed AND relpages > 0 AND relallvisible = 0 AND segment <> ALL (:without)
    ORDER BY segment LIMIT 1
    """
)
_IS_ATTACHED = text(
    "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass(:leaf) AND inhparent = 'usage'::regclass)"
)
_BYTES = text("SELECT coalesce(pg_relation_size(to_regclass(:leaf)), 0)")
_PATIENCE = text("SET LOCAL lock_timeout = '2s'")
# A million calls are sorted in memory; helpers would write what they sort to the disk, for a quarter more CPU in all.
_IN_MEMORY = text(
    """
    SELECT set_config('maintenance_work_mem', '256MB', true),
           set_config('max_parallel_maintenance_workers', '0', true)
    """
)


async def only_one(connection: AsyncConnection, *, wait: bool = False) -> bool:
    """Whether this transaction is the one that makes and seals segments; `wait` until it is."""
    lock = _LOCK if wait else _TRY_LOCK
    return bool((await connection.execute(lock, {"lock": SEGMENTS_LOCK})).scalar_one())


async def newest(connection: AsyncConnection) -> int:
    """The last segment that has a leaf."""
    return int((await connection.execute(_NEWEST)).scalar_one())


async def add(connection: AsyncConnection, segment: int) -> None:
    """Make a segment's leaf. Attaching it waits for no writer; a leaf that a crash left behind is taken as it is.

    Raises: OperationalError: the table is locked for longer than a moment; try again later.
    """
    name = leaf(segment)
    await connection.execute(_PATIENCE)
    await connection.execute(text(f"CREATE TABLE IF NOT EXISTS {name} (LIKE usage INCLUDING DEFAULTS)"))
    if not (await connection.execute(_IS_ATTACHED, {"leaf": name})).scalar_one():
        bounds = f"FROM ({first_generation(segment)}) TO ({first_generation(segment + 1)})"
        await connection.execute(text(f"ALTER TABLE usage ATTACH PARTITION {name} FOR VALUES {bounds}"))
    await connection.execute(_ADD, {"segment": segment})


async def size_bytes(connection: AsyncConnection, segment: int) -> int:
    """How large a segment's leaf is."""
    return int((await connection.execute(_BYTES, {"leaf": leaf(segment)})).scalar_one())


async def next_to_index(connection: AsyncConnection, open_one: int, without: Collection[int]) -> int | None:
    """The first segment without its indexes, of those that the gate has left behind."""
    values = {"open_one": open_one, "without": list(without)}
    return (await connection.execute(_TO_INDEX, values)).scalar_one_or_none()


async def let_no_usage_go(connection: AsyncConnection) -> None:
    """Wait until no usage is being guided again, and let none be until this transaction ends.

    What guides again holds the gate. If it waited there for an index, all storing would wait behind it.
    """
    await connection.execute(_LOCK, {"lock": GUIDING_LOCK})


async def index_customers(connection: AsyncConnection, segment: int) -> None:
    """Make a sealed leaf's index by customer and day, with what closing reads: far cheaper than row by row."""
    name, told = leaf(segment), ", ".join(("generation", *OF_LINES))
    by_customer = f"CREATE INDEX IF NOT EXISTS {name}_customer ON {name} (customer_id, local_date) INCLUDE ({told})"
    await connection.execute(_IN_MEMORY)
    await connection.execute(text(by_customer))
    await connection.execute(text(f"ANALYZE {name} (customer_id, local_date, usage_id, generation)"))


async def index_usage_ids(connection: AsyncConnection, segment: int) -> None:
    """Make a sealed leaf's index by usage id; it has both then.

    Raises: IntegrityError: two rows have one usage id, which nothing that works can bring about.
    """
    name = leaf(segment)
    await connection.execute(text(f"CREATE UNIQUE INDEX IF NOT EXISTS {name}_id ON {name} (usage_id)"))
    await connection.execute(_INDEXED, {"segment": segment})


async def next_to_vacuum(connection: AsyncConnection, without: Collection[int]) -> int | None:
    """The first sealed segment whose rows are not yet known to be seen by everyone."""
    return (await connection.execute(_TO_VACUUM, {"without": list(without)})).scalar_one_or_none()


async def vacuum(connection: AsyncConnection, segment: int) -> None:
    """Let a sealed leaf's index answer by itself; the connection is in no transaction."""
    await connection.execute(text(f"VACUUM (TRUNCATE false, PROCESS_TOAST false) {leaf(segment)}"))
