"""Calendars: which hours are peak, which days weekend, whose bank holidays count (SPEC R6, Z18)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

_COLUMNS = "code, name, country, subdivision, peak, weekend"
_LIST = text(f"SELECT {_COLUMNS} FROM calendar ORDER BY code")
_EXISTS = text("SELECT EXISTS (SELECT FROM calendar WHERE code = :code)")
_SAVE = text(
    f"""
    INSERT INTO calendar ({_COLUMNS}, changed_in)
    VALUES (:code, :name, :country, :subdivision, :peak, :weekend, :generation)
    ON CONFLICT (code) DO UPDATE SET
        name = excluded.name, country = excluded.country, subdivision = excluded.subdivision, peak = excluded.peak,
        weekend = excluded.weekend, changed_in = excluded.changed_in
    """
)


async def list_calendars(connection: AsyncConnection) -> Sequence[RowMapping]:
    """All calendars, by code."""
    return (await connection.execute(_LIST)).mappings().all()


async def is_known(connection: AsyncConnection, code: str) -> bool:
    """Whether there is a calendar of that code."""
    return bool((await connection.execute(_EXISTS, {"code": code})).scalar_one())


async def save_calendar(connection: AsyncConnection, calendar: Mapping[str, Any], generation: int) -> None:
    """Insert a calendar, or store it as it is now; `peak` and `weekend` are stored as JSON."""
    told = {name: json.dumps(calendar[name]) for name in ("peak", "weekend")}
    await connection.execute(_SAVE, {**calendar, **told, "generation": generation})
