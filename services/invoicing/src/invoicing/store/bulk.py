"""Many rows in one statement: the rows travel as one JSON parameter, whatever their number."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Table, TableValuedAlias, Text, cast, column, func, insert, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

Row = Mapping[str, Any]


def given(table: Table, names: Sequence[str], rows: Iterable[Row], alias: str = "given") -> TableValuedAlias:
    """Rows as a table expression, typed as the columns of `table` with these names."""
    text = json.dumps([{name: row.get(name) for name in names} for row in rows], default=str)
    columns: list[Column[Any]] = [table.c[name] for name in names]
    recordset = func.jsonb_to_recordset(cast(literal(text, Text), JSONB))
    valued = recordset.table_valued(*(column(each.name, each.type) for each in columns), name=alias)
    return valued.render_derived(name=alias, with_types=True)


async def insert_many(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that all have the same columns, in one statement."""
    if rows:
        names = list(rows[0])
        await connection.execute(insert(table).from_select(names, select(given(table, names, rows))))


async def insert_new(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """The same, leaving out those that are there already."""
    if rows:
        names = list(rows[0])
        statement = upsert(table).from_select(names, select(given(table, names, rows)))
        await connection.execute(statement.on_conflict_do_nothing())


async def put_newer(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> list[Any]:
    """Insert whole states or replace older ones: the higher `version` wins.

    Returns: the first key column of the rows that were taken, the others being no newer than what is stored.
    """
    if not rows:
        return []
    keys = [each.name for each in table.primary_key.columns]
    names = list(rows[0])
    source = given(table, names, rows)
    statement = upsert(table).from_select(names, select(source).order_by(*(source.c[key] for key in keys)))
    statement = statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: statement.excluded[name] for name in names if name not in keys},
        where=statement.excluded.version > table.c.version,
    )
    result = await connection.execute(statement.returning(table.c[keys[0]]))
    return list(result.scalars())
