"""Reference lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, Select, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.reference import LISTS, Book, Entry
from customers.store.prices import read_prices
from customers.store.rows import values_of
from customers.store.tables import reference_entry

_KEY = [reference_entry.c.list, reference_entry.c.code]
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('reference lists'))")


async def lock_lists(connection: AsyncConnection) -> None:
    """One change of reference lists at a time: an entry may name another, and a list has one default at most."""
    await connection.execute(_LOCK)


async def read_book(connection: AsyncConnection) -> Book:
    """All entries of all lists, and the prices of standard features."""
    return Book(await _entries(connection, select(reference_entry)), await read_prices(connection))


async def list_entries(connection: AsyncConnection, list_name: str | None = None) -> list[Entry]:
    """The entries of one list, or of all, by list and code."""
    statement = select(reference_entry).order_by(*_KEY)
    if list_name is not None:
        statement = statement.where(reference_entry.c.list == list_name)
    return await _entries(connection, statement)


async def insert_missing(connection: AsyncConnection, entries: Sequence[Entry]) -> list[Entry]:
    """Insert the entries whose codes are not there yet; those that are stay as they are. Returns what was inserted."""
    rows = [values_of(entry) for entry in entries]
    made = await connection.execute(
        insert(reference_entry).values(rows).on_conflict_do_nothing(index_elements=_KEY).returning(*_KEY)
    )
    keys = {tuple(row) for row in made}
    return [entry for entry in entries if (entry.list, entry.code) in keys]


async def save_entry(connection: AsyncConnection, entry: Entry) -> None:
    """Insert an entry, or store it as it is now."""
    values = values_of(entry)
    await connection.execute(
        insert(reference_entry).values(**values).on_conflict_do_update(index_elements=_KEY, set_=values)
    )


async def _entries(connection: AsyncConnection, statement: Select[Any]) -> list[Entry]:
    return [_entry(row) for row in (await connection.execute(statement)).mappings()]


def _entry(row: RowMapping) -> Entry:
    kind = LISTS[row["list"]]
    attributes = kind[1].model_validate(row["attributes"]) if kind and row["attributes"] is not None else None
    return Entry(**{**row, "attributes": attributes})
