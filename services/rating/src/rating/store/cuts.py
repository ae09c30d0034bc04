"""Cuts of billing runs: what each waits for, and the generation it was taken at (DESIGN "A billing run")."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.customers import RunMarker

Ends = Mapping[str, Mapping[int, int]]
"""Topic to partition to the offset that must have been passed."""

_PUT_REQUEST = text(
    """
    INSERT INTO cut (run_id, bill_to, ends) VALUES (:run_id, :bill_to, CAST(:ends AS jsonb))
    ON CONFLICT (run_id) DO UPDATE SET bill_to = excluded.bill_to, ends = coalesce(cut.ends, excluded.ends)
    """
)
_PUT_CUTS = text("INSERT INTO cut (run_id) SELECT unnest(CAST(:runs AS bigint[])) ON CONFLICT DO NOTHING")
_PUT_MARKERS = text(
    """
    INSERT INTO run_marker (run_id, topic, partition, partitions)
    SELECT * FROM unnest(
        CAST(:runs AS bigint[]), CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:counts AS int[]))
    ON CONFLICT DO NOTHING
    """
)
_UNTAKEN = text(
    "SELECT run_id FROM cut WHERE generation IS NULL AND bill_to IS NOT NULL AND ends IS NOT NULL ORDER BY run_id"
)
_LOCK = text(
    """
    SELECT ends, settled FROM cut
    WHERE run_id = :run_id AND generation IS NULL AND bill_to IS NOT NULL AND ends IS NOT NULL
    FOR UPDATE SKIP LOCKED
    """
)
_MARKED = text(
    """
    SELECT topic FROM run_marker WHERE run_id = :run_id GROUP BY topic HAVING count(*) >= max(partitions)
    """
)
_POSITIONS = text(
    """
    SELECT partition, position FROM input_position
    WHERE topic = :topic
      AND topic_id = (SELECT topic_id FROM input_position WHERE topic = :topic ORDER BY slot DESC LIMIT 1)
    """
)
_SETTLE = text("UPDATE cut SET settled = :generation WHERE run_id = :run_id")
_TAKE = text("UPDATE cut SET generation = :generation WHERE run_id = :run_id")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A cut that is not taken yet: the ends it waits for, and the generation whose changes must be worked off."""

    ends: Ends
    settled: int | None


async def put_request(connection: AsyncConnection, run_id: int, bill_to: date, ends: Ends) -> None:
    """Note a requested run; ends that were noted before stay."""
    values = {"run_id": run_id, "bill_to": bill_to, "ends": json.dumps(ends)}
    await connection.execute(_PUT_REQUEST, values)


async def put_markers(connection: AsyncConnection, markers: Sequence[RunMarker]) -> None:
    """Note markers, each once; the cut of a run not heard of yet is made."""
    await connection.execute(_PUT_CUTS, {"runs": sorted({marker.run_id for marker in markers})})
    values = {
        "runs": [marker.run_id for marker in markers],
        "topics": [marker.marked_topic for marker in markers],
        "partitions": [marker.partition for marker in markers],
        "counts": [marker.partitions for marker in markers],
    }
    await connection.execute(_PUT_MARKERS, values)


async def untaken(connection: AsyncConnection) -> list[int]:
    """The requested runs whose cut is not taken."""
    return list((await connection.execute(_UNTAKEN)).scalars())


async def lock(connection: AsyncConnection, run_id: int) -> Waiting | None:
    """The cut, locked; None where it is taken, not requested yet, or in another's hands."""
    row = (await connection.execute(_LOCK, {"run_id": run_id})).one_or_none()
    if row is None:
        return None
    ends = {topic: {int(each): end for each, end in of_topic.items()} for topic, of_topic in row.ends.items()}
    return Waiting(ends, row.settled)


async def marked_topics(connection: AsyncConnection, run_id: int) -> set[str]:
    """The topics of which every partition's marker is here."""
    return set((await connection.execute(_MARKED, {"run_id": run_id})).scalars())


async def stored_positions(connection: AsyncConnection, topic: str) -> dict[int, int]:
    """How far each partition of the topic, as it is now, is stored."""
    rows = await connection.execute(_POSITIONS, {"topic": topic})
    return {row.partition: row.position for row in rows}


async def settle(connection: AsyncConnection, run_id: int, generation: int) -> None:
    """Note that all changes which the run needs are of this generation or before."""
    await connection.execute(_SETTLE, {"run_id": run_id, "generation": generation})


async def take(connection: AsyncConnection, run_id: int, generation: int) -> None:
    """The run takes what is stored up to this generation."""
    await connection.execute(_TAKE, {"run_id": run_id, "generation": generation})
