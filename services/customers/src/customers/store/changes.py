"""Storing what a use case did to numbers, features, active periods and their charges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, delete, func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.changes import Change, Changes, id_of, taking
from customers.domain.numbers import Assignment, Entity, Feature, Number
from customers.store.numbers import charge_rows
from customers.store.rows import insert_all, values_of
from customers.store.tables import assignment, charge, feature, number

_TABLES: tuple[tuple[type[Entity], Table, str], ...] = (
    (Number, number, "number_id"),
    (Feature, feature, "feature_id"),
    (Assignment, assignment, "assignment_id"),
)


async def save_changes(connection: AsyncConnection, changes: Changes) -> None:
    """Store changes. Raises IntegrityError: a number is held by somebody on one of the days."""
    # What gives days up, or a link, is stored before what takes them, and before what it was linked to goes; and what
    # it will be linked to is there before.
    await _delete(connection, assignment, "assignment_id", _gone(changes, Assignment))
    await _delete(connection, feature, "feature_id", _gone(changes, Feature))
    await _insert(connection, changes, Number, number)
    kept = [each for each in changes if each.before is not None]
    await _update_all(connection, [each.after for each in kept if taking(each) is None])
    await _update_all(connection, [each.after for each in kept if taking(each) is not None])
    await _delete(connection, number, "number_id", _gone(changes, Number))
    await _insert(connection, changes, Feature, feature)
    await _insert(connection, changes, Assignment, assignment)
    await _save_charges(connection, changes)


async def _insert(connection: AsyncConnection, changes: Changes, kind: type[Entity], table: Table) -> None:
    new = [each.after for each in changes if each.before is None]
    await insert_all(connection, table, [values_of(each, "charges") for each in new if isinstance(each, kind)])


async def _update_all(connection: AsyncConnection, entities: Sequence[Entity | None]) -> None:
    for kind, table, key in _TABLES:
        rows = [values_of(each, "charges") for each in entities if isinstance(each, kind)]
        await _update(connection, table, key, rows)


def _gone(changes: Iterable[Change], kind: type[Entity]) -> list[int]:
    gone = [each.before for each in changes if each.after is None]
    return [id_of(each) for each in gone if isinstance(each, kind)]


async def _save_charges(connection: AsyncConnection, changes: Changes) -> None:
    before = _charges(each.before for each in changes)
    after = _charges(each.after for each in changes)
    await _delete(connection, charge, "charge_id", [key for key in before if key not in after])
    await _update(connection, charge, "charge_id", [row for key, row in after.items() if before.get(key, row) != row])
    await insert_all(connection, charge, [row for key, row in after.items() if key not in before])


def _charges(owners: Iterable[Entity | None]) -> dict[int, dict[str, Any]]:
    owning = [each for each in owners if isinstance(each, Number | Feature)]
    return {row["charge_id"]: row for each in owning for row in charge_rows(each)}


async def _delete(connection: AsyncConnection, table: Table, key: str, ids: Sequence[int]) -> None:
    if ids:
        await connection.execute(delete(table).where(table.c[key] == func.any(list(ids))))


async def _update(connection: AsyncConnection, table: Table, key: str, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        changing: dict[str, Any] = {name: bindparam(f"{name}_") for name in rows[0] if name != key}
        statement = update(table).where(table.c[key] == bindparam(f"{key}_")).values(changing)
        await connection.execute(statement, [{f"{name}_": value for name, value in row.items()} for row in rows])
