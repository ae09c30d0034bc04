"""Many rows in one statement: by COPY, or as arrays, one parameter for each column whatever the number of rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import ARRAY, Column, Table, TableValuedAlias, Text, cast, column, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

Row = Mapping[str, Any]


def given(table: Table, names: Sequence[str], rows: Iterable[Row], alias: str = "given") -> TableValuedAlias:
    """Rows as a table expression, typed as the columns of `table` with these names."""
    columns: list[Column[Any]] = [table.c[name] for name in names]
    held = list(rows)
    arrays = (
        cast(literal(_array(each, [row.get(each.name) for row in held]), Text), ARRAY(each.type)) for each in columns
    )
    valued = func.unnest(*arrays).table_valued(*(column(each.name, each.type) for each in columns), name=alias)
    return valued.render_derived(name=alias)


def _array(of: Column[Any], values: Iterable[Any]) -> str:
    """An array as Postgres reads it."""
    written: Callable[[Any], str] = str
    if isinstance(of.type, JSONB):
        written = _quoted_json
    elif isinstance(of.type, Text):
        written = _quoted
    return f"{{{','.join(['NULL' if value is None else written(value) for value in values])}}}"


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _quoted_json(value: Any) -> str:
    """A value as JSON; bytes are JSON already."""
    return _quoted(value.decode() if isinstance(value, bytes) else json.dumps(value, default=str))


async def copy_in(
    connection: AsyncConnection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Insert rows by COPY, in their order: each the values of these columns, JSON as text. Raises as an INSERT does."""
    raw = (await connection.get_raw_connection()).driver_connection
    assert raw is not None
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), columns)
    try:
        async with raw.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                await copy.write_row(row)
    except psycopg.Error as error:
        raise DBAPIError.instance(table.name, None, error, psycopg.Error) from error


async def insert_many(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that all have the same columns, by COPY."""
    if rows:
        names = list(rows[0])
        as_json = [name for name in names if isinstance(table.c[name].type, JSONB)]
        written = ({**row, **{name: json.dumps(row[name]) for name in as_json}} for row in rows)
        await copy_in(connection, table, names, ([row[name] for name in names] for row in written))


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
