"""Reading accounts: what a customer owes, and how it came to that (SPEC I9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.domain.statements import Statement, statement_of
from invoicing.domain.transactions import ZERO
from invoicing.store import allocations, balances, payments, readmodel, statements
from service_kit.database import reading
from service_kit.problems import Invalid, NotFound


@dataclass(frozen=True)
class Account:
    """What a customer owes in pounds, what is open of it, and credit that pays nothing yet."""

    customer_id: int
    balance: Decimal
    version: int
    credit: Decimal
    open_items: Sequence[Row[Any]]


async def account(customer_id: int) -> Account:
    """A customer's account as it is now. Raises NotFound."""
    async with reading() as connection:
        await balances.at_one_moment(connection)
        await _check_customer(connection, customer_id)
        items = await allocations.open_items(connection, customer_id)
        unused = await payments.unallocated(connection, customer_id)
        row = await balances.find(connection, customer_id)
    unused -= sum((each.gross - each.paid for each in items if each.gross < 0), ZERO)
    return Account(customer_id, row.balance if row else ZERO, row.version if row else 0, unused, items)


async def statement(customer_id: int, first: date | None, last: date | None) -> Statement:
    """All that made a customer's balance on these days, with the balance after each.

    Args:
        first: None for the very first day.
        last: inclusive; None for all there is, whatever its date.

    Raises:
        NotFound: there is no such customer.
        Invalid: the last day is before the first.
    """
    if first and last and last < first:
        told = f"the last day, {last}, is before the first, {first}"
        raise Invalid(told, errors=[{"field": "to", "message": told}])
    async with reading() as connection:
        await _check_customer(connection, customer_id)
        rows = await statements.entries(connection, customer_id, first or date.min, last or date.max)
    return statement_of(rows[0].amount, [(row.day, row.kind, row.id, row.reference, row.amount) for row in rows[1:]])


async def _check_customer(connection: AsyncConnection, customer_id: int) -> None:
    if not await readmodel.customers_by_id(connection, [customer_id]):
        raise NotFound(f"there is no customer {customer_id}")
