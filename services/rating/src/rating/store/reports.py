"""What became of every record, what is held, and what was charged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

_PAGE = "ORDER BY usage_id LIMIT :limit"
_REASON = "(CAST(:reason AS text) IS NULL OR reason = :reason)"
_HELD = text(f"SELECT * FROM held WHERE outcome = :outcome AND {_REASON} AND usage_id > :after {_PAGE}")
_REJECTED = text(f"SELECT * FROM rejected WHERE {_REASON} AND usage_id > :after {_PAGE}")
_DUPLICATES = text(
    f"""
    SELECT * FROM duplicate
    WHERE usage_id > :after AND (CAST(:conflict AS boolean) IS NULL OR conflict = :conflict) {_PAGE}
    """
)
# A close that is not released covers what was stored up to its generation and began up to its day.
_CHARGES = text(
    """
    WITH chosen AS (
        SELECT DISTINCT customer_id FROM usage WHERE customer_id > :after ORDER BY customer_id LIMIT :limit
    ), call AS (
        SELECT customer_id, local_date, charge_micro, EXISTS (
            SELECT FROM usage_close AS near
            WHERE near.customer_id = usage.customer_id AND near.state <> 'released'
              AND usage.generation <= near.generation AND usage.local_date <= near.bill_to
        ) AS closed
        FROM usage JOIN chosen USING (customer_id)
    )
    SELECT customer_id, count(*) AS calls, sum(charge_micro) AS rated,
           coalesce(sum(charge_micro) FILTER (WHERE closed), 0) AS closed,
           coalesce(sum(charge_micro) FILTER (WHERE NOT closed AND local_date <= :bill_to), 0) AS unbilled_to_date,
           coalesce(sum(charge_micro) FILTER (WHERE NOT closed AND local_date > :bill_to), 0) AS unbilled_after
    FROM call GROUP BY customer_id ORDER BY customer_id
    """
)

Rows = Sequence[RowMapping]


async def list_held(connection: AsyncConnection, outcome: str, reason: str | None, *, after: int, limit: int) -> Rows:
    """Calls that are suspended, unpriced or ignored."""
    return await _rows(connection, _HELD, outcome=outcome, reason=reason, after=after, limit=limit)


async def list_rejected(connection: AsyncConnection, reason: str | None, *, after: int, limit: int) -> Rows:
    """Records that could not be read."""
    return await _rows(connection, _REJECTED, reason=reason, after=after, limit=limit)


async def list_duplicates(connection: AsyncConnection, conflict: bool | None, *, after: int, limit: int) -> Rows:
    """Second copies of records, all or only those with (or without) other content."""
    return await _rows(connection, _DUPLICATES, conflict=conflict, after=after, limit=limit)


async def sum_charges(connection: AsyncConnection, bill_to: date, *, after: int, limit: int) -> Rows:
    """Sums of charges per customer in micro-pounds: rated, closed, and not closed up to a day and after it."""
    return await _rows(connection, _CHARGES, bill_to=bill_to, after=after, limit=limit)


async def _rows(connection: AsyncConnection, statement: Any, **values: Any) -> Rows:
    return (await connection.execute(statement, values)).mappings().all()
