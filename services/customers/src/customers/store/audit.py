"""The audit log (SPEC C19)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.audit import Trace
from customers.store.rows import insert_all
from customers.store.tables import audit


async def write_audit(connection: AsyncConnection, traces: Iterable[Trace], *, actor: str, at: datetime) -> None:
    """Keep who changed what, when (business time)."""
    await insert_all(connection, audit, [{**vars(trace), "actor": actor, "at": at} for trace in traces])


async def list_audit(connection: AsyncConnection, customer_id: int, *, after: int, limit: int) -> list[dict[str, Any]]:
    """What was changed on a customer, the oldest first; `after` is the last audit id seen."""
    found = await connection.execute(
        select(audit)
        .where(audit.c.customer_id == customer_id, audit.c.audit_id > after)
        .order_by(audit.c.audit_id)
        .limit(limit)
    )
    return [dict(row) for row in found.mappings()]
