"""Storing what became of a batch of records, by COPY; and telling which record ids are new (SPEC R1, Z21)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import AsyncConnection as PsycopgConnection
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.cdr import Cdr
from rating.domain.judging import Held, Rated

_CDR_COLUMNS = (
    "source",
    "record_id",
    "charged_number",
    "other_party",
    "direction",
    "service_type",
    "started",
    "local_date",
    "band",
    "seconds",
    "units",
    "volume_bytes",
    "known_class",
    "retail_micro",
    "cdr_cost_micro",
    "carrier_cost_micro",
    "currency",
    "received_on",
    "generation",
)
_CDR_TYPES = [
    "text",
    "text",
    "text",
    "text",
    "text",
    "text",
    "timestamptz",
    "date",
    "text",
    "int8",
    "int8",
    "int8",
    "text",
    "int8",
    "int8",
    "int8",
    "text",
    "date",
    "int8",
]
USAGE_COLUMNS = (
    "usage_id",
    "revision",
    "customer_id",
    "number_id",
    "call_class",
    "destination",
    "tariff",
    "prefix",
    "step",
    "billed_seconds",
    "charge_micro",
    "cost_micro",
    *_CDR_COLUMNS,
)
_USAGE_TYPES = ["int8", "int4", "int8", "int8", "text", "text", "text", "text", "int2", "int8", "int8", "int8"]
HELD_COLUMNS = ("usage_id", "revision", "outcome", "reason", "detail", "customer_id", "number_id", *_CDR_COLUMNS)
_HELD_TYPES = ["int8", "int4", "text", "text", "text", "int8", "int8"]
DUPLICATE_COLUMNS = ("usage_id", "source", "record_id", "first_usage_id", "conflict", "raw", "received_on")
_DUPLICATE_TYPES = ["int8", "text", "text", "int8", "bool", "bytea", "date"]
REJECTED_COLUMNS = (
    "usage_id",
    "source",
    "record_id",
    "reason",
    "field",
    "detail",
    "raw",
    "file_id",
    "file_row",
    "received_on",
)
_REJECTED_TYPES = ["int8", "text", "text", "text", "text", "text", "bytea", "int8", "int8", "date"]

_CLAIM = text(
    """
    INSERT INTO record_key (source, record_id, usage_id, content, received_on)
    SELECT source, record_id, usage_id, content, :received_on
    FROM unnest(CAST(:sources AS text[]), CAST(:record_ids AS text[]), CAST(:usage_ids AS bigint[]),
                CAST(:contents AS bytea[])) AS new (source, record_id, usage_id, content)
    ON CONFLICT DO NOTHING RETURNING usage_id
    """
)
_HOLDERS = text(
    """
    SELECT source, record_id, usage_id, content FROM record_key
    JOIN unnest(CAST(:sources AS text[]), CAST(:record_ids AS text[])) AS asked (source, record_id)
    USING (source, record_id)
    """
)


@dataclass(frozen=True, slots=True)
class Key:
    """A record's identity, the usage id it would get, and a hash of its content."""

    source: str
    record_id: str
    usage_id: int
    content: bytes


async def claim(connection: AsyncConnection, keys: Sequence[Key], received_on: date) -> set[int]:
    """Take the record ids that nobody has; waits for another transaction that is taking the same ones.

    Returns: the usage ids of those taken now.
    """
    ordered = sorted(keys, key=lambda key: (key.source, key.record_id))  # the same order everywhere: no deadlock
    result = await connection.execute(
        _CLAIM,
        {
            "sources": [key.source for key in ordered],
            "record_ids": [key.record_id for key in ordered],
            "usage_ids": [key.usage_id for key in ordered],
            "contents": [key.content for key in ordered],
            "received_on": received_on,
        },
    )
    return set(result.scalars())


async def holders(connection: AsyncConnection, keys: Sequence[Key]) -> dict[tuple[str, str], tuple[int, bytes]]:
    """Who has these record ids: usage id and content hash by (source, record id)."""
    asked = {"sources": [key.source for key in keys], "record_ids": [key.record_id for key in keys]}
    rows = await connection.execute(_HOLDERS, asked)
    return {(row.source, row.record_id): (row.usage_id, bytes(row.content)) for row in rows}


def cdr_values(cdr: Cdr, received_on: date, generation: int) -> tuple[Any, ...]:
    """A CDR's columns, in the order that `usage` and `held` share."""
    return (
        cdr.source,
        cdr.record_id,
        cdr.charged_number,
        cdr.other_party,
        cdr.direction,
        cdr.service_type,
        cdr.started,
        cdr.local_date,
        cdr.band,
        cdr.seconds,
        cdr.units,
        cdr.volume_bytes,
        cdr.known_class,
        cdr.retail_micro,
        cdr.cdr_cost_micro,
        cdr.carrier_cost_micro,
        cdr.currency,
        received_on,
        generation,
    )


def usage_row(
    usage_id: int, revision: int, rated: Rated, cdr: Cdr, received_on: date, generation: int
) -> tuple[Any, ...]:
    """A row of `usage`, as `USAGE_COLUMNS`."""
    return (
        usage_id,
        revision,
        rated.customer_id,
        rated.number_id,
        rated.call_class,
        rated.destination,
        rated.tariff,
        rated.prefix,
        rated.step,
        rated.billed_seconds,
        rated.charge_micro,
        rated.cost_micro,
        *cdr_values(cdr, received_on, generation),
    )


def held_row(usage_id: int, revision: int, held: Held, cdr: Cdr, received_on: date, generation: int) -> tuple[Any, ...]:
    """A row of `held`, as `HELD_COLUMNS`."""
    return (
        usage_id,
        revision,
        held.outcome,
        held.reason,
        held.detail,
        held.customer_id,
        held.number_id,
        *cdr_values(cdr, received_on, generation),
    )


async def add_usage(connection: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    """COPY rows of `USAGE_COLUMNS`."""
    await _copy(connection, "usage", USAGE_COLUMNS, [*_USAGE_TYPES, *_CDR_TYPES], rows)


async def add_held(connection: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    """COPY rows of `HELD_COLUMNS`."""
    await _copy(connection, "held", HELD_COLUMNS, [*_HELD_TYPES, *_CDR_TYPES], rows)


async def add_duplicates(connection: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    """COPY rows of `DUPLICATE_COLUMNS`."""
    await _copy(connection, "duplicate", DUPLICATE_COLUMNS, _DUPLICATE_TYPES, rows)


async def add_rejected(connection: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    """COPY rows of `REJECTED_COLUMNS`."""
    await _copy(connection, "rejected", REJECTED_COLUMNS, _REJECTED_TYPES, rows)


async def _copy(
    connection: AsyncConnection,
    table: str,
    columns: Iterable[str],
    types: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    if not rows:
        return
    raw: PsycopgConnection[Any] | None = (await connection.get_raw_connection()).driver_connection
    assert raw is not None
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    async with raw.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.set_types(types)
        for row in rows:
            await copy.write_row(row)
