"""The audit log (SPEC C19)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.audit import Trace
from customers.domain.auditing import Asked
from customers.store.rows import insert_all
from customers.store.tables import audit


async def write_audit(connection: AsyncConnection, traces: Iterable[Trace], *, actor: str, at: datetime) -> None:
    """Keep who changed what, when (business time)."""
    await insert_all(connection, audit, [{**vars(trace), "actor": actor, "at": at} for trace in traces])


async def list_audit(connection: AsyncConnection, asked: Asked, *, after: int, limit: int) -> list[dict[str, Any]]:
    """What was changed, in the order asked for; `after` is the last audit id seen, 0 for none."""
    statement = select(audit).where(*_conditions(asked)).limit(limit)
    if asked.newest_first:
        statement = statement.order_by(audit.c.audit_id.desc())
        statement = statement.where(audit.c.audit_id < after) if after else statement
    else:
        statement = statement.order_by(audit.c.audit_id).where(audit.c.audit_id > after)
    return [dict(row) for row in (await connection.execute(statement)).mappings()]


def _conditions(asked: Asked) -> Iterator[ColumnElement[bool]]:
    yield audit.c.customer_id.is_(None) if asked.customer_id is None else audit.c.customer_id == asked.customer_id
    for name in ("entity", "entity_id", "field", "actor"):
        if getattr(asked, name) is not None:
            yield audit.c[name] == getattr(asked, name)
    if asked.since is not None:
        yield audit.c.at >= asked.since
    if asked.until is not None:
        yield audit.c.at < asked.until
    if asked.text:
        part = json.dumps(asked.text, ensure_ascii=False)[1:-1]
        yield or_(*(cast(audit.c[name], Text).icontains(part, autoescape=True) for name in ("old", "new")))
