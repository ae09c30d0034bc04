"""What each customer owes (SPEC I9)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.store.account_tables import account_balance
from invoicing.store.bulk import given


async def add(connection: AsyncConnection, amounts: Mapping[int, Decimal]) -> list[Row[Any]]:
    """Change what customers owe, who are locked: customer id to pounds, negative ones lower it.

    Returns: customer_id, version and balance of each, as they are then.
    """
    names = ["customer_id", "version", "balance"]
    rows = [{"customer_id": each, "version": 1, "balance": amounts[each]} for each in sorted(amounts)]
    statement = insert(account_balance).from_select(names, select(given(account_balance, names, rows)))
    c = account_balance.c
    changed = statement.on_conflict_do_update(
        index_elements=[c.customer_id],
        set_={"version": c.version + 1, "balance": c.balance + statement.excluded.balance},
    )
    return list(await connection.execute(changed.returning(account_balance)))


async def find(connection: AsyncConnection, customer_id: int) -> Row[Any] | None:
    """A customer's balance with its version; None before anything changed it."""
    statement = select(account_balance).where(account_balance.c.customer_id == customer_id)
    return (await connection.execute(statement)).one_or_none()


async def of_customers(connection: AsyncConnection, customers: Collection[int]) -> dict[int, Decimal]:
    """The balances of these customers that have one, in pounds."""
    c = account_balance.c
    rows = await connection.execute(select(c.customer_id, c.balance).where(c.customer_id == func.any(list(customers))))
    return {row.customer_id: row.balance for row in rows}


async def at_one_moment(connection: AsyncConnection) -> None:
    """Let all that is read from now on be as of one moment; to be said first in a transaction that only reads."""
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
