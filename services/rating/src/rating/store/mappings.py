"""Mappings of suppliers' CSV files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.mapping import CdrMapping

_ALL = text("SELECT name, version, definition FROM mapping ORDER BY name")
_ONE = text("SELECT name, version, definition FROM mapping WHERE name = :name")
_SAVE = text(
    """
    INSERT INTO mapping (name, version, definition) VALUES (:name, 1, CAST(:definition AS jsonb))
    ON CONFLICT (name) DO UPDATE SET version = mapping.version + 1, definition = excluded.definition
    RETURNING name, version, definition
    """
)
_INSERT_MISSING = text(
    """
    INSERT INTO mapping (name, version, definition) VALUES (:name, 1, CAST(:definition AS jsonb))
    ON CONFLICT DO NOTHING RETURNING name
    """
)


@dataclass(frozen=True, slots=True)
class NamedMapping:
    """A mapping under its name; its version grows with every change."""

    name: str
    version: int
    mapping: CdrMapping


async def list_mappings(connection: AsyncConnection) -> list[NamedMapping]:
    """All mappings, by name."""
    return [_mapping(row) for row in await connection.execute(_ALL)]


async def find_mapping(connection: AsyncConnection, name: str) -> NamedMapping | None:
    """A mapping, None where there is none of that name."""
    row = (await connection.execute(_ONE, {"name": name})).one_or_none()
    return _mapping(row) if row else None


async def save_mapping(connection: AsyncConnection, name: str, mapping: CdrMapping) -> NamedMapping:
    """Add a mapping, or put it in the place of the one that is there."""
    return _mapping((await connection.execute(_SAVE, {"name": name, "definition": mapping.model_dump_json()})).one())


async def insert_missing(connection: AsyncConnection, name: str, mapping: CdrMapping) -> bool:
    """Add a mapping unless there is one of that name. Returns whether it was added."""
    values = {"name": name, "definition": mapping.model_dump_json()}
    return (await connection.execute(_INSERT_MISSING, values)).one_or_none() is not None


def _mapping(row: Any) -> NamedMapping:
    return NamedMapping(row.name, row.version, CdrMapping.model_validate(row.definition))
