"""Versions of tariffs and their rates, which never change (SPEC R10)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.deck_gaps import Key
from rating.domain.deck_rows import RateRow
from rating.store.tariffs import copy_rows

_COLUMNS = "version_id, tariff, version, effective_from, rows, note, created_by, created_at"
_LIST = text(f"SELECT {_COLUMNS}, NULL AS report FROM tariff_version WHERE tariff = :code ORDER BY version")
_FIND = text(f"SELECT {_COLUMNS}, report FROM tariff_version WHERE tariff = :code AND version = :version")
# The one that began last; of several from one day on the last one counts. No first day stands for always.
_IN_FORCE = text(
    f"""
    SELECT {_COLUMNS}, report FROM tariff_version
    WHERE tariff = :code AND (effective_from IS NULL OR effective_from <= :day)
    ORDER BY coalesce(effective_from, '-infinity') DESC, version DESC LIMIT 1
    """
)
_ALWAYS = text(
    f"""
    SELECT {_COLUMNS}, report FROM tariff_version WHERE tariff = :code AND effective_from IS NULL
    ORDER BY version DESC LIMIT 1
    """
)
_ADD = text(
    """
    INSERT INTO tariff_version (tariff, version, effective_from, rows, report, note, created_by, created_at, changed_in)
    VALUES (:tariff, :version, :effective_from, :rows, :report, :note, :created_by, :created_at, 0)
    RETURNING version_id
    """
)
_CHANGED = text("UPDATE tariff_version SET changed_in = :generation WHERE version_id = :version_id")
_COPY = f"COPY rate (version_id, {', '.join(RateRow._fields)}) FROM STDIN"
_DELETE_RATES = text("DELETE FROM rate WHERE version_id = :version_id")
_DELETE = text("DELETE FROM tariff_version WHERE version_id = :version_id")
_KEYS = text(
    """
    SELECT DISTINCT prefix, CASE WHEN prefix = '' THEN call_class ELSE '' END FROM rate
    WHERE version_id = :version_id AND (valid_to IS NULL OR valid_to >= :day)
    """
)
_RATES = text(
    f"""
    SELECT rate_id, {", ".join(RateRow._fields)} FROM rate
    WHERE version_id = :version_id AND rate_id > :after ORDER BY rate_id LIMIT :limit
    """
)
_RATE = text(f"SELECT rate_id, version_id, {', '.join(RateRow._fields)} FROM rate WHERE rate_id = :rate_id")
_OF_RATE = text(f"SELECT {_COLUMNS} FROM tariff_version WHERE version_id = :version_id")


async def list_versions(connection: AsyncConnection, code: str) -> Sequence[RowMapping]:
    """A tariff's versions, the oldest first, without their reports."""
    return (await connection.execute(_LIST, {"code": code})).mappings().all()


async def find_version(connection: AsyncConnection, code: str, version: int) -> RowMapping | None:
    """A version with its report."""
    return (await connection.execute(_FIND, {"code": code, "version": version})).mappings().one_or_none()


async def in_force(connection: AsyncConnection, code: str, day: date | None) -> RowMapping | None:
    """The version for calls of a local day; None for before all versions that begin on a day."""
    if day is None:
        return (await connection.execute(_ALWAYS, {"code": code})).mappings().one_or_none()
    return (await connection.execute(_IN_FORCE, {"code": code, "day": day})).mappings().one_or_none()


async def add_version(
    connection: AsyncConnection,
    code: str,
    version: int,
    rates: Sequence[RateRow],
    *,
    effective_from: date | None,
    report: Mapping[str, Any],
    note: str,
    actor: str,
    at: datetime,
) -> int:
    """Write a version and its rates; nobody reads it before `mark_changed`. Returns its id."""
    values = {
        "tariff": code,
        "version": version,
        "effective_from": effective_from,
        "rows": len(rates),
        "report": json.dumps(report),
        "note": note,
        "created_by": actor,
        "created_at": at,
    }
    version_id = int((await connection.execute(_ADD, values)).scalar_one())
    await copy_rows(connection, _COPY, ((version_id, *rate) for rate in rates))
    return version_id


async def mark_changed(connection: AsyncConnection, version_id: int, generation: int) -> None:
    """Note in which generation a version came, for the pictures in memory."""
    await connection.execute(_CHANGED, {"version_id": version_id, "generation": generation})


async def delete_version(connection: AsyncConnection, version_id: int) -> None:
    """Take a version and its rates away."""
    await connection.execute(_DELETE_RATES, {"version_id": version_id})
    await connection.execute(_DELETE, {"version_id": version_id})


async def keys_of(connection: AsyncConnection, version_id: int, day: date) -> list[Key]:
    """The prefixes and classes that have a rate in a version on a day, or later."""
    rows: Iterable[Row[Any]] = await connection.execute(_KEYS, {"version_id": version_id, "day": day})
    return [(prefix, call_class) for prefix, call_class in rows]


async def list_rates(connection: AsyncConnection, version_id: int, *, after: int, limit: int) -> Sequence[RowMapping]:
    """A page of a version's rates, in the order of their file."""
    values = {"version_id": version_id, "after": after, "limit": limit}
    return (await connection.execute(_RATES, values)).mappings().all()


async def rate_with_version(connection: AsyncConnection, rate_id: int) -> tuple[RowMapping, RowMapping]:
    """A rate that is known to be there, and the version that it belongs to."""
    rate = (await connection.execute(_RATE, {"rate_id": rate_id})).mappings().one()
    return rate, (await connection.execute(_OF_RATE, {"version_id": rate["version_id"]})).mappings().one()
