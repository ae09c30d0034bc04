"""Increases, how far they are, and the features that they reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    RowMapping,
    Select,
    Table,
    Text,
    exists,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.reference import StandardCharge
from customers.domain.changes import Change
from customers.domain.increases import (
    Increase,
    Raised,
    Reach,
    Scope,
    Step,
    Terms,
    monthly,
    new_amounts,
    steps_json,
    terms_json,
)
from customers.domain.numbers import Feature
from customers.domain.prices import StandardCharges
from customers.store.changes import save_changes
from customers.store.numbers import features_of
from customers.store.rows import insert_all
from customers.store.tables import customer, feature, metadata

increase = Table(
    "increase",
    metadata,
    Column("increase_id", BigInteger, Identity(always=True), primary_key=True),
    Column("token", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("effective_from", Date, nullable=False),
    Column("terms", JSONB, nullable=False),
    Column("steps", JSONB, nullable=False),
    Column("actor", Text, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("reached", BigInteger, nullable=False),
    Column("customers", Integer, nullable=False),
    Column("features", Integer, nullable=False),
    Column("charges", Integer, nullable=False),
    CheckConstraint("state IN ('scheduled', 'applying', 'applied', 'cancelled')", name="increase_state"),
)
Index("increase_token", increase.c.token, unique=True)
Index("increase_open", increase.c.state, postgresql_where=increase.c.state.in_(["scheduled", "applying"]))

increase_charge = Table(
    "increase_charge",
    metadata,
    Column("increase_id", ForeignKey("increase.increase_id"), primary_key=True),
    Column("feature_id", ForeignKey("feature.feature_id", ondelete="CASCADE"), primary_key=True),
    Column("charge_id", BigInteger, primary_key=True, autoincrement=False),
    Column("new_charge_id", BigInteger, nullable=False),
)
Index("increase_charge_feature", increase_charge.c.feature_id)
Index("feature_code", feature.c.code, feature.c.customer_id, postgresql_where=feature.c.kind == "feature")

_PROGRESS = ("state", "reached", "customers", "features", "charges")
_REACH = text(
    """
    WITH term AS (
        SELECT * FROM unnest(
            CAST(:codes AS text[]), CAST(:descriptions AS text[]), CAST(:months AS integer[]),
            CAST(:in_advance AS boolean[]), CAST(:amounts AS numeric[])
        ) WITH ORDINALITY AS t (code, description, months, in_advance, amount, place)
    )
    SELECT t.place, t.code, count(*) AS charges, count(DISTINCT f.feature_id) AS features,
           count(DISTINCT f.customer_id) AS customers, sum(c.quantity) AS quantity
    FROM term t
    JOIN feature f ON f.code = t.code AND f.kind = 'feature'
    JOIN charge c ON c.feature_id = f.feature_id AND c.kind = 'recurring' AND c.amount = t.amount
        AND c.frequency_months = t.months AND c.in_advance = t.in_advance AND c.description = t.description
    WHERE (c."end" IS NULL OR c."end" >= :day) AND (f."end" IS NULL OR f."end" >= :day)
    GROUP BY GROUPING SETS ((t.place), (t.code), ())
    """
)


async def find_reach(connection: AsyncConnection, steps: Sequence[Step], day: date) -> tuple[dict[str, Reach], Reach]:
    """What customers have at the standard prices that change, on or after a day: by code, and in all."""
    terms = [(step.code, key, amount) for step in steps for key, amount in new_amounts(step).items()]
    columns = {
        "codes": [code for code, _, _ in terms],
        "descriptions": [key[0] for _, key, _ in terms],
        "months": [key[1] for _, key, _ in terms],
        "in_advance": [key[2] for _, key, _ in terms],
        "amounts": [key[3] for _, key, _ in terms],
    }
    rows = (await connection.execute(_REACH, {**columns, "day": day})).mappings().all()
    by_place = {row["place"]: row["quantity"] for row in rows if row["place"] is not None}
    return _reaches(terms, by_place, rows)


def _reaches(
    terms: Sequence[tuple[str, Any, Decimal]], quantities: Mapping[int, Decimal], rows: Iterable[RowMapping]
) -> tuple[dict[str, Reach], Reach]:
    by_code: dict[str | None, Reach] = {}
    parts = [
        (code, monthly(amount - key[3], quantities[place], key[1]))
        for place, (code, key, amount) in enumerate(terms, 1)
        if place in quantities
    ]
    for row in rows:
        if row["place"] is None:
            of_code = [part for code, part in parts if row["code"] in (code, None)]
            counts = {name: row[name] for name in ("customers", "features", "charges")}
            by_code[row["code"]] = Reach(**counts, monthly_difference=sum(of_code, start=Reach().monthly_difference))
    total = by_code.pop(None, Reach())
    return {code: reach for code, reach in by_code.items() if code is not None}, total


async def latest_id(connection: AsyncConnection) -> int:
    """The id of the latest increase, 0 before the first."""
    return int(await connection.scalar(select(func.coalesce(func.max(increase.c.increase_id), 0))) or 0)


async def insert_increase(connection: AsyncConnection, new: Increase) -> int:
    """Insert an increase, whose id does not matter. Returns the id that it gets."""
    row = {
        "token": new.token,
        "state": new.state,
        "effective_from": new.terms.effective_from,
        "terms": terms_json(new.terms),
        "steps": steps_json(new.steps),
        "actor": new.actor,
        "asked_at": new.asked_at,
        **{name: getattr(new, name) for name in _PROGRESS},
    }
    made = await connection.execute(insert(increase).values(**row).returning(increase.c.increase_id))
    return int(made.scalar_one())


async def save_progress(connection: AsyncConnection, changed: Increase) -> None:
    """Store how far an increase is."""
    values = {name: getattr(changed, name) for name in _PROGRESS}
    await connection.execute(update(increase).where(increase.c.increase_id == changed.increase_id).values(**values))


async def get_increase(connection: AsyncConnection, increase_id: int, *, lock: bool = False) -> Increase | None:
    """An increase, locked until the transaction ends where that is asked for; None where there is none."""
    statement = select(increase).where(increase.c.increase_id == increase_id)
    return await _first(connection, statement.with_for_update() if lock else statement)


async def find_by_token(connection: AsyncConnection, token: str) -> Increase | None:
    """The increase that a preview's token was used for."""
    return await _first(connection, select(increase).where(increase.c.token == token))


