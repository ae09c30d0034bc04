"""Where each input partition stands: the stored position, and where the last batch began."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_FIND = text(
    """
    SELECT slot, position, events_from, worker FROM input_position
    WHERE topic = :topic AND topic_id = :topic_id AND partition = :partition
    """
)
_MAKE = text(
    """
    INSERT INTO input_position (topic, topic_id, partition) VALUES (:topic, :topic_id, :partition)
    ON CONFLICT (topic, partition, topic_id) DO NOTHING
    """
)
_TAKE = text(
    """
    UPDATE input_position SET worker = :worker WHERE slot = :slot AND worker IS NOT DISTINCT FROM :former
    RETURNING slot, position, events_from, worker
    """
)
_LET_GO = text("UPDATE input_position SET worker = NULL WHERE slot = ANY(:slots) AND worker = :worker")
_LOCK = text(
    """
    SELECT slot, position, events_from, worker FROM input_position WHERE slot = ANY(:slots) ORDER BY slot FOR UPDATE
    """
)
_ADVANCE = text(
    """
    UPDATE input_position SET events_from = input_position.position, position = reached.position
    FROM unnest(CAST(:slots AS int[]), CAST(:positions AS bigint[])) AS reached (slot, position)
    WHERE input_position.slot = reached.slot
    """
)
_OTHER_IDS = text("SELECT DISTINCT topic_id FROM input_position WHERE topic = :topic AND topic_id <> :topic_id")
_ALL = text("SELECT topic, topic_id, partition, position FROM input_position ORDER BY topic, partition, slot")


@dataclass(frozen=True, slots=True)
class Position:
    """A partition's row. The last batch reached from `events_from` to `position`.

    `worker` is the name of who works on it; None once that one has told all that it stored, and let go.
    """

    slot: int
    position: int
    events_from: int
    worker: str | None = None


async def open_position(connection: AsyncConnection, topic: str, topic_id: str, partition: int) -> Position:
    """The row of a partition, made where it is met for the first time; an insert that finds it would use up a slot."""
    values = {"topic": topic, "topic_id": topic_id, "partition": partition}
    row = (await connection.execute(_FIND, values)).one_or_none()
    if row is None:
        await connection.execute(_MAKE, values)
        row = (await connection.execute(_FIND, values)).one()
    return Position(*row)


async def take(connection: AsyncConnection, slot: int, former: str | None, worker: str) -> Position | None:
    """Put a worker in the place of the former one; None where somebody else has done so since."""
    values = {"slot": slot, "former": former, "worker": worker}
    row = (await connection.execute(_TAKE, values)).one_or_none()
    return Position(*row) if row else None


async def let_go(connection: AsyncConnection, slots: Collection[int], worker: str) -> None:
    """Take a worker's name off these partitions: all that it has stored of them is told."""
    await connection.execute(_LET_GO, {"slots": list(slots), "worker": worker})


async def lock_positions(connection: AsyncConnection, slots: Collection[int]) -> dict[int, Position]:
    """The stored positions by slot, locked for the rest of this transaction."""
    return {row.slot: Position(*row) for row in await connection.execute(_LOCK, {"slots": list(slots)})}


async def advance(connection: AsyncConnection, reached: Mapping[int, int]) -> None:
    """Move positions on, by slot; the batch that moves them begins where they stand."""
    await connection.execute(_ADVANCE, {"slots": list(reached), "positions": list(reached.values())})


async def foreign_ids(connection: AsyncConnection, topic: str, topic_id: str) -> list[str]:
    """Ids under which this database has read a topic of that name before."""
    return list((await connection.execute(_OTHER_IDS, {"topic": topic, "topic_id": topic_id})).scalars())


async def positions(connection: AsyncConnection) -> Mapping[tuple[str, str, int], int]:
    """Every stored position, by topic, topic id and partition."""
    rows = await connection.execute(_ALL)
    return {(row.topic, row.topic_id, row.partition): row.position for row in rows}
