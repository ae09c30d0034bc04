"""What an import of numbers looks up and locks, for many rows at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, Text, bindparam, func, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.importing import Owner
from customers.domain.numbers import NumberOrder
from customers.store.numbers import Holding
from customers.store.tables import assignment, customer

_LOCK_NUMBERS = text(
    """
    SELECT pg_advisory_xact_lock(key) FROM (
        SELECT DISTINCT hashtextextended(number, 0) AS key FROM unnest(CAST(:numbers AS text[])) AS number ORDER BY key
    ) AS keys
    """
)


@dataclass(frozen=True)
class Held(Holding):
    """A holding with the number that has it."""

    number_id: int

    def overlaps(self, order: NumberOrder) -> bool:
        """Whether it has a day of an order."""
        return (self.end or date.max) >= order.start and (order.end or date.max) >= self.start


async def find_owners(
    connection: AsyncConnection, account_numbers: Iterable[str], customer_ids: Iterable[int], *, lock: bool
) -> list[Owner]:
    """The customers that have one of these account numbers, in any case, or ids; locked in the order of their ids."""
    accounts = bindparam("accounts", sorted({each.lower() for each in account_numbers}), ARRAY(Text))
    ids = bindparam("ids", sorted(set(customer_ids)), ARRAY(BigInteger))
    wanted = or_(func.lower(customer.c.account_number) == func.any(accounts), customer.c.customer_id == func.any(ids))
    last_day = func.least(customer.c.final_bill_date, customer.c.drop_date).label("last_day")
    columns = (customer.c.customer_id, customer.c.account_number, customer.c.name, last_day, customer.c.deletion_due)
    statement = select(*columns).where(wanted)
    statement = statement.order_by(customer.c.customer_id)
    found = await connection.execute(statement.with_for_update() if lock else statement)
    return [Owner(**row) for row in found.mappings()]


async def lock_numbers(connection: AsyncConnection, numbers: Collection[str]) -> None:
    """Wait for whoever changes who holds these numbers, in one order: as `store.numbers.lock_number` does for one."""
    await connection.execute(_LOCK_NUMBERS, {"numbers": list(numbers)})


async def holdings_of(connection: AsyncConnection, numbers: Collection[str]) -> dict[str, list[Held]]:
    """SPEC C9: who holds these numbers when, the earliest first."""
    columns = (
        assignment.c.number,
        assignment.c.number_id,
        assignment.c.start,
        assignment.c.end,
        *(customer.c[name] for name in ("customer_id", "account_number", "name")),
    )
    statement = (
        select(*columns)
        .join(customer, customer.c.customer_id == assignment.c.customer_id)
        .where(assignment.c.number == func.any(bindparam("numbers", list(numbers), ARRAY(Text))))
        .order_by(assignment.c.start)
    )
    held: dict[str, list[Held]] = {}
    for row in (await connection.execute(statement)).mappings():
        held.setdefault(row["number"], []).append(Held(**row))
    return held
