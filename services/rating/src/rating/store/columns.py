"""Millions of rows of whole numbers from Postgres as columns: read row by row they would take a minute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.calls import Int

_HEADER_BYTES, _TRAILER_BYTES = 19, 2


async def read_columns(connection: AsyncConnection, select: str, **values: Any) -> dict[str, Int]:
    """The columns of a SELECT, by name.

    Args:
        select: each column a bigint that is not NULL, named by AS; with psycopg's placeholders, `%(name)s`.
        values: of the placeholders.
    """
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    told = bytearray()
    async with driver.cursor() as cursor:
        await cursor.execute(f"{select} LIMIT 0", values)
        names = [column.name for column in cursor.description]
        async with cursor.copy(f"COPY ({select}) TO STDOUT (FORMAT BINARY)", values) as copy:
            async for data in copy:
                told += data
    rows = np.frombuffer(told, _row(names), offset=_HEADER_BYTES, count=_count(told, names))
    return {name: rows[name].astype(np.int64) for name in names}


def _row(names: list[str]) -> np.dtype[np.void]:
    """How Postgres writes a row: the count of its fields, then the size and value of each."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name in names:
        fields += [(f"size of {name}", ">i4"), (name, ">i8")]
    return np.dtype(fields)


def _count(told: bytearray, names: list[str]) -> int:
    return (len(told) - _HEADER_BYTES - _TRAILER_BYTES) // _row(names).itemsize


def rows_of(told: Mapping[str, Int]) -> int:
    """How many rows there are."""
    return len(next(iter(told.values())))
