"""Actions on customers, and what they took from what a customer has (SPEC C14 to C17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.customers import Charge
from customers.domain.course import Action, State
from customers.domain.keeping import Keeping, Kept
from customers.domain.numbers import Assignment, Entity, Feature, Number
from customers.store.lifecycle_tables import kept_entity, lifecycle_action
from customers.store.numbers import read_row
from customers.store.rows import by, insert_all, values_of
from customers.store.tables import assignment, charge, customer, feature, number

_KEPT = TypeAdapter(Kept)


async def entities_of(connection: AsyncConnection, customer_id: int) -> tuple[Entity, ...]:
    """All numbers, features, call plans and active periods of a customer; what is referred to comes first."""
    rows = {table: await _rows(connection, table, customer_id) for table in (number, feature, assignment, charge)}
    of_number, of_feature = (by(rows[charge], key) for key in ("number_id", "feature_id"))
    return (
        *(Number(**read_row(row), charges=_charges(of_number.get(row["number_id"], ()))) for row in rows[number]),
        *(Feature(**read_row(row), charges=_charges(of_feature.get(row["feature_id"], ()))) for row in rows[feature]),
        *(Assignment(**row) for row in rows[assignment]),
    )


async def _rows(connection: AsyncConnection, table: Any, customer_id: int) -> Sequence[RowMapping]:
    key = next(iter(table.primary_key))
    found = await connection.execute(select(table).where(table.c.customer_id == customer_id).order_by(key))
    return found.mappings().all()


def _charges(rows: Sequence[RowMapping]) -> tuple[Charge, ...]:
    return tuple(Charge(**row) for row in rows)


async def read_kept(connection: AsyncConnection, customer_id: int) -> Keeping:
    """What the customer's present course took, by the entity's id."""
    statement = select(kept_entity.c.kept).where(kept_entity.c.customer_id == customer_id)
    kept = [_KEPT.validate_python(value) for value in (await connection.execute(statement)).scalars()]
    return {each.entity_id: each for each in kept}


async def replace_kept(connection: AsyncConnection, customer_id: int, kept: Keeping) -> None:
    """Store what the customer's course has taken now, in the place of what it had before."""
    await connection.execute(delete(kept_entity).where(kept_entity.c.customer_id == customer_id))
    rows = [
        {"customer_id": customer_id, "entity_id": key, "kept": _KEPT.dump_python(each, mode="json")}
        for key, each in sorted(kept.items())
    ]
    await insert_all(connection, kept_entity, rows)


async def add_action(connection: AsyncConnection, action: Action) -> None:
    """Keep an action that was taken, or is planned."""
    await connection.execute(insert(lifecycle_action).values(**values_of(action)))


async def settle_action(connection: AsyncConnection, action_id: int, state: State, problem: str | None = None) -> None:
    """Keep what became of a planned action."""
    statement = update(lifecycle_action).where(lifecycle_action.c.action_id == action_id)
    await connection.execute(statement.values(state=state, problem=problem))


async def list_actions(connection: AsyncConnection, customer_id: int, *, after: int, limit: int) -> list[Action]:
    """The actions on a customer with a higher id, in the order in which they were taken."""
    table = lifecycle_action
    statement = select(table).where(table.c.customer_id == customer_id, table.c.action_id > after)
    rows = await connection.execute(statement.order_by(table.c.action_id).limit(limit))
    return [Action(**row) for row in rows.mappings()]


async def planned_of(connection: AsyncConnection, customer_id: int) -> Action | None:
    """The action that is planned for a customer."""
    table = lifecycle_action
    statement = select(table).where(table.c.customer_id == customer_id, table.c.state == "planned")
    row = (await connection.execute(statement)).mappings().first()
    return Action(**row) if row else None


async def next_planned(connection: AsyncConnection, today: date) -> Action | None:
    """The planned action whose day has come first."""
    table = lifecycle_action
    due = select(table).where(table.c.state == "planned", table.c.on <= today)
    row = (await connection.execute(due.order_by(table.c.on, table.c.action_id).limit(1))).mappings().first()
    return Action(**row) if row else None


@dataclass(frozen=True)
class Bounds:
    """What the days of a customer's charges may not cross: the day it was reinstated on, and its last day."""

    reinstated_on: date | None
    last_day: date | None


async def bounds(connection: AsyncConnection, customers: Sequence[int]) -> dict[int, Bounds]:
    """Of each of these customers."""
    table = customer
    last_day = func.least(table.c.final_bill_date, table.c.drop_date)
    statement = select(table.c.customer_id, table.c.reinstate_date, last_day).where(table.c.customer_id.in_(customers))
    return {each: Bounds(*days) for each, *days in await connection.execute(statement)}
