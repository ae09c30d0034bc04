"""Who changed what, when (SPEC C19)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from customers.domain.auditing import Asked
from customers.service.customers import get_customer
from customers.service.problems import rules
from customers.store import audit as store
from service_kit.database import reading

_ROWS_TOGETHER = 1000


async def list_audit(asked: Asked, *, after: int, limit: int) -> list[dict[str, Any]]:
    """What was changed, some at a time. Raises Problem: 404 where there is no such customer, 422 for odd days."""
    with rules():
        asked.check()
    if asked.customer_id is not None:
        await get_customer(asked.customer_id)
    async with reading() as connection:
        return await store.list_audit(connection, asked, after=after, limit=limit)


async def all_audit(asked: Asked) -> AsyncIterator[list[dict[str, Any]]]:
    """All of it, some at a time. Raises as `list_audit`."""
    after = 0
    while found := await list_audit(asked, after=after, limit=_ROWS_TOGETHER):
        yield found
        after = found[-1]["audit_id"]
