"""Which customers are due for their annual increase (SPEC C12)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

from contracts.reference import StatusFlags
from customers.config import settings
from customers.domain.annual import Due, check_window
from customers.domain.prices import check_day
from customers.domain.reference import STATUSES
from customers.service.problems import rules
from customers.store.annual import list_due
from customers.store.reference import list_entries
from service_kit import clock
from service_kit.database import reading
from service_kit.http import NotFound

_ROWS_TOGETHER = 1000


async def list_annual_increases(first: date, last: date, *, after: int, limit: int) -> list[Due]:
    """Customers by id, after one, whose annual increase falls into a window, both days included.

    Raises:
        Problem: 404 where the module is off, 422 where the window ends before it begins or is longer than a year.
    """
    check_module()
    with rules():
        check_window(check_day(first, "from"), check_day(last, "to"))
    async with reading() as connection:
        statuses = await list_entries(connection, STATUSES)
        dropped = [
            each.code for each in statuses if isinstance(each.attributes, StatusFlags) and each.attributes.dropped
        ]
        return await list_due(connection, first, last, today=clock.today(), dropped=dropped, after=after, limit=limit)


async def all_annual_increases(first: date, last: date) -> AsyncIterator[list[Due]]:
    """All of them, some at a time. Raises as `list_annual_increases`."""
    after = 0
    while page := await list_annual_increases(first, last, after=after, limit=_ROWS_TOGETHER):
        yield page
        after = page[-1].customer_id


def check_module() -> None:
    """Raises NotFound where the module of annual increases is switched off."""
    if not settings().annual_increases:
        detail = "annual increases are switched off here: set FARTHING_ANNUAL_INCREASES=true to have them"
        raise NotFound(detail, type="module-off", title="Module switched off")
