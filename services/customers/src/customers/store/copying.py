"""Many rows by COPY: some five times as fast as by INSERT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection


async def copy_all(connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns. Raises as an INSERT does: IntegrityError names the constraint."""
    raw = (await connection.get_raw_connection()).driver_connection
    assert raw is not None
    names = list(rows[0])
    statement = f"COPY {_quoted(table.name)} ({', '.join(map(_quoted, names))}) FROM STDIN"
    as_json = [_json_kind(table, name) for name in names]
    try:
        async with raw.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                cells = zip(names, as_json, strict=True)
                await copy.write_row([row[name] if not kind else _json(row[name], kind) for name, kind in cells])
    except psycopg.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg.Error) from error


def _quoted(name: str) -> str:
    return f'"{name}"'


def _json_kind(table: Table, name: str) -> JSONB | None:
    kind = table.c[name].type
    return kind if isinstance(kind, JSONB) else None


def _json(value: Any, kind: JSONB) -> Jsonb | None:
    return None if value is None and kind.none_as_null else Jsonb(value)
