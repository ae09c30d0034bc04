"""Millions of rows of whole numbers from Postgres as columns: read row by row they would take a minute."""

from __future__ import annotations

import ctypes
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.calls import Int

KEYS_AT_ONCE = 100_000
"""A range of keys, of as many rows at the most, that Postgres packs into one answer: neither side holds all twice."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is read, in SQL with psycopg's placeholders (`%(name)s`).

    `columns` are whole numbers of 64 bits, none of them NULL. `key` is a positive bigint of `table` with an index, by
    ranges of which it is read. `where` chooses rows of the table; `joined` is what comes behind its name.
    """

    table: str
    key: str
    columns: Mapping[str, str]
    joined: str = ""
    where: str = "true"

    @property
    def part(self) -> str:
        """The statement that gives each column's numbers of a range as bytes, all in one order, and the next key.

        A range and not a number of rows: how many rows `where` leaves Postgres cannot tell, and it would rather sort
        the whole table for each part than follow the index past the others.
        """
        packed = (f"coalesce(string_agg(int8send(({each})::bigint), ''), '')" for each in self.columns.values())
        following = f"SELECT min({self.key}) FROM {self.table} WHERE {self.key} >= %(end)s"
        return (
            f"SELECT ({following}), {', '.join(packed)} FROM {self.table} {self.joined}"
            f" WHERE {self.table}.{self.key} >= %(begin)s AND {self.table}.{self.key} < %(end)s AND ({self.where})"
        )


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
    begin: int | None = 0
    async with driver.cursor(binary=True) as cursor:
        while begin is not None:
            await cursor.execute(source.part, {**values, "begin": begin, "end": begin + KEYS_AT_ONCE})
            begin, *packed = await cursor.fetchone()
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
