"""Default value sets (SPEC C3)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.default_sets import DefaultSet, as_json, from_json
from customers.store.tables import metadata

NAME_TAKEN = "default_set_name"

default_set = Table(
    "default_set",
    metadata,
    Column("set_id", BigInteger, Identity(always=True), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("values", JSONB, nullable=False),
)
"""`values`: fields of a customer as JSON, those that the set fills."""
Index(NAME_TAKEN, func.lower(default_set.c.name), unique=True)
Index("default_set_default", default_set.c.is_default, unique=True, postgresql_where=default_set.c.is_default)

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('default sets'))")


async def lock_sets(connection: AsyncConnection) -> None:
    """One change of sets at a time: at most one of them is the default."""
    await connection.execute(_LOCK)


async def list_sets(connection: AsyncConnection, *, after: int = 0, limit: int | None = None) -> list[DefaultSet]:
    """Sets with a higher id, in its order."""
    statement = select(default_set).where(default_set.c.set_id > after).order_by(default_set.c.set_id).limit(limit)
    return [_set(row) for row in (await connection.execute(statement)).mappings()]


async def read_sets(connection: AsyncConnection, ids: Collection[int]) -> dict[int, DefaultSet]:
    """Those of these sets that there are, by id."""
    if not ids:
        return {}
    found = await connection.execute(select(default_set).where(default_set.c.set_id.in_(ids)))
    return {row["set_id"]: _set(row) for row in found.mappings()}


async def find_default(connection: AsyncConnection) -> DefaultSet | None:
    """The set that forms start with."""
    found = (await connection.execute(select(default_set).where(default_set.c.is_default))).mappings().first()
    return _set(found) if found else None


async def find_named(connection: AsyncConnection, name: str) -> DefaultSet | None:
    """The set of a name, in any case."""
    statement = select(default_set).where(func.lower(default_set.c.name) == func.lower(name))
    found = (await connection.execute(statement)).mappings().first()
    return _set(found) if found else None


async def count_sets(connection: AsyncConnection) -> int:
    """How many there are."""
    return (await connection.execute(select(func.count()).select_from(default_set))).scalar_one()


async def insert_set(connection: AsyncConnection, new: DefaultSet) -> DefaultSet:
    """Insert a set; its id is given here. Raises IntegrityError: the name is taken."""
    statement = insert(default_set).values(_row(new)).returning(default_set)
    return _set((await connection.execute(statement)).mappings().one())


async def update_set(connection: AsyncConnection, changed: DefaultSet) -> None:
    """Store a set as it is now. Raises IntegrityError: the name is taken."""
    await connection.execute(update(default_set).where(default_set.c.set_id == changed.set_id).values(_row(changed)))


async def delete_set(connection: AsyncConnection, set_id: int) -> None:
    """Remove a set."""
    await connection.execute(delete(default_set).where(default_set.c.set_id == set_id))


def _row(each: DefaultSet) -> dict[str, Any]:
    return {
        "version": each.version,
        "name": each.name,
        "is_default": each.is_default,
        "values": as_json(each.values),
    }


def _set(row: RowMapping) -> DefaultSet:
    return DefaultSet(row["set_id"], row["version"], row["name"], row["is_default"], from_json(row["values"]))
