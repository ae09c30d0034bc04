"""The calls that have a record id each: `usage` and `held`, with nothing but what identifies them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

AT_ONCE = 50_000
_OWNERS = text(
    """
    SELECT usage_id, source, record_id, received_on FROM usage
    UNION ALL SELECT usage_id, source, record_id, received_on FROM held
    """
)
_BETWEEN = text(
    """
    SELECT usage_id, source, record_id, received_on FROM usage WHERE usage_id BETWEEN :first AND :last
    UNION ALL
    SELECT usage_id, source, record_id, received_on FROM held WHERE usage_id BETWEEN :first AND :last
    """
)


class Owner(NamedTuple):
    """A stored call."""

    usage_id: int
    source: str
    record_id: str
    received_on: date


async def owners(connection: AsyncConnection) -> AsyncIterator[Sequence[Owner]]:
    """All stored calls, some thousands at a time."""
    async with connection.stream(_OWNERS, execution_options={"yield_per": AT_ONCE}) as result:
        async for part in result.partitions():
            yield [Owner(*row) for row in part]


async def owners_between(connection: AsyncConnection, first: int, last: int) -> list[Owner]:
    """The stored calls between two usage ids."""
    rows = await connection.execute(_BETWEEN, {"first": first, "last": last})
    return [Owner(*row) for row in rows]
