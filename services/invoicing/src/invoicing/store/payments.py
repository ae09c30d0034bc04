"""Payments and refunds (SPEC I9)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, cast, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.store.account_tables import payment, refund
from invoicing.store.bulk import Row as Values
from invoicing.store.bulk import given
from invoicing.store.tables import MONEY


async def create(connection: AsyncConnection, values: Values) -> Row[Any]:
    """Store a payment. Returns it."""
    return (await connection.execute(insert(payment).values(**values).returning(payment))).one()


async def find(connection: AsyncConnection, payment_id: int) -> Row[Any] | None:
    """A payment, or None."""
    return (await connection.execute(select(payment).where(payment.c.payment_id == payment_id))).one_or_none()


async def save(connection: AsyncConnection, payment_id: int, **values: Any) -> Row[Any]:
    """Change a payment, whose customer is locked. Returns it."""
    statement = update(payment).where(payment.c.payment_id == payment_id).values(**values).returning(payment)
    return (await connection.execute(statement)).one()


async def allocate(connection: AsyncConnection, amounts: Mapping[int, Decimal]) -> None:
    """Change how much of payments is allocated: payment id to pounds, negative ones lower it."""
    if not amounts:
        return
    names = ["payment_id", "allocated"]
    more = given(payment, names, [{"payment_id": each, "allocated": amount} for each, amount in amounts.items()])
    statement = update(payment).where(payment.c.payment_id == more.c.payment_id)
    await connection.execute(statement.values(allocated=payment.c.allocated + more.c.allocated))


async def page(connection: AsyncConnection, customer_id: int, after: int, limit: int) -> list[Row[Any]]:
    """A customer's payments in the order of their ids."""
    c = payment.c
    statement = select(payment).where(c.customer_id == customer_id, c.payment_id > after)
    return list(await connection.execute(statement.order_by(c.payment_id).limit(limit)))


async def unallocated(connection: AsyncConnection, customer_id: int) -> Decimal:
    """What a customer's payments have left, in pounds."""
    c = payment.c
    statement = select(cast(func.coalesce(func.sum(c.amount - c.allocated - c.refunded), 0), MONEY))
    left: Decimal = (await connection.execute(statement.where(c.customer_id == customer_id, ~c.reversed))).scalar_one()
    return left


async def add_refund(connection: AsyncConnection, values: Values) -> None:
    """Store what was given back of a payment."""
    await connection.execute(insert(refund).values(**values))


async def refunds(connection: AsyncConnection, payment_id: int) -> list[Row[Any]]:
    """What was given back of a payment, in the order of recording."""
    statement = select(refund).where(refund.c.payment_id == payment_id).order_by(refund.c.refund_id)
    return list(await connection.execute(statement))
