"""Numbers with their call plans and active periods, features, and the charges on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.customers import Charge, Markups
from customers.domain.numbers import Assignment, Feature, Line, Number
from customers.store.rows import by, insert_all, values_of
from customers.store.tables import assignment, charge, customer, feature, number


@dataclass(frozen=True)
class Holding:
    """Who holds a number, from when to when, both days included."""

    number: str
    customer_id: int
    account_number: str
    name: str
    start: date
    end: date | None


async def insert_lines(connection: AsyncConnection, lines: Sequence[Line]) -> None:
    """Insert numbers with call plans and active periods. Raises IntegrityError: a number is held already."""
    await insert_all(connection, number, [values_of(line.number, "charges") for line in lines])
    await insert_features(connection, [line.call_plan for line in lines])
    await insert_all(connection, charge, [row for line in lines for row in _charge_rows(line.number)])
    await insert_all(connection, assignment, [values_of(line.assignment) for line in lines])


async def insert_features(connection: AsyncConnection, features: Sequence[Feature]) -> None:
    """Insert features with their charges."""
    await insert_all(connection, feature, [values_of(each, "charges") for each in features])
    await insert_all(connection, charge, [row for each in features for row in _charge_rows(each)])


async def update_line(connection: AsyncConnection, line: Line) -> None:
    """Store a changed line. Raises IntegrityError: its new days overlap another holding of the number."""
    await connection.execute(
        update(number)
        .where(number.c.number_id == line.number.number_id)
        .values(**values_of(line.number, "charges", "number_id"))
    )
    await connection.execute(
        update(feature)
        .where(feature.c.feature_id == line.call_plan.feature_id)
        .values(version=line.call_plan.version, end=line.call_plan.end)
    )
    await connection.execute(
        update(assignment)
        .where(assignment.c.assignment_id == line.assignment.assignment_id)
        .values(version=line.assignment.version, end=line.assignment.end)
    )
    await _update_ends(connection, [*line.number.charges, *line.call_plan.charges])


async def _update_ends(connection: AsyncConnection, charges: Sequence[Charge]) -> None:
    if charges:
        statement = update(charge).where(charge.c.charge_id == bindparam("id_")).values(end=bindparam("end_"))
        await connection.execute(statement, [{"id_": each.charge_id, "end_": each.end} for each in charges])


async def customer_of_number(connection: AsyncConnection, number_id: int) -> int | None:
    """Whose a number is; None where there is none."""
    found: int | None = await connection.scalar(select(number.c.customer_id).where(number.c.number_id == number_id))
    return found


async def get_line(connection: AsyncConnection, number_id: int) -> Line | None:
    """A number with its call plan and active period; None where there is none."""
    found = await _lines(connection, number.c.number_id == number_id, limit=1)
    return found[0] if found else None


async def list_lines(connection: AsyncConnection, customer_id: int, *, after: int, limit: int) -> list[Line]:
    """A customer's numbers with a higher id, in its order."""
    wanted = and_(number.c.customer_id == customer_id, number.c.number_id > after)
    return await _lines(connection, wanted, limit=limit)


async def list_features(connection: AsyncConnection, customer_id: int, *, after: int, limit: int) -> list[Feature]:
    """A customer's features with a higher id, in its order; its numbers' call plans are among them."""
    wanted = and_(feature.c.customer_id == customer_id, feature.c.feature_id > after)
    return await _features(connection, wanted, limit=limit)


async def features_of(
    connection: AsyncConnection, customers: Sequence[int], codes: Sequence[str], *further: ColumnElement[bool]
) -> list[Feature]:
    """The features of these customers that were made from one of these standard features, by id."""
    wanted = and_(feature.c.kind == "feature", feature.c.code.in_(codes), feature.c.customer_id.in_(customers))
    return await _features(connection, and_(wanted, *further), limit=None)


