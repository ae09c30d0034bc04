"""QuickSearch: customers by criteria, in pages, and all of them for an export (SPEC F2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.listing import Counted, Criteria, ListRow, Order, Place
from customers.service.finding import searching
from customers.service.problems import rules
from customers.store import listing as store
from customers.store.finding import Statuses

_EXPORTED_AT_ONCE = 1_000


@dataclass(frozen=True)
class ListPage:
    """A page of the list; `next` is where the next one begins, None on the last."""

    rows: list[ListRow]
    next: Place | None
    total: Counted


async def list_customers(
    criteria: Criteria, order: Order, *, after: Place | None, limit: int, total: Counted | None = None
) -> ListPage:
    """SPEC F2: a page of the customers that fulfil all criteria.

    Args:
        criteria: what must hold.
        order: how the list is sorted.
        after: the `next` of the page before, None for the first.
        limit: the most rows.
        total: what the page before said, which is not counted again.

    Raises:
        Problem: 422 where a criterion cannot be read, or where they take too long to be looked for.
    """

    async def page(connection: AsyncConnection, statuses: Statuses) -> ListPage:
        with rules():
            criteria.check()
            if total is None:
                rows, counted = await store.list_first(connection, criteria, order, statuses, limit + 1)
            else:
                rows, counted = (
                    await store.list_page(connection, criteria, order, statuses, after, total, limit + 1),
                    total,
                )
        return ListPage(rows[:limit], rows[limit - 1].place if len(rows) > limit else None, counted)

    return await searching(page, by_values=True)


async def export_customers(criteria: Criteria, order: Order) -> AsyncIterator[list[ListRow]]:
    """All customers that fulfil all criteria, some at a time: who is changed meanwhile may move behind the place."""
    after, uncounted = None, Counted(0, exact=False)
    while True:
        page = await list_customers(criteria, order, after=after, limit=_EXPORTED_AT_ONCE, total=uncounted)
        yield page.rows
        if page.next is None:
            return
        after = page.next
