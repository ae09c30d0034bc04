"""Judging held calls again by itself when something that concerns them has changed (SPEC R3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rating.domain.cdr import columns_of
from rating.domain.judgements import CUSTOMER_DROPPED, NO_ACTIVE_CALL_PLAN, REASONS, STATUS_DOES_NOT_ACCUMULATE
from rating.domain.judging import judge
from rating.domain.verdicts import Held, Rated, verdict
from rating.service.events import exception_event
from rating.service.moving import counted, store_usage
from rating.service.pictures import pictures
from rating.store import counts, gate, held, outcomes
from rating.store.held import Call
from service_kit.database import Transaction, transaction
from service_kit.faults import crash_point

BATCH = 2_000
_REQUESTS = 2_000
_BY_STATUS = {REASONS[CUSTOMER_DROPPED], REASONS[STATUS_DOES_NOT_ACCUMULATE]}
_OF_KNOWN_NUMBERS = {*_BY_STATUS, REASONS[NO_ACTIVE_CALL_PLAN]}


async def request(
    tx: Transaction,
    generation: int,
    *,
    numbers: Collection[str] = (),
    customers: Collection[int] = (),
    everything_unpriced: bool = False,
    held_by_status: bool = False,
    everything: bool = False,
) -> None:
    """Have the held calls that a change concerns judged again, once its transaction is committed.

    Args:
        tx: the change's own transaction, which has passed the gate alone: no call is being stored meanwhile.
        generation: the one that the change made.
        numbers: the digits of E.164 of numbers that changed.
        customers: those that changed; their numbers are concerned too.
        everything_unpriced: a tariff changed.
        held_by_status: what a status does to usage changed. That of a number type is for later calls (SPEC C15).
        everything: whatever is held.
    """
    if everything:
        return await held.add_requests(tx.connection, generation, "everything", [""])
    digits = set(numbers)
    if customers:
        digits |= await held.numbers_of(tx.connection, customers)
        allocated = await held.held_customers(tx.connection, customers)
        await held.add_requests(tx.connection, generation, "customer", map(str, allocated))
    if held_by_status:
        waiting = await held.numbers_held_for(tx.connection, _BY_STATUS)
        await held.add_requests(tx.connection, generation, "number", waiting)
    if digits:
        waiting = await held.held_numbers(tx.connection, digits)
        await held.add_requests(tx.connection, generation, "number", waiting)
    if everything_unpriced:
        await held.add_requests(tx.connection, generation, "unpriced", [""])


async def retry_all() -> None:
    """Have everything judged again that is held."""
    async with transaction() as tx:
        await request(tx, await gate.pass_alone(tx.connection), everything=True)


async def retry_next(batch: int = BATCH) -> bool:
    """Judge the next held calls again that a change concerns.

    Returns: whether there was a request to work off.
    """
    async with transaction() as tx:
        if not await held.only_one(tx.connection):
            return False
        requests = await held.next_requests(tx.connection, _REQUESTS)
        if not requests:
            return False
        generation = await gate.pass_shared(tx.connection)
        calls = await held.concerned(tx.connection, requests, batch)
        if calls:
            await _judge_again(tx, calls, generation)
        if len(calls) < batch:
            await held.remove_requests(tx.connection, requests)
        crash_point("rating.retried")
        return True


async def _judge_again(tx: Transaction, calls: Sequence[Call], generation: int) -> None:
    picture = await pictures.at(tx.connection, generation)
    columns = columns_of([call.cdr for call in calls])
    judged = judge(columns, picture)
    told = [verdict(columns, judged, picture, index) for index in range(len(calls))]
    rated = [(call, each) for call, each in zip(calls, told, strict=True) if isinstance(each, Rated)]
    still = [(call, _kept(call.row, each)) for call, each in zip(calls, told, strict=True) if isinstance(each, Held)]
    await _store_rated(tx, rated, generation)
    await _store_held(tx, still, generation)


async def _store_rated(tx: Transaction, rated: Sequence[tuple[Call, Rated]], generation: int) -> None:
    """Move calls from what is held to what is charged; its new generation keeps it out of cuts taken before."""
    if not rated:
        return
    was = [call.row for call, _ in rated]
    await held.remove(tx.connection, [row["usage_id"] for row in was])
    await counts.add(tx.connection, counts.BY_HAND, counted(was, -1))
    await store_usage(
        tx,
        [
            outcomes.usage_row(row["usage_id"], row["revision"] + 1, each, call.cdr, row["received_on"], generation)
            for row, (call, each) in zip(was, rated, strict=True)
        ],
    )


async def _store_held(tx: Transaction, still: Sequence[tuple[Call, Held]], generation: int) -> None:
    """Calls that stay held: they have a new revision where the reason is another one."""
    if not still:
        return
    rows = [
        outcomes.held_row(
            call.row["usage_id"],
            call.row["revision"] + _differs(call.row, each),
            each,
            call.cdr,
            call.row["received_on"],
            generation,
        )
        for call, each in still
    ]
    await held.judged_again(tx.connection, rows, generation)
    changed = [(call.row, row) for (call, each), row in zip(still, rows, strict=True) if _differs(call.row, each)]
    await counts.add(tx.connection, counts.BY_HAND, counted([before for before, _ in changed], -1))
    await counts.add(tx.connection, counts.BY_HAND, counted([after for _, after in changed]))
    await tx.publish_many([exception_event(after) for _, after in changed])


def _kept(row: Mapping[str, Any], told: Held) -> Held:
    """SPEC C15: a type that ignores traffic is for later calls; what was in suspense of a known number stays there."""
    if told.outcome != "ignored" or row["reason"] not in _OF_KNOWN_NUMBERS:
        return told
    return Held(
        outcome=row["outcome"],
        reason=row["reason"],
        detail=row["detail"],
        customer_id=row["customer_id"],
        number_id=row["number_id"],
        band=row["band"],
        local_date=row["local_date"],
    )


def _differs(before: Mapping[str, Any], after: Held) -> bool:
    known = (before["outcome"], before["reason"], before["customer_id"])
    return known != (after.outcome, after.reason, after.customer_id)
