"""Closing the usage of a run's customers, and answering for each (SPEC I4, R5 (3), R7, Z2, Z3)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from itertools import groupby
from typing import Any

from contracts.closing import (
    ControlTotals,
    UsageCloseBilled,
    UsageClosed,
    UsageCloseReleased,
    UsageCloseReopened,
    UsageCloseRequested,
    UsageLine,
)
from contracts.topics import MAX_PART_LINES
from rating.domain.closing import parts_of, pounds, usage_line
from rating.service import discounting, fallback
from rating.store import closes as store
from rating.store import discounts, gate, unbilled
from service_kit.database import Transaction, transaction
from service_kit.faults import crash_point
from service_kit.kafka import Received

CONSUMER = "rating.closing"
GROUP = 500
_PUBLISHED_LINES = 4 * MAX_PART_LINES


async def take_in_closing(batch: Sequence[Received]) -> None:
    """Note requests to close, and what becomes of closes, in their order. Applied twice, nothing changes."""
    async with transaction() as tx:
        fresh = await tx.take_in(CONSUMER, [each.id for each in batch])
        for kind, events in groupby((each.event for each in batch if each.id in fresh), key=type):
            await _NOTE[kind](tx, list(events))


async def _note_requests(tx: Transaction, requests: Sequence[UsageCloseRequested]) -> None:
    await store.put_requests(tx.connection, requests)


async def _bill(tx: Transaction, billed: Sequence[UsageCloseBilled]) -> None:
    closes = await store.bill(tx.connection, billed)
    await unbilled.note_billed(tx.connection, closes)
    await fallback.bill(tx, closes)


async def _release(tx: Transaction, released: Sequence[UsageCloseReleased]) -> None:
    """The calls of a close that another one stands behind already go to the next bill, as if they came now."""
    closes = await store.release(tx.connection, [each.close_id for each in released])
    await fallback.release(tx, closes)
    await discounts.release(tx.connection, closes)
    if later := await store.with_later(tx.connection, closes):
        await store.move_calls(tx.connection, later, await gate.pass_shared(tx.connection))
        await unbilled.note_changed(tx.connection, await store.customers_of(tx.connection, later))


async def _reopen(tx: Transaction, reopened: Sequence[UsageCloseReopened]) -> None:
    """What its fallback markup priced is usage since it was billed, and stays so."""
    closes = await store.reopen(tx.connection, [each.close_id for each in reopened])
    await unbilled.note_changed(tx.connection, await store.customers_of(tx.connection, closes))


_NOTE: dict[type, Callable[[Transaction, Any], Awaitable[None]]] = {
    UsageCloseRequested: _note_requests,
    UsageCloseBilled: _bill,
    UsageCloseReleased: _release,
    UsageCloseReopened: _reopen,
}


async def answer_next(group: int = GROUP) -> bool:
    """Close the usage of the next customers whose run has its cut, and answer for them.

    A customer with a close of another run that is neither billed nor released waits for that one. A customer that
    the run has closed before gets the same answer again.

    Returns: whether there were any.
    """
    async with transaction() as tx:
        if not await store.only_one(tx.connection):
            return False
        run_id, customers = await store.next_requests(tx.connection, group)
        if not customers:
            return False
        before = await store.closed_before(tx.connection, run_id, customers)
        waiting = await _let_wait(tx, run_id, [each for each in customers if each not in before])
        fresh = [each for each in customers if each not in before and each not in waiting]
        new = await store.add_closes(tx.connection, run_id, fresh)
        await fallback.price_unpriced(tx, new)
        await discounting.decide(tx, new)
        await _answer(tx, sorted([*before.values(), *new]), new)
        await store.mark_answered(tx.connection, run_id, [*before, *fresh])
        crash_point("rating.closed")
        return True


async def _let_wait(tx: Transaction, run_id: int, customers: Sequence[int]) -> dict[int, int]:
    """The customers that have to wait, with the close they wait for; it wakes them when it is over."""
    waiting = await store.open_elsewhere(tx.connection, run_id, customers)
    if waiting:
        await store.let_wait(tx.connection, run_id, waiting)
    return waiting


async def _answer(tx: Transaction, close_ids: Sequence[int], new: Sequence[int]) -> None:
    """Publish the parts of these closes, a few thousand lines at a time."""
    parts: list[UsageClosed] = []
    lines = 0
    discounted = await discounts.discounted(tx.connection, close_ids)
    async for part in _parts(tx, await store.gather_lines(tx.connection, close_ids, new, discounted)):
        parts.append(part)
        lines += len(part.lines)
        if lines >= _PUBLISHED_LINES:
            await tx.publish_many(parts)
            parts, lines = [], 0
    await tx.publish_many(parts)


async def _parts(tx: Transaction, closes: Sequence[store.Close]) -> AsyncIterator[UsageClosed]:
    """Every part of these closes, which are in the order of their lines."""
    async with aclosing(store.lines(tx.connection)) as rows:
        for close in closes:
            for part in range(1, parts_of(close.lines) + 1):
                of_part = min(MAX_PART_LINES, close.lines - (part - 1) * MAX_PART_LINES)
                yield _closed(close, part, tuple([usage_line(await anext(rows)) for _ in range(of_part)]))


def _closed(close: store.Close, part: int, lines: tuple[UsageLine, ...]) -> UsageClosed:
    return UsageClosed(
        customer_id=close.customer_id,
        run_id=close.run_id,
        close_id=close.close_id,
        bill_to=close.bill_to,
        generation=close.generation,
        part=part,
        parts=parts_of(close.lines),
        lines=lines,
        totals=ControlTotals(calls=close.calls, seconds=close.seconds, net_exact=pounds(close.net_micro)),
        unpriced=close.unpriced,
    )
