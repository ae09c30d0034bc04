"""Numbers with their call plans and active periods, features, and the charges on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, exists, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.customers import Charge, Markups, PlanPeriod
from customers.domain.numbers import Assignment, Feature, Line, LinePlan, Number
from customers.store.rows import by, insert_all, values_of
from customers.store.tables import assignment, charge, customer, feature, number


@dataclass(frozen=True)
class Owner:
    """What a charge is on: a number or a feature of a customer."""

    customer_id: int
    number_id: int | None
    feature_id: int | None


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
    await insert_features(connection, [plan.feature for line in lines for plan in line.plans])
    await insert_all(connection, charge, [row for line in lines for row in charge_rows(line.number)])
    periods = [values_of(plan.assignment) for line in lines for plan in line.plans]
    await insert_all(connection, assignment, periods)


async def insert_features(connection: AsyncConnection, features: Sequence[Feature]) -> None:
    """Insert features with their charges."""
    await insert_all(connection, feature, [values_of(each, "charges") for each in features])
    await insert_all(connection, charge, [row for each in features for row in charge_rows(each)])


async def customer_of_number(connection: AsyncConnection, number_id: int) -> int | None:
    """Whose a number is; None where there is none."""
    found: int | None = await connection.scalar(select(number.c.customer_id).where(number.c.number_id == number_id))
    return found


async def owner_of_charge(connection: AsyncConnection, charge_id: int) -> Owner | None:
    """What a charge is on; None where there is no such charge."""
    columns = (charge.c.customer_id, charge.c.number_id, charge.c.feature_id)
    row = (await connection.execute(select(*columns).where(charge.c.charge_id == charge_id))).mappings().first()
    return Owner(**row) if row else None


async def lock_number(connection: AsyncConnection, held: str) -> None:
    """Wait for whoever changes who holds a number: two that wait inside the exclusion constraint may deadlock."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(held, 0))))


async def get_line(connection: AsyncConnection, number_id: int) -> Line | None:
    """A number with its call plans and active periods; None where there is none."""
    found = await _lines(connection, number.c.number_id == number_id, limit=1)
    return found[0] if found else None


async def list_lines(
    connection: AsyncConnection,
    *,
    after: int,
    limit: int,
    customer_id: int | None = None,
    held: str | None = None,
    active_on: date | None = None,
) -> list[Line]:
    """Numbers with a higher id, in its order: of a customer, as one number, active on a day."""
    wanted = [number.c.number_id > after]
    if customer_id is not None:
        wanted.append(number.c.customer_id == customer_id)
    if held is not None:
        wanted.append(number.c.number == held)
    if active_on is not None:
        until = func.coalesce(assignment.c.end, date.max)
        on = and_(assignment.c.number_id == number.c.number_id, assignment.c.start <= active_on, until >= active_on)
        wanted.append(exists().where(on))
    return await _lines(connection, and_(*wanted), limit=limit)


async def get_feature(connection: AsyncConnection, feature_id: int) -> Feature | None:
    """A feature, or a call plan; None where there is none."""
    found = await _features(connection, feature.c.feature_id == feature_id, limit=1)
    return found[0] if found else None


async def linked_features(connection: AsyncConnection, number_id: int) -> list[Feature]:
    """The features that are linked to a number, by id; its call plans are not among them."""
    wanted = and_(feature.c.number_id == number_id, feature.c.kind == "feature")
    return await _features(connection, wanted, limit=None)


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


async def lines_of(connection: AsyncConnection, number_ids: Collection[int]) -> list[Line]:
    """These numbers with their call plans and active periods, by id."""
    return await _lines(connection, number.c.number_id.in_(number_ids), limit=len(number_ids)) if number_ids else []


async def find_holding(
    connection: AsyncConnection, held: str, start: date, end: date | None, *, besides: Collection[int] = ()
) -> Holding | None:
    """SPEC C9: the first active period of a number that has a day in start..end, but for some assignments."""
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
        .where(assignment.c.number == held, assignment.c.assignment_id.not_in(besides))
        .where(assignment.c.start <= until, or_(assignment.c.end.is_(None), assignment.c.end >= start))
        .order_by(assignment.c.start)
        .limit(1)
    )
    row = found.mappings().first()
    return Holding(**row) if row else None