async def replace_charges(connection: AsyncConnection, changes: Sequence[tuple[Feature, Feature]]) -> None:
    """Store features, before and after, of which nothing but the charges and the version changed."""
    if not changes:
        return
    versions = [{"id_": after.feature_id, "version_": after.version} for _, after in changes]
    statement = update(feature).where(feature.c.feature_id == bindparam("id_")).values(version=bindparam("version_"))
    await connection.execute(statement, versions)
    kept = {each.charge_id for _, after in changes for each in after.charges}
    there = {each.charge_id for before, _ in changes for each in before.charges}
    await connection.execute(delete(charge).where(charge.c.charge_id == func.any(list(there - kept))))
    rows = [row for _, after in changes for row in _charge_rows(after)]
    await _update_ends(connection, [each for _, after in changes for each in after.charges if each.charge_id in there])
    await insert_all(connection, charge, [row for row in rows if row["charge_id"] not in there])


async def find_holding(
    connection: AsyncConnection, held: str, start: date, end: date | None, *, besides: int = 0
) -> Holding | None:
    """SPEC C9: the first active period of a number that has a day in start..end, but for one assignment."""
    until = date.max if end is None else end
    found = await connection.execute(
        select(
            assignment.c.number,
            customer.c.customer_id,
            customer.c.account_number,
            customer.c.name,
            assignment.c.start,
            assignment.c.end,
        )
        .join(customer, customer.c.customer_id == assignment.c.customer_id)
        .where(assignment.c.number == held, assignment.c.assignment_id != besides)
        .where(assignment.c.start <= until, or_(assignment.c.end.is_(None), assignment.c.end >= start))
        .order_by(assignment.c.start)
        .limit(1)
    )
    row = found.mappings().first()
    return Holding(**row) if row else None


async def _lines(connection: AsyncConnection, wanted: ColumnElement[bool], *, limit: int) -> list[Line]:
    rows = (await connection.execute(select(number).where(wanted).order_by(number.c.number_id).limit(limit))).mappings()
    numbers = {row["number_id"]: row for row in rows}
    if not numbers:
        return []
    held = await connection.execute(
        select(assignment).where(assignment.c.number_id.in_(numbers)).order_by(assignment.c.start)
    )
    periods = {row["number_id"]: Assignment(**row) for row in held.mappings()}
    charges = await _charges(connection, charge.c.number_id, numbers)
    plan_ids = [period.feature_id for period in periods.values()]
    plans = await _features(connection, feature.c.feature_id.in_(plan_ids), limit=limit)
    by_id = {plan.feature_id: plan for plan in plans}
    return [
        Line(_number(row, charges.get(number_id, ())), by_id[periods[number_id].feature_id], periods[number_id])
        for number_id, row in numbers.items()
    ]


def _number(row: RowMapping, charges: tuple[Charge, ...]) -> Number:
    return Number(**{**row, "rating": Markups.model_validate(row["rating"])}, charges=charges)


async def _features(connection: AsyncConnection, wanted: ColumnElement[bool], *, limit: int | None) -> list[Feature]:
    found = await connection.execute(select(feature).where(wanted).order_by(feature.c.feature_id).limit(limit))
    rows = found.mappings().all()
    charges = await _charges(connection, charge.c.feature_id, [row["feature_id"] for row in rows])
    return [Feature(**row, charges=charges.get(row["feature_id"], ())) for row in rows]


async def _charges(
    connection: AsyncConnection, owner: ColumnElement[Any], ids: Iterable[int]
) -> dict[int, tuple[Charge, ...]]:
    statement = select(charge).where(owner.in_(list(ids))).order_by(charge.c.charge_id)
    groups = by((await connection.execute(statement)).mappings(), str(owner.key))
    return {owner_id: tuple(Charge(**row) for row in rows) for owner_id, rows in groups.items()}


def _charge_rows(owner: Number | Feature) -> list[dict[str, Any]]:
    of_number = isinstance(owner, Number)
    ids = {
        "customer_id": owner.customer_id,
        "number_id": owner.number_id if of_number else None,
        "feature_id": None if isinstance(owner, Number) else owner.feature_id,
    }
    return [{**ids, **dict(each)} for each in owner.charges]
