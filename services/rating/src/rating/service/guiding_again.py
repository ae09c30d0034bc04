"""Guiding usage again when its number has changed hands or its customer's status has (SPEC R3, Z7, Z9).

Only whose a call is is asked again, not its price: a call that stays where it was keeps the charge it has. A call that
goes becomes another's, or stands in suspense; unbilled it leaves no line, billed it is taken off its bill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from sqlalchemy import RowMapping

from rating.domain.cdr import columns_of
from rating.domain.changes import HandsChanged
from rating.domain.judging import judge
from rating.domain.verdicts import Held, Rated, verdict
from rating.service import adjusting
from rating.service.events import reversed_event
from rating.service.moving import counted, store_held, store_usage
from rating.service.pictures import pictures
from rating.store import closes, counts, gate, outcomes, unbilled
from rating.store import guiding_again as store
from rating.store.outcomes import Row
from service_kit.database import Transaction, transaction
from service_kit.faults import crash_point

BATCH = 2_000
_REQUESTS = 200


async def request(
    tx: Transaction, generation: int, *, hands: Sequence[HandsChanged], customers: Mapping[int, date]
) -> None:
    """Have usage that a change concerns guided again, once its transaction is committed.

    Args:
        tx: the change's own transaction, which has passed the gate alone.
        generation: the one that the change made.
        hands: the numbers whose holders have changed.
        customers: from which day on a customer's status has changed.
    """
    days = {(customer_id, ""): day for customer_id, day in customers.items()}
    holders = await store.holders_of(tx.connection, {each.number for each in hands})
    for change in hands:
        for customer_id in holders[change.number] - {change.newcomer}:
            key = (customer_id, change.number)
            days[key] = min(change.day, days.get(key, change.day))
    await store.add_requests(tx.connection, generation, days)


async def guide_again_next(batch: int = BATCH) -> bool:
    """Guide the next usage again. Returns whether there was a request that could be worked off.

    A customer with an open close waits: nobody can say yet whether what it covers is billed. No close is made
    meanwhile.
    """
    async with transaction() as tx:
        if not await gate.only_one(tx.connection, store.GUIDING_LOCK):
            return False
        await closes.let_none_be_made(tx.connection)
        requests = await store.next_requests(tx.connection, _REQUESTS)
        if not requests:
            return False
        generation = await gate.pass_shared(tx.connection)
        rows = await store.concerned(tx.connection, requests, batch)
        if len(rows) == batch and len(requests) > 1:
            requests = requests[:1]  # too many for one step: the first request alone, in several
            rows = await store.concerned(tx.connection, requests, batch)
        billed = {row["close_id"] for row in rows} - {None}
        if not await store.still_billed(tx.connection, billed):
            return True  # an invoice was unapproved this moment
        await _guide_again(tx, list({row["usage_id"]: row for row in rows}.values()), generation)
        if len(rows) == batch:
            await store.advance(tx.connection, requests[0], rows[-1])
        else:
            await store.remove_requests(tx.connection, requests)
            await adjusting.tell(tx, sorted({each.customer_id for each in requests}))
        crash_point("rating.guided-again")
        return True


async def _guide_again(tx: Transaction, rows: Sequence[RowMapping], generation: int) -> None:
    holders = await _allocated_to(tx, rows)
    picture = await pictures.at(tx.connection, generation)
    calls = columns_of([outcomes.cdr_of(row) for row in rows])
    judged = judge(calls, picture, allocated_to=np.array(holders, dtype=np.int64))
    told = [verdict(calls, judged, picture, index) for index in range(len(rows))]
    moved = [(row, each) for row, each in zip(rows, told, strict=True) if _goes(row, each)]
    if not moved:
        return
    gone = [row for row, _ in moved]
    await adjusting.take_off(tx, [(dict(row), _why(each)) for row, each in moved if row["close_id"] is not None])
    await unbilled.note_changed(tx.connection, {row["customer_id"] for row in gone if row["close_id"] is None})
    await store.remove_usage(tx.connection, gone)
    await counts.add(tx.connection, counts.BY_HAND, counted([dict(row) for row in gone], -1))
    await tx.publish_many([reversed_event(dict(row), _why(each)) for row, each in moved])
    await store_usage(tx, [_usage_row(row, each, generation) for row, each in moved if isinstance(each, Rated)])
    await store_held(tx, [_held_row(row, each, generation) for row, each in moved if isinstance(each, Held)])


async def _allocated_to(tx: Transaction, rows: Sequence[RowMapping]) -> list[int]:
    """SPEC Z7, C14: who may keep each call; of a customer whom a run dropped nothing unbilled stays, on any day."""
    settled = await store.settled(tx.connection, {row["customer_id"] for row in rows})
    return [0 if row["close_id"] is None and row["customer_id"] in settled else row["customer_id"] for row in rows]


def _goes(row: RowMapping, told: Rated | Held) -> bool:
    """Whether the call is somebody else's, or nobody's, now. One that would only be unpriced keeps its price."""
    return (row["customer_id"], row["number_id"]) != (told.customer_id, told.number_id)


def _why(told: Rated | Held) -> str:
    return told.detail if isinstance(told, Held) else f"the number is customer {told.customer_id}'s on that day"


def _usage_row(row: RowMapping, told: Rated, generation: int) -> Row:
    """The reversal has the revision in between."""
    cdr = outcomes.cdr_of(row)
    return outcomes.usage_row(row["usage_id"], row["revision"] + 2, told, cdr, row["received_on"], generation)


def _held_row(row: RowMapping, told: Held, generation: int) -> Row:
    cdr = outcomes.cdr_of(row)
    return outcomes.held_row(row["usage_id"], row["revision"] + 2, told, cdr, row["received_on"], generation)
