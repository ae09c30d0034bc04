"""Millions of rows of whole numbers from Postgres as columns: read row by row they would take a minute."""

from __future__ import annotations

import ctypes
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.calls import Int

ROWS_AT_ONCE = 100_000
"""Rows of the table that Postgres packs into one answer, so that neither side holds all of them twice."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is read, in SQL with psycopg's placeholders (`%(name)s`).

    `columns` are whole numbers of 64 bits, none of them NULL. `key` is a positive bigint of `table` with an index, by
    which it is read a part at a time. `where` chooses rows of the table; `joined` is what comes behind its name.
    """

    table: str
    key: str
    columns: Mapping[str, str]
    joined: str = ""
    where: str = "true"

    @property
    def part(self) -> str:
        """The statement that gives a part's last key, and each column as the bytes of its numbers, all in one order."""
        packed = (f"coalesce(string_agg(int8send(({each})::bigint), ''), '')" for each in self.columns.values())
        rows = (
            f"SELECT * FROM {self.table} WHERE {self.key} > %(after)s AND ({self.where})"
            f" ORDER BY {self.key} LIMIT {ROWS_AT_ONCE}"
        )
        return f"SELECT max({self.key}), {', '.join(packed)} FROM ({rows}) AS {self.table} {self.joined}"


async def read_columns(connection: AsyncConnection, source: Source, **values: Any) -> dict[str, Int]:
    """The columns by name, in no order but the same of all.

    Args:
        values: of the source's placeholders.

    Raises:
        ValueError: a column has a NULL.
    """
    parts = [part async for part in _parts(connection, source, values)]
    return {name: _joined(parts, name) for name in source.columns}


async def _parts(
    connection: AsyncConnection, source: Source, values: Mapping[str, Any]
) -> AsyncIterator[dict[str, Int]]:
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    after = 0
    async with driver.cursor(binary=True) as cursor:
        while True:
            await cursor.execute(source.part, {**values, "after": after})
            after, *packed = await cursor.fetchone()
            if after is None:
                return
            yield _numbers(source, packed)


def _numbers(source: Source, packed: Sequence[bytes]) -> dict[str, Int]:
    if len({len(column) for column in packed}) != 1:
        raise ValueError(f"columns of {source.table} differ in length: one of {', '.join(source.columns)} has a NULL")
    return {
        name: np.frombuffer(column, dtype=">i8").astype(np.int64)
        for name, column in zip(source.columns, packed, strict=True)
    }


def _joined(parts: list[dict[str, Int]], name: str) -> Int:
    """One column of all parts, which give it up: columns are not to be in memory twice."""
    return np.concatenate([part.pop(name) for part in parts]) if parts else np.zeros(0, dtype=np.int64)


def give_back() -> None:
    """Give memory that is free to the system: after millions of rows, glibc's malloc keeps as much again as is used."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
