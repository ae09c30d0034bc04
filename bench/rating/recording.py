"""What a run stored and sent, by the offset of its record: what the null pipeline stores and sends again.

Rows are the very bytes of a binary COPY, which Postgres gives back as it took them; events are derived again by
rating's own code, as after a crash.
"""

from __future__ import annotations

import asyncio
import pickle
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
import psycopg
import pyarrow as pa
from bench.rating.tables import OLD_SLOT, SLOT_SHIFT
from numpy.typing import NDArray

from contracts.topics import CDR_RECEIVED
from rating.batches import Outgoing, Records
from rating.service.storing import Events, events_of
from rating.store.frames import COLUMNS, HEADER, TRAILER
from rating.store.positions import Position
from rating.worker import BATCH
from service_kit.database import bind

_ROW_OF_ID = slice(6, 14)
"""Where the usage id is in a row, which it begins: behind the count of values and its own length."""
# The null pipeline stays in the segment that the run began in.
_VALUES = ["%(generation)s::bigint" if name == "generation" else name for name in COLUMNS]
_ROWS = f"""
    COPY (SELECT {", ".join(_VALUES)} FROM usage WHERE usage_id BETWEEN %(first)s AND %(last)s ORDER BY usage_id)
    TO STDOUT (FORMAT BINARY)
"""

_FIRST_GENERATION = f"SELECT min(generation) FROM usage WHERE usage_id < {OLD_SLOT << SLOT_SHIFT}"


class _Told(msgspec.Struct):
    usage_id: int


_usage_id = msgspec.json.Decoder(_Told).decode


@dataclass(frozen=True, slots=True)
class Recorded:
    """One partition's rows and events, each with the offsets of their records."""

    rows: bytes
    row_offsets: NDArray[np.int64]
    row_bounds: NDArray[np.int64]
    usage_offsets: NDArray[np.int64]
    usage: Records
    exception_offsets: list[int]
    exceptions: list[Outgoing]

    def rows_between(self, begin: int, end: int) -> bytes:
        """The rows of records from one offset up to, not including, another."""
        first, last = np.searchsorted(self.row_offsets, (begin, end)).tolist()
        return self.rows[self.row_bounds[first] : self.row_bounds[last]]

    def events(self, begin: int, end: int) -> Events:
        """The events of records from one offset up to, not including, another."""
        return Events(
            self.usage.rows(np.arange(*np.searchsorted(self.usage_offsets, (begin, end)))),
            self.exceptions[bisect_left(self.exception_offsets, begin) : bisect_left(self.exception_offsets, end)],
        )


Stretch: TypeAlias = tuple[Recorded, int, int]
"""Records of a partition from one offset up to, not including, another."""


def frame_of_all(stretches: Sequence[Stretch]) -> bytes:
    """Their rows as a COPY takes them."""
    return b"".join((HEADER, *(recorded.rows_between(*between) for recorded, *between in stretches), TRAILER))


def events_of_all(stretches: Sequence[Stretch]) -> Events:
    """Their events."""
    parts = [recorded.events(*between) for recorded, *between in stretches]
    exceptions = [message for part in parts for message in part.exceptions]
    return Events(_together([part.usage for part in parts]), exceptions)


def load_recorded(folder: Path, partition: int) -> Recorded:
    """What `record` wrote of a partition."""
    # Made by this benchmark a moment ago, for itself.
    return Recorded(
        (folder / f"{partition}.rows").read_bytes(), *pickle.loads(_events_file(folder, partition).read_bytes())
    )


def record(database: str, folder: Path) -> None:
    """Write down what a finished run on `cdr.received` stored and sent, one partition after the other."""
    folder.mkdir()
    with psycopg.connect(database, autocommit=True) as connection:
        _index(connection)
        found = connection.execute(
            "SELECT partition, slot, position FROM input_position WHERE topic = %s", [CDR_RECEIVED]
        ).fetchall()
        for partition, slot, position in found:
            _record(connection, database, folder, partition, Position(slot, position, 0))


def _index(connection: psycopg.Connection) -> None:
    """The open segment has no index yet, and is to be read in the order of usage ids."""
    segments = connection.execute("SELECT segment FROM segment WHERE NOT indexed").fetchall()
    for (segment,) in segments:
        connection.execute(f"CREATE INDEX ON usage_{segment:d} (usage_id)".encode())
    connection.execute("ANALYZE usage")


def _record(connection: psycopg.Connection, database: str, folder: Path, partition: int, whole: Position) -> None:
    first = whole.slot << SLOT_SHIFT
    rows: list[bytes] = []
    offsets: list[int] = []
    bounds = [0]
    values = {"first": first, "last": first + whole.position - 1, "generation": _generation(connection)}
    with connection.cursor() as cursor, cursor.copy(_ROWS.encode(), values) as copy:
        for data in copy:
            row = bytes(data).removeprefix(HEADER)
            if row != TRAILER:
                rows.append(row)
                offsets.append(int.from_bytes(row[_ROW_OF_ID]) - first)
                bounds.append(bounds[-1] + len(row))
    (folder / f"{partition}.rows").write_bytes(b"".join(rows))
    usage, exceptions = asyncio.run(_events(database, whole))
    told = [[_usage_id(value).usage_id - first for value in values] for values in _values(usage, exceptions)]
    columns = (np.array(offsets), np.array(bounds), np.array(told[0]), usage, told[1], exceptions)
    _events_file(folder, partition).write_bytes(pickle.dumps(columns, protocol=pickle.HIGHEST_PROTOCOL))


def _values(usage: Records, exceptions: list[Outgoing]) -> tuple[list[bytes], list[bytes]]:
    return usage.values.to_pylist(), [value for _, value, _ in exceptions]


def _generation(connection: psycopg.Connection) -> int:
    (generation,) = connection.execute(_FIRST_GENERATION).fetchone() or (0,)
    return int(generation)


def _events_file(folder: Path, partition: int) -> Path:
    return folder / f"{partition}.events"


async def _events(database: str, whole: Position) -> tuple[Records, list[Outgoing]]:
    bound = bind(database)
    usage: list[Records] = []
    exceptions: list[Outgoing] = []
    try:
        for begin in range(0, whole.position, BATCH):
            end = min(begin + BATCH, whole.position)
            events = await events_of(Position(whole.slot, position=end, events_from=begin))
            usage.append(events.usage)
            exceptions += sorted(events.exceptions, key=lambda message: _usage_id(message[1]).usage_id)
    finally:
        await bound.close()
    return _together(usage), exceptions


def _together(parts: list[Records]) -> Records:
    return Records(
        np.concatenate([part.customers for part in parts]),
        pa.concat_arrays([part.values for part in parts]),
        pa.concat_arrays([part.ids for part in parts]),
        parts[0].headers,
    )
