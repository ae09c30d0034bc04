"""Priced calls: in pages, and as streams of any length."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import date

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.cdr import instant_of, micros_of
from rating.store import streams as store
from rating.store.reports import Rows
from rating.store.streams import Form, Place, Wanted
from rating.store.usage_after import billed_after, unbilled_after
from service_kit.database import reading
from service_kit.http import Invalid, Problem

MOST_STREAMS = 3
"""Streams of a process at a time: each holds a database connection."""
RETRY_AFTER_S = 10
PATIENCE_S = 60.0
"""A reader that takes nothing for so long is given up."""
_NO_USAGE_ID = 2**63
_AHEAD = 2
"""Pieces that are read before they are asked for."""


class UsageStream:
    """Usage on its way out: one piece after the other, while a task of its own reads on in the database.

    Its end is the query's end. `close` it in any case: that ends the query, wherever it stands.
    """

    def __init__(self, wanted: Wanted, form: Form, fields: Sequence[str]) -> None:
        self._pieces: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(_AHEAD)
        self._first: bytes | None = None
        self._reader = asyncio.create_task(self._read(wanted, form, fields))
        _running.add(self._reader)
        self._reader.add_done_callback(_running.discard)

    async def begin(self) -> None:
        """Wait for the first piece, so that what keeps it from being read can still be answered."""
        try:
            self._first = await self._next()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End it; no more than once is needed, and more is harmless."""
        self._reader.cancel()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        piece = self._first
        while piece is not None:
            yield piece
            piece = await self._next()

    async def _next(self) -> bytes | None:
        piece = await self._pieces.get()
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def _read(self, wanted: Wanted, form: Form, fields: Sequence[str]) -> None:
        try:
            async with reading() as connection:
                async for piece in store.copied(connection, wanted, form, fields):
                    await asyncio.wait_for(self._pieces.put(piece), PATIENCE_S)
            await asyncio.wait_for(self._pieces.put(None), PATIENCE_S)
        except Exception as error:
            self._break_off(error)

    def _break_off(self, error: Exception) -> None:
        """Whoever reads is to see that it is not whole."""
        with suppress(asyncio.QueueEmpty):
            while True:
                self._pieces.get_nowait()
        self._pieces.put_nowait(error)


_running: set[asyncio.Task[None]] = set()


async def stream_customer(
    customer_id: int, first: date | None, last: date | None, form: Form, fields: Sequence[str]
) -> UsageStream:
    """A customer's usage between two local days, both included, in the order of start.

    Raises: Problem: 503, as many streams as may run are running.
    """
    return await _begun(Wanted([customer_id], None, first, last), form, fields)


async def stream_number(
    number_id: int, first: date | None, last: date | None, form: Form, fields: Sequence[str]
) -> UsageStream:
    """A number's usage, whoever had it; else as `stream_customer`."""
    async with reading() as connection:
        customers = await store.holders(connection, number_id)
    return await _begun(Wanted(customers, number_id, first, last), form, fields)


async def _begun(wanted: Wanted, form: Form, fields: Sequence[str]) -> UsageStream:
    if len(_running) >= MOST_STREAMS:
        detail = f"{MOST_STREAMS} streams of usage are being read from this process already: try again later"
        raise Problem(503, "busy", "Busy", detail, headers={"Retry-After": str(RETRY_AFTER_S)})
    stream = UsageStream(wanted, form, fields)
    await stream.begin()
    return stream


async def usage_after(customer_id: int, day: date) -> tuple[RowMapping, list[RowMapping]]:
    """SPEC C18, Z9: what an end on a local day would take: the sum of what is unbilled, and the lines of bills."""
    async with reading() as connection:
        unbilled = await unbilled_after(connection, customer_id, day)
        return unbilled, await billed_after(connection, customer_id, day)


async def list_usage(
    customer_id: int, first: date | None, last: date | None, *, after: str | None, limit: int
) -> tuple[Rows, str | None]:
    """A page of a customer's calls between two local days, in the order of start.

    Args:
        after: the `next` of the page before, or the usage id of the last call that was seen.

    Returns: the rows, and where the next page begins; None on the last.

    Raises: Invalid: `after` is neither.
    """
    async with reading() as connection:
        place = await _place(connection, after) if after else None
        rows = await store.page(connection, customer_id, first, last, after=place, limit=limit)
    return rows, _cursor(rows[-1]) if len(rows) == limit else None


def _cursor(row: RowMapping) -> str:
    return f"{row['local_date']}_{micros_of(row['started'])}_{row['usage_id']}"


async def _place(connection: AsyncConnection, after: str) -> Place | None:
    if after == "0":
        return None
    is_usage_id = after.isdecimal() and int(after) < _NO_USAGE_ID
    place = await store.place_of(connection, int(after)) if is_usage_id else _read_cursor(after)
    if place is None:
        detail = f"no page ends at {after}: give the `next` of a page, or begin without `after`"
        raise Invalid(detail, errors=[{"field": "after", "message": detail}])
    return place


def _read_cursor(cursor: str) -> Place | None:
    try:
        day, micros, usage_id = cursor.split("_")
        return date.fromisoformat(day), instant_of(int(micros)), int(usage_id)
    except (ValueError, OverflowError):
        return None
