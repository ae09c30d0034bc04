"""Where each input partition stands: the stored position, and where the last batch began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_FIND = text(
    """
    SELECT slot, position, events_from FROM input_position
    WHERE topic = :topic AND topic_id = :topic_id AND partition = :partition
    """
)
_MAKE = text(
    """
    INSERT INTO input_position (topic, topic_id, partition) VALUES (:topic, :topic_id, :partition)
    ON CONFLICT (topic, partition, topic_id) DO NOTHING
    """
)
_LOCK = text("SELECT position FROM input_position WHERE slot = :slot FOR UPDATE")
_ADVANCE = text("UPDATE input_position SET position = :position, events_from = :events_from WHERE slot = :slot")
_OTHER_IDS = text("SELECT DISTINCT topic_id FROM input_position WHERE topic = :topic AND topic_id <> :topic_id")
_ALL = text("SELECT topic, topic_id, partition, position FROM input_position ORDER BY topic, partition, slot")


@dataclass(frozen=True, slots=True)
class Position:
    """A partition's row. The last batch reached from `events_from` to `position`."""

    slot: int
    position: int
    events_from: int


async def open_position(connection: AsyncConnection, topic: str, topic_id: str, partition: int) -> Position:
    """The row of a partition, made where it is met for the first time; an insert that finds it would use up a slot."""
    values = {"topic": topic, "topic_id": topic_id, "partition": partition}
    row = (await connection.execute(_FIND, values)).one_or_none()
    if row is None:
        await connection.execute(_MAKE, values)
        row = (await connection.execute(_FIND, values)).one()
    return Position(row.slot, row.position, row.events_from)


async def lock_position(connection: AsyncConnection, slot: int) -> int:
    """The stored position, locked for the rest of this transaction."""
    return int((await connection.execute(_LOCK, {"slot": slot})).scalar_one())


async def advance(connection: AsyncConnection, slot: int, *, events_from: int, position: int) -> None:
    """Move the position on; the batch that moved it began at `events_from`."""
    values = {"slot": slot, "events_from": events_from, "position": position}
    await connection.execute(_ADVANCE, values)


async def foreign_ids(connection: AsyncConnection, topic: str, topic_id: str) -> list[str]:
    """Ids under which this database has read a topic of that name before."""
    return list((await connection.execute(_OTHER_IDS, {"topic": topic, "topic_id": topic_id})).scalars())


async def positions(connection: AsyncConnection) -> Mapping[tuple[str, str, int], int]:
    """Every stored position, by topic, topic id and partition."""
    rows = await connection.execute(_ALL)
    return {(row.topic, row.topic_id, row.partition): row.position for row in rows}
