"""The cut of a billing run: from when on what is stored is not the run's any more (DESIGN "A billing run", 2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from contracts import topics
from contracts.base import Event
from contracts.billing import BillingRunRequested
from contracts.customers import RunMarker
from rating.service.sealing import CUT_BYTES, begin_segment, index_sealed
from rating.store import cuts as store
from rating.store import gate, held
from rating.store import guiding_again as reguided
from service_kit.database import Transaction, reading, transaction
from service_kit.faults import crash_point
from service_kit.kafka import Received, beginning_offsets, end_offsets

CONSUMER = "rating.billing"
MARKED_TOPICS = {topics.CUSTOMERS, topics.REFERENCE}
INPUT_TOPICS = (topics.CDR_RECEIVED, topics.CDR_BACKFILL)


async def take_in_runs(batch: Sequence[Received], kafka: str | None = None) -> None:
    """Note requested runs and where the input ended then.

    Args:
        kafka: brokers, else FARTHING_KAFKA.

    Raises:
        KafkaAway: the ends cannot be asked for; nothing was noted.
    """
    ends = {topic: await _unread_ends(topic, kafka) for topic in INPUT_TOPICS}
    async with transaction() as tx:
        fresh = await tx.take_in(CONSUMER, [each.id for each in batch])
        for each in batch:
            if each.id in fresh and isinstance(each.event, BillingRunRequested):
                await store.put_request(tx.connection, each.event.run_id, each.event.bill_to, ends)


async def _unread_ends(topic: str, kafka: str | None) -> dict[int, int]:
    """The ends of the partitions that hold records; an empty one leaves nothing to wait for."""
    first = await beginning_offsets(topic, kafka=kafka)
    ends = await end_offsets(topic, kafka=kafka)
    return {partition: end for partition, end in ends.items() if end > first.get(partition, 0)}


async def note_markers(tx: Transaction, events: Iterable[Event]) -> None:
    """Note the run markers among these events, in the transaction that applied what stood before them."""
    markers = [each for each in events if isinstance(each, RunMarker)]
    if markers:
        await store.put_markers(tx.connection, markers)


async def untaken_cuts() -> list[int]:
    """The requested runs that have no cut yet."""
    async with reading() as connection:
        return await store.untaken(connection)


async def take_cut(run_id: int) -> bool:
    """Take a run's cut once everything is stored and judged that was there when it was requested.

    That is: its markers have come from every partition, the input is stored past the ends noted, and held calls
    that a change up to then concerns are judged again. What is stored after the cut has a later generation.

    Returns: whether it was taken now.
    """
    async with transaction() as tx:
        cut = await store.lock(tx.connection, run_id)
        if cut is None or not await _has_all(tx, run_id, cut):
            return False
        settled = cut.settled
        if settled is None:
            settled = await gate.generation(tx.connection)
            await store.settle(tx.connection, run_id, settled)
        if await held.requests_up_to(tx.connection, settled) or await reguided.requests_up_to(tx.connection, settled):
            return False
        await store.take(tx.connection, run_id, await _cut(tx))
        crash_point("rating.cut")
    await index_sealed()
    return True


async def _cut(tx: Transaction) -> int:
    """The last generation that is the run's. A large leaf is sealed with it, so that closes find rows by index."""
    before = await begin_segment(tx, CUT_BYTES)
    return await gate.pass_alone(tx.connection) - 1 if before is None else before


async def _has_all(tx: Transaction, run_id: int, cut: store.Waiting) -> bool:
    """Whether the markers are here and the ends passed; once so, it stays so."""
    if cut.settled is not None:
        return True
    if not await store.marked_topics(tx.connection, run_id) >= MARKED_TOPICS:
        return False
    for topic, ends in cut.ends.items():
        stored = await store.stored_positions(tx.connection, topic)
        if any(stored.get(partition, 0) < end for partition, end in ends.items()):
            return False
    return True
