"""Reports about customers (SPEC C1, C10, C13): a page of them, or all of them a page at a time.

All of a report is read in short transactions, one for each page, so that a slow reader holds nothing and a million rows
never are in memory. What changes meanwhile may be in it or not; no row comes twice unless its place in the order moves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.reports import CreditAsked, CreditRow, NotReady, Place, Placed, ReadyAsked, WithoutTariff
from customers.store import reports as store
from service_kit import clock
from service_kit.database import reading

ROWS_TOGETHER = 2_000
_Row = TypeVar("_Row")
Read = Callable[[Place | None, int], Awaitable[list[Placed[_Row]]]]
"""Reads a page of a report: behind a place, so many rows at most."""


def credit(asked: CreditAsked) -> Read[CreditRow]:
    """SPEC C13: every customer's limit, and how far it is used."""

    async def look(connection: AsyncConnection, after: Place | None, limit: int) -> list[Placed[CreditRow]]:
        return await store.list_credit(connection, asked, after=after, limit=limit, today=clock.today())

    return partial(_read, look)


def not_ready(asked: ReadyAsked) -> Read[NotReady]:
    """SPEC C1: the customers that lack something that a first invoice needs."""

    async def look(connection: AsyncConnection, after: Place | None, limit: int) -> list[Placed[NotReady]]:
        return await store.list_not_ready(connection, asked, after=after, limit=limit, today=clock.today())

    return partial(_read, look)


def without_tariff(*, with_partly: bool) -> Read[WithoutTariff]:
    """SPEC C10: the numbers whose calls rating's default tariffs decide about."""

    async def look(connection: AsyncConnection, after: Place | None, limit: int) -> list[Placed[WithoutTariff]]:
        return await store.list_without_tariff(
            connection, after=after, limit=limit, today=clock.today(), with_partly=with_partly
        )

    return partial(_read, look)


async def _read(
    look: Callable[[AsyncConnection, Place | None, int], Awaitable[list[Placed[_Row]]]], after: Place | None, limit: int
) -> list[Placed[_Row]]:
    async with reading() as connection:
        return await look(connection, after, limit)


async def all_pages(read: Read[_Row], together: int = ROWS_TOGETHER) -> AsyncIterator[list[_Row]]:
    """All rows of a report, a page at a time."""
    after: Place | None = None
    while found := await read(after, together):
        yield [each.row for each in found]
        if len(found) < together:
            return
        after = found[-1].place
