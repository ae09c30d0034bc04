"""Between rows and the domain's dataclasses: columns and fields have the same names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, Table, func, insert, select
from sqlalchemy import Sequence as DatabaseSequence
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.base import Contract
from customers.store import tables
from customers.store.copying import copy_all

_COPIED_FROM = 50
"""So many rows go by COPY."""


def values_of(entity: object, *leaving_out: str) -> dict[str, Any]:
    """An entity's fields as column values; its parts as JSON."""
    return {name: _plain(value) for name, value in vars(entity).items() if name not in leaving_out}


def _plain(value: Any) -> Any:
    if isinstance(value, Contract):
        return value.model_dump(mode="json")
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


async def insert_all(connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns; none is no work."""
    if len(rows) >= _COPIED_FROM:
        await copy_all(connection, table, rows)
    elif rows:
        await connection.execute(insert(table), rows)


async def take_ids(connection: AsyncConnection, count: int) -> list[int]:
    """Fresh ids of entities, growing. They are never given again, also when the transaction is rolled back."""
    return await take_from(connection, tables.entity_id, count)


async def take_from(connection: AsyncConnection, sequence: DatabaseSequence, count: int) -> list[int]:
    """The next values of a sequence, growing."""
    series = func.generate_series(1, count).table_valued("n")
    result = await connection.execute(select(sequence.next_value()).select_from(series))
    return sorted(result.scalars())


def by(rows: Iterable[RowMapping], column: str) -> dict[Any, list[RowMapping]]:
    """Rows grouped by a column, each group in the order it came in."""
    groups: dict[Any, list[RowMapping]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups
