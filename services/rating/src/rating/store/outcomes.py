"""Storing what became of records, by COPY. A row is a mapping of its columns, as it is read back from the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

from psycopg import AsyncConnection as PsycopgConnection
from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.cdr import Cdr
from rating.domain.verdicts import Held, Rated
from rating.records import Unread
from rating.store.frames import COPY, frame_of

Row: TypeAlias = Mapping[str, Any]
Types: TypeAlias = Mapping[str, str]
"""Columns of a table, in the order in which they are copied, and their types."""

_CDR: Types = {
    "source": "text",
    "record_id": "text",
    "charged_number": "text",
    "other_party": "text",
    "direction": "text",
    "service_type": "text",
    "started": "timestamptz",
    "seconds": "int8",
    "units": "int8",
    "volume_bytes": "int8",
    "known_class": "text",
    "retail_micro": "int8",
    "cdr_cost_micro": "int8",
    "carrier_cost_micro": "int8",
    "currency": "text",
}
_HELD: Types = {
    "usage_id": "int8",
    "revision": "int4",
    "outcome": "text",
    "reason": "text",
    "detail": "text",
    "customer_id": "int8",
    "number_id": "int8",
    "local_date": "date",
    "band": "text",
    "received_on": "date",
    "generation": "int8",
    **_CDR,
}
_DUPLICATE: Types = {
    "usage_id": "int8",
    "source": "text",
    "record_id": "text",
    "first_usage_id": "int8",
    "conflict": "bool",
    "raw": "bytea",
    "received_on": "date",
}
_REJECTED: Types = {
    "usage_id": "int8",
    "source": "text",
    "record_id": "text",
    "reason": "text",
    "field": "text",
    "detail": "text",
    "raw": "bytea",
    "file_id": "int8",
    "file_row": "int8",
    "received_on": "date",
}

_BETWEEN = "usage_id BETWEEN :first AND :last"
_STORED_USAGE = text(f"SELECT * FROM usage WHERE {_BETWEEN} AND revision = :revision ORDER BY usage_id")
_STORED_HELD = text(f"SELECT * FROM held WHERE {_BETWEEN} AND revision = :revision ORDER BY usage_id")
_STORED_REJECTED = text(f"SELECT * FROM rejected WHERE {_BETWEEN} ORDER BY usage_id")


def cdr_of(row: RowMapping | Row) -> Cdr:
    """The CDR of a row of `usage` or `held`."""
    return Cdr(**{name: row[name] for name in _CDR})


def usage_row(
    usage_id: int, revision: int, rated: Rated, cdr: Cdr, received_on: date, generation: int
) -> dict[str, Any]:
    """A row of `usage`."""
    ids = {"usage_id": usage_id, "revision": revision, "received_on": received_on, "generation": generation}
    return {**ids, **_values(rated), **_values(cdr)}


def held_row(usage_id: int, revision: int, held: Held, cdr: Cdr, received_on: date, generation: int) -> dict[str, Any]:
    """A row of `held`."""
    ids = {"usage_id": usage_id, "revision": revision, "received_on": received_on, "generation": generation}
    return {**ids, **_values(held), **_values(cdr)}


def rejected_row(usage_id: int, unread: Unread, received_on: date) -> dict[str, Any]:
    """A row of `rejected`."""
    return {"usage_id": usage_id, "received_on": received_on, **_values(unread)}


def _values(record: Rated | Held | Cdr | Unread) -> dict[str, Any]:
    return {name: getattr(record, name) for name in type(record).__slots__}


async def stored_usage(connection: AsyncConnection, first: int, last: int, revision: int) -> Sequence[Row]:
    """Rows of `usage` between two usage ids that have still this revision. Unsealed leaves are read from end to end."""
    return await _stored(connection, _STORED_USAGE, first=first, last=last, revision=revision)


async def stored_held(connection: AsyncConnection, first: int, last: int, revision: int) -> Sequence[Row]:
    """Rows of `held` between two usage ids that have still this revision."""
    return await _stored(connection, _STORED_HELD, first=first, last=last, revision=revision)


async def stored_rejected(connection: AsyncConnection, first: int, last: int) -> Sequence[Row]:
    """Rows of `rejected` between two usage ids."""
    return await _stored(connection, _STORED_REJECTED, first=first, last=last)


async def _stored(connection: AsyncConnection, statement: TextClause, **values: int) -> Sequence[Row]:
    return [dict(row) for row in (await connection.execute(statement, values)).mappings()]


async def copy_usage(connection: AsyncConnection, frame: bytes, table: str = "usage") -> None:
    """COPY a frame of `rating.store.frames`; `table` is `usage` or, past the parent's routing, a leaf of it."""
    raw = await _raw(connection)
    async with raw.cursor() as cursor, cursor.copy(COPY.format(table=table).encode()) as copy:
        await copy.write(frame)


async def add_usage(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """COPY a few rows of `usage`."""
    if rows:
        await copy_usage(connection, frame_of(rows))


async def add_held(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """COPY rows of `held`."""
    await _copy(connection, "held", _HELD, rows)


async def add_duplicates(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """COPY rows of `duplicate`."""
    await _copy(connection, "duplicate", _DUPLICATE, rows)


async def add_rejected(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """COPY rows of `rejected`."""
    await _copy(connection, "rejected", _REJECTED, rows)


async def _copy(connection: AsyncConnection, table: str, types: Types, rows: Sequence[Row]) -> None:
    if not rows:
        return
    raw = await _raw(connection)
    statement = f"COPY {table} ({', '.join(types)}) FROM STDIN (FORMAT BINARY)"
    async with raw.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.set_types(list(types.values()))
        for row in rows:
            await copy.write_row([row[name] for name in types])


async def _raw(connection: AsyncConnection) -> PsycopgConnection[Any]:
    raw: PsycopgConnection[Any] | None = (await connection.get_raw_connection()).driver_connection
    assert raw is not None
    return raw
