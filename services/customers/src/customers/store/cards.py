"""Customers as they are named, coloured and summarised elsewhere (SPEC F3): one question for any number of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.cards import Card, Named

STATUS_TODAY = """
    coalesce(
        c.action_status,
        (SELECT p.status FROM status_period AS p WHERE p.customer_id = c.customer_id AND p.effective_from <= :today
         ORDER BY p.effective_from DESC, p.period_id DESC LIMIT 1),
        (SELECT p.status FROM status_period AS p WHERE p.customer_id = c.customer_id
         ORDER BY p.effective_from, p.period_id LIMIT 1)
    )
"""
"""SPEC C8: the code of the status of customer `c` on `:today`; before its history begins, that with which it will."""
_NAMED = f"""
    SELECT c.customer_id, c.account_number, c.name, c.company_name, t.status,
        coalesce(s.name, t.status) AS status_name, s.attributes ->> 'colour' AS status_colour,
        c.account_manager, m.name AS account_manager_name {{more}}
    FROM customer AS c
    CROSS JOIN LATERAL (SELECT {STATUS_TODAY} AS status OFFSET 0) AS t
    LEFT JOIN reference_entry AS s ON s.list = 'statuses' AND s.code = t.status
    LEFT JOIN reference_entry AS m ON m.list = 'account_managers' AND m.code = c.account_manager {{joined}}
    WHERE c.customer_id = ANY(:customers)
"""
"""With `OFFSET 0` the status is looked up once for each customer, not wherever it is used."""
_NAMES = text(_NAMED.format(more="", joined=""))
_CARDS = text(
    _NAMED.format(
        more=""", a.balance, coalesce(a.currency, 'GBP') AS currency, (
            SELECT count(*) FROM number AS n
            WHERE n.customer_id = c.customer_id AND (n."end" IS NULL OR n."end" >= :today)
        ) AS numbers""",
        joined="LEFT JOIN account AS a ON a.customer_id = c.customer_id",
    )
)


async def names_of(connection: AsyncConnection, customers: Sequence[int], today: date) -> dict[int, Named]:
    """These customers by id; of those that there are not, nothing."""
    rows = await connection.execute(_NAMES, {"customers": list(customers), "today": today})
    return {row.customer_id: Named(**_named(row)) for row in rows}


async def cards_of(connection: AsyncConnection, customers: Sequence[int], today: date) -> dict[int, Card]:
    """The same, with what a card shows."""
    rows = await connection.execute(_CARDS, {"customers": list(customers), "today": today})
    return {
        row.customer_id: Card(**_named(row), balance=row.balance, currency=row.currency, numbers=row.numbers)
        for row in rows
    }


def _named(row: Row[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Named.__dataclass_fields__}
