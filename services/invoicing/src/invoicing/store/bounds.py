"""The bounds beyond which a bill is unusual, and what it is compared with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict, fields
from decimal import Decimal

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.domain.bounds import COMPARED, Bounds
from invoicing.store.course_tables import billing_bounds

_LAST_NETS = text(
    """
    SELECT wanted.customer_id, last.net
    FROM unnest(CAST(:ids AS bigint[])) AS wanted (customer_id)
    CROSS JOIN LATERAL (
        SELECT net FROM invoice
        WHERE invoice.customer_id = wanted.customer_id AND status IN ('approved', 'sent', 'part_paid', 'paid')
            AND run_id IS DISTINCT FROM CAST(:run_id AS bigint)
        ORDER BY invoice_id DESC LIMIT :count
    ) AS last
    """
)


async def bounds(connection: AsyncConnection) -> Bounds:
    """The bounds of this installation."""
    row = (await connection.execute(select(*(billing_bounds.c[each.name] for each in fields(Bounds))))).one()
    return Bounds(**row._asdict())


async def save(connection: AsyncConnection, changed: Bounds) -> None:
    """Change them."""
    await connection.execute(update(billing_bounds).values(**asdict(changed)))


async def last_nets(
    connection: AsyncConnection, customers: Collection[int], count: int = COMPARED, *, but_of_run: int | None = None
) -> dict[int, list[Decimal]]:
    """The nets of the last approved invoices of these customers, the newest first; those of one run left out."""
    found: dict[int, list[Decimal]] = defaultdict(list)
    for row in await connection.execute(_LAST_NETS, {"ids": list(customers), "count": count, "run_id": but_of_run}):
        found[row.customer_id].append(row.net)
    return found
