"""Discount plans as they are kept, and who has which."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.plans import EVERY_NUMBER, Holding, Plan, plan_of

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('rating discount plans'))")
_PAGE = text(
    """
    SELECT code, version, plan, retired FROM discount_plan
    WHERE code > :after AND (:with_retired OR NOT retired) ORDER BY code LIMIT :limit
    """
)
_FIND = text("SELECT code, version, plan, retired FROM discount_plan WHERE code = :code")
_SAVE = text(
    """
    INSERT INTO discount_plan (code, version, plan, retired) VALUES (:code, :version, CAST(:plan AS jsonb), :retired)
    ON CONFLICT (code) DO UPDATE SET version = excluded.version, plan = excluded.plan, retired = excluded.retired
    """
)
_PLANS = text("SELECT plan FROM discount_plan WHERE code = ANY(:codes) ORDER BY code")
# A number's and a feature's plans end with it.
_HOLDINGS = text(
    f"""
    SELECT kind, id, number_id, plan, greatest(period.start, first_day) AS start,
           least(period."end", last_day) AS "end", quantity
    FROM (
        SELECT 'customer' AS kind, customer_id AS id, {EVERY_NUMBER} AS number_id,
               CAST('-infinity' AS date) AS first_day, CAST(NULL AS date) AS last_day, discount_plans
        FROM customer WHERE customer_id = :customer_id
        UNION ALL
        SELECT 'number', number_id, number_id, start_date, end_date, discount_plans
        FROM number WHERE customer_id = :customer_id AND discount_plans <> '[]' AND NOT removed
        UNION ALL
        SELECT 'feature', feature_id, coalesce(number_id, {EVERY_NUMBER}), start_date, end_date, discount_plans
        FROM feature WHERE customer_id = :customer_id AND NOT removed
    ) AS holder
    CROSS JOIN LATERAL jsonb_to_recordset(discount_plans)
        AS period (plan text, start date, "end" date, quantity integer)
    ORDER BY kind, id, plan, start
    """
)
_UNKNOWN = text(
    """
    SELECT plan, count(DISTINCT customer_id) AS customers,
           (array_agg(DISTINCT customer_id ORDER BY customer_id))[1:10] AS first_customers
    FROM (
        SELECT customer_id, discount_plans FROM customer WHERE discount_plans <> '[]'
        UNION ALL
        SELECT customer_id, discount_plans FROM number WHERE discount_plans <> '[]' AND NOT removed
        UNION ALL
        SELECT customer_id, discount_plans FROM feature WHERE discount_plans <> '[]' AND NOT removed
    ) AS holder
    CROSS JOIN LATERAL jsonb_to_recordset(discount_plans) AS period (plan text)
    WHERE plan NOT IN (SELECT code FROM discount_plan) GROUP BY plan ORDER BY plan
    """
)


async def lock(connection: AsyncConnection) -> None:
    """Wait until nobody else changes plans, and let nobody until this transaction ends."""
    await connection.execute(_LOCK)


async def find(connection: AsyncConnection, code: str) -> RowMapping | None:
    """`code`, `version`, `plan` and `retired` of a plan."""
    return (await connection.execute(_FIND, {"code": code})).mappings().first()


async def page(connection: AsyncConnection, after: str, limit: int, *, with_retired: bool) -> Sequence[RowMapping]:
    """Plans by code, as `find` has them."""
    values = {"after": after, "limit": limit, "with_retired": with_retired}
    return (await connection.execute(_PAGE, values)).mappings().all()


async def save(connection: AsyncConnection, code: str, version: int, plan: dict[str, Any], retired: bool) -> None:
    """Keep a version of a plan, instead of the one before."""
    values = {"code": code, "version": version, "plan": json.dumps(plan), "retired": retired}
    await connection.execute(_SAVE, values)


async def holdings(connection: AsyncConnection, customer_id: int) -> list[Holding]:
    """The plans that a customer, its numbers and its features have, or had."""
    rows = await connection.execute(_HOLDINGS, {"customer_id": customer_id})
    return [Holding((row.kind, row.id), row.plan, row.number_id, row.start, row.end, row.quantity or 1) for row in rows]


async def plans(connection: AsyncConnection, codes: Collection[str]) -> list[Plan]:
    """Those of these plans that there are, by code; retired ones too: who has one keeps it."""
    rows = await connection.execute(_PLANS, {"codes": sorted(codes)})
    return [plan_of(row.plan) for row in rows]


async def unknown(connection: AsyncConnection) -> Sequence[RowMapping]:
    """`plan`, `customers` and the ids of `first_customers`, of each plan that somebody has and that there is not."""
    return (await connection.execute(_UNKNOWN)).mappings().all()