_CLASH = text(
    """
    SELECT a.number, c.customer_id, c.account_number, c.name, a.start, a."end"
    FROM ROWS FROM (
        unnest(CAST(:numbers AS text[])), unnest(CAST(:starts AS date[])), unnest(CAST(:ends AS date[]))
    ) AS wanted (number, start, "end")
    JOIN assignment AS a ON a.number = wanted.number AND a.start <= coalesce(wanted."end", 'infinity')
        AND coalesce(a."end", 'infinity') >= wanted.start
    JOIN customer AS c ON c.customer_id = a.customer_id
    WHERE a.assignment_id <> ALL(:besides)
    ORDER BY a.start, a.assignment_id LIMIT 1
    """
)


async def find_clash(
    connection: AsyncConnection, periods: Sequence[Assignment], *, besides: Collection[int]
) -> Holding | None:
    """SPEC C9: the first active period that has a day in one of these for the same number, but for some assignments."""
    asked = {
        "numbers": [each.number for each in periods],
        "starts": [each.start for each in periods],
        "ends": [each.end for each in periods],
        "besides": list(besides),
    }
    row = (await connection.execute(_CLASH, asked)).mappings().first()
    return Holding(**row) if row else None


async def _lines(connection: AsyncConnection, wanted: ColumnElement[bool], *, limit: int) -> list[Line]:
    rows = (await connection.execute(select(number).where(wanted).order_by(number.c.number_id).limit(limit))).mappings()
    numbers = {row["number_id"]: row for row in rows}
    if not numbers:
        return []
    held = await connection.execute(
        select(assignment).where(assignment.c.number_id.in_(numbers)).order_by(assignment.c.start)
    )
    rows_held = held.mappings().all()
    charges = await _charges(connection, charge.c.number_id, numbers)
    features = await _features(connection, feature.c.feature_id.in_([row["feature_id"] for row in rows_held]))
    plans = _plans({each.feature_id: each for each in features}, by(rows_held, "number_id"))
    return [
        Line(Number(**read_row(row), charges=charges.get(number_id, ())), plans[number_id])
        for number_id, row in numbers.items()
    ]


def _plans(
    features: Mapping[int, Feature], periods: Mapping[int, Sequence[RowMapping]]
) -> dict[int, tuple[LinePlan, ...]]:
    return {
        number_id: tuple(LinePlan(features[row["feature_id"]], Assignment(**row)) for row in rows)
        for number_id, rows in periods.items()
    }


async def _features(
    connection: AsyncConnection, wanted: ColumnElement[bool], *, limit: int | None = None
) -> list[Feature]:
    found = await connection.execute(select(feature).where(wanted).order_by(feature.c.feature_id).limit(limit))
    rows = found.mappings().all()
    charges = await _charges(connection, charge.c.feature_id, [row["feature_id"] for row in rows])
    return [Feature(**read_row(row), charges=charges.get(row["feature_id"], ())) for row in rows]


def read_row(row: RowMapping) -> dict[str, Any]:
    """A row's columns as the fields of a number or a feature."""
    read = {**row, "discount_plans": tuple(map(PlanPeriod.model_validate, row["discount_plans"]))}
    return read if "rating" not in row else {**read, "rating": Markups.model_validate(row["rating"])}


async def _charges(
    connection: AsyncConnection, owner: ColumnElement[Any], ids: Iterable[int]
) -> dict[int, tuple[Charge, ...]]:
    statement = select(charge).where(owner.in_(list(ids))).order_by(charge.c.charge_id)
    groups = by((await connection.execute(statement)).mappings(), str(owner.key))
    return {owner_id: tuple(Charge(**row) for row in rows) for owner_id, rows in groups.items()}


def charge_rows(owner: Number | Feature) -> list[dict[str, Any]]:
    """The charges of a number or feature as rows."""
    of_number = isinstance(owner, Number)
    ids = {
        "customer_id": owner.customer_id,
        "number_id": owner.number_id if of_number else None,
        "feature_id": None if isinstance(owner, Number) else owner.feature_id,
    }
    return [{**ids, **dict(each)} for each in owner.charges]