async def list_increases(connection: AsyncConnection, *, after: int, limit: int) -> list[Increase]:
    """Increases with a higher id, in its order."""
    statement = select(increase).where(increase.c.increase_id > after).order_by(increase.c.increase_id).limit(limit)
    return [_increase(row) for row in (await connection.execute(statement)).mappings()]


async def lock_next(connection: AsyncConnection, today: date) -> Increase | None:
    """An increase that has something to do, locked; those that another process is at are passed over."""
    due = (increase.c.state == "applying") | ((increase.c.state == "scheduled") & (increase.c.effective_from <= today))
    statement = select(increase).where(due).order_by(increase.c.increase_id).limit(1)
    return await _first(connection, statement.with_for_update(skip_locked=True))


async def next_customers(connection: AsyncConnection, codes: Sequence[str], *, after: int, limit: int) -> list[int]:
    """The next customers, by id, that have features made from one of these."""
    statement = (
        select(feature.c.customer_id)
        .distinct()
        .join(customer, customer.c.customer_id == feature.c.customer_id)
        .where(feature.c.kind == "feature", feature.c.code.in_(codes), feature.c.customer_id > after)
        .where(customer.c.deletion_due.is_(None))  # SPEC Z24
        .order_by(feature.c.customer_id)
        .limit(limit)
    )
    return list((await connection.execute(statement)).scalars())


async def features_to_look_at(
    connection: AsyncConnection, increase_id: int, customers: Sequence[int], codes: Sequence[str]
) -> list[Feature]:
    """The features of these customers that were made from one of these and that the increase has not changed yet."""
    changed = exists().where(
        increase_charge.c.increase_id == increase_id, increase_charge.c.feature_id == feature.c.feature_id
    )
    return await features_of(connection, customers, codes, ~changed)


async def save_raised(connection: AsyncConnection, increase_id: int, raised: Sequence[Raised]) -> None:
    """Store features whose charges an increase changed."""
    await save_changes(connection, tuple(Change(each.before, each.after) for each in raised))
    rows = [
        {"increase_id": increase_id, "feature_id": each.after.feature_id, "charge_id": old, "new_charge_id": new}
        for each in raised
        for old, new in each.replaced
    ]
    await insert_all(connection, increase_charge, rows)


async def _first(connection: AsyncConnection, statement: Select[Any]) -> Increase | None:
    row = (await connection.execute(statement)).mappings().first()
    return _increase(row) if row else None


def _increase(row: RowMapping) -> Increase:
    kept = {name: row[name] for name in ("increase_id", "token", "actor", "asked_at", *_PROGRESS)}
    return Increase(**kept, terms=_terms(row["terms"]), steps=tuple(map(_step, row["steps"])))


def _terms(kept: Mapping[str, Any]) -> Terms:
    scope = kept["scope"]
    by = {name: None if kept[name] is None else Decimal(kept[name]) for name in ("percentage", "amount")}
    return Terms(
        scope=Scope(scope["all"], tuple(scope["codes"]), scope["name_prefix"]),
        effective_from=date.fromisoformat(kept["effective_from"]),
        kinds=kept["kinds"],
        also_existing=kept["also_existing"],
        **by,
    )


def _step(kept: Mapping[str, Any]) -> Step:
    return Step(kept["code"], kept["name"], _charges(kept["before"]), _charges(kept["after"]))


def _charges(kept: Iterable[Any]) -> StandardCharges:
    return tuple(StandardCharge.model_validate(charge) for charge in kept)
