"""Prices of standard features, by the day from which they hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import BigInteger, Column, Date, ForeignKey, RowMapping, Table, Text, delete, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.reference import StandardCharge
from customers.domain.prices import Price
from customers.domain.reference import STANDARD_FEATURES
from customers.store.tables import metadata, reference_entry

feature_price = Table(
    "feature_price",
    metadata,
    Column("code", Text, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("charges", JSONB, nullable=False),
    Column("increase_id", BigInteger, ForeignKey("increase.increase_id")),
)


async def read_prices(connection: AsyncConnection, codes: Sequence[str] | None = None) -> list[Price]:
    """The versions of these standard features, or of all; one that never changed has none."""
    statement = select(feature_price).order_by(feature_price.c.code, feature_price.c.valid_from)
    if codes is not None:
        statement = statement.where(feature_price.c.code.in_(codes))
    return [_price(row) for row in (await connection.execute(statement)).mappings()]


async def save_prices(connection: AsyncConnection, prices: Sequence[Price]) -> None:
    """Store versions; one of the same standard feature and day is replaced."""
    if not prices:
        return
    statement = insert(feature_price)
    replaced = {name: statement.excluded[name] for name in ("charges", "increase_id")}
    key = [feature_price.c.code, feature_price.c.valid_from]
    await connection.execute(
        statement.on_conflict_do_update(index_elements=key, set_=replaced), [_row(price) for price in prices]
    )


async def remove_price(connection: AsyncConnection, code: str, day: date) -> None:
    """Remove a version."""
    await connection.execute(
        delete(feature_price).where(feature_price.c.code == code, feature_price.c.valid_from == day)
    )


async def remove_prices_of(connection: AsyncConnection, increase_id: int) -> None:
    """Remove the versions that an increase made."""
    await connection.execute(delete(feature_price).where(feature_price.c.increase_id == increase_id))


async def codes_to_turn(connection: AsyncConnection, today: date) -> list[str]:
    """The standard features whose entry does not show the price that holds today."""
    latest = (
        select(feature_price.c.code, feature_price.c.charges)
        .distinct(feature_price.c.code)
        .where(feature_price.c.valid_from <= today)
        .order_by(feature_price.c.code, feature_price.c.valid_from.desc())
        .subquery()
    )
    shown = func.coalesce(reference_entry.c.attributes["charges"], func.jsonb_build_array())
    statement = (
        select(latest.c.code)
        .join(reference_entry, reference_entry.c.code == latest.c.code)
        .where(reference_entry.c.list == STANDARD_FEATURES, shown != latest.c.charges)
        .order_by(latest.c.code)
    )
    return list((await connection.execute(statement)).scalars())


def _row(price: Price) -> dict[str, object]:
    return {
        "code": price.code,
        "valid_from": price.valid_from,
        "charges": [charge.model_dump(mode="json") for charge in price.charges],
        "increase_id": price.increase_id,
    }


def _price(row: RowMapping) -> Price:
    charges = tuple(StandardCharge.model_validate(charge) for charge in row["charges"])
    return Price(row["code"], row["valid_from"], charges, row["increase_id"])
