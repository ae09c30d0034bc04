"""Erasing a customer (SPEC C17): at once no call is its any more; what is kept of it then goes step by step.

Records that were received stay counted, by source, day and outcome (SPEC R3), and their ids stay taken, as hashes that
name nobody (SPEC R1). A call that arrives later is one of a number that nobody has.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.base import Event
from contracts.customers import CustomerErased
from rating.store import erasing as store
from rating.store import gate
from service_kit import clock, erasures
from service_kit.database import Transaction, transaction

SERVICE = "rating"
Erase = Callable[[AsyncConnection, int, int], Awaitable[int]]


async def let_go(tx: Transaction, events: Sequence[Event]) -> list[Event]:
    """Take note of customers that are erased. Returns the events that are about others, or about nobody."""
    gone = await erasures.begin(tx.connection, [each for each in events if isinstance(each, CustomerErased)])
    if gone:
        await store.leave(tx.connection, gone, await gate.pass_alone(tx.connection))
    about = {each.customer_key() for each in events} - {None}
    erased = await erasures.erased_among(tx.connection, [each for each in about if each is not None])
    return [each for each in events if each.customer_key() not in erased]


async def erase_next(rows: int = erasures.ROWS) -> bool:
    """Erase the next rows of a customer, or confirm. Returns whether there was one to be erased."""
    return await erasures.erase_next(SERVICE, PARTS, rows)


async def forget_files(kept: timedelta, rows: int = 100) -> bool:
    """Forget the next contents of published files that were kept long enough. Returns whether there were any."""
    async with transaction() as tx:
        return await store.forget_files(tx.connection, clock.now(), kept, rows) > 0


async def _apart(erase: Erase, tx: Transaction, customer_id: int, rows: int) -> int:
    return await erase(tx.connection, customer_id, rows)


async def _of_customer(table: str, tx: Transaction, customer_id: int, rows: int) -> int:
    return await store.of_customer(tx.connection, table, customer_id, rows)


async def _of_closes(table: str, tx: Transaction, customer_id: int, rows: int) -> int:
    return await store.of_closes(tx.connection, table, customer_id, rows)


async def _holders(tx: Transaction, customer_id: int, rows: int) -> int:
    """The gate, so that nobody reads who holds numbers meanwhile: a worker that had not read yet that these left would
    keep them in memory for ever."""
    if not await store.note_forgotten(tx.connection, customer_id):
        return 0
    await gate.pass_alone(tx.connection)
    return await store.of_customer(tx.connection, "assignment", customer_id, rows)


OF_CLOSES = ("close_fallback", "close_discount", "close_draw")
OF_CUSTOMERS = (
    *("usage_taken_off", "usage_adjustment", "usage_close", "close_request", "reguide_request"),
    *("unbilled_total", "unbilled_change", "feature", "number", "customer"),
)
PARTS: tuple[erasures.Part, ...] = (
    partial(_apart, store.usage),
    partial(_apart, store.held),
    partial(_apart, store.suspended),
    partial(_apart, store.rejected),
    partial(_apart, store.retries),
    *(partial(_of_closes, table) for table in OF_CLOSES),
    *(partial(_of_customer, table) for table in OF_CUSTOMERS),
    _holders,
)
"""All that is kept of a customer, in the order in which it goes: its numbers last, by which the rest is found."""
