"""The cut of a billing run: a marker lies behind every change committed before the run was requested."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import TopicPartition
from tests.customers.integration.waiting import until
from tests.support.platform import unique

from contracts.billing import BillingRunRequested
from contracts.customers import CustomerUpdated
from contracts.topics import BILLING, CUSTOMERS, REFERENCE
from customers.consumers import on_billing, subscribe
from customers.domain.events import customer_state
from customers.domain.opening import Opening
from customers.domain.reference import STATUS_REASONS, Entry
from customers.service.markers import Partitions, mark_runs
from customers.service.opening import open_one
from customers.service.reference import save_entry
from service_kit import clock
from service_kit.database import Database, transaction
from service_kit.kafka import Received, Subscriptions, end_offsets, make_consumer, make_producer, partitions_of
from service_kit.kafka.records import cloud_headers
from service_kit.outbox import Relay

MARKERS = ("run.marker", "reference.run.marker")


def requested(run_id: int | None = None) -> Received:
    run = BillingRunRequested(
        run_id=run_id or secrets.randbelow(2**40) + 1,
        version=2,
        state="requested",
        bill_to=date(2025, 1, 31),
        invoice_date=date(2025, 2, 1),
    )
    return Received(uuid4(), run.event_type, BILLING, 0, 0, run)


async def test_every_partition_of_both_topics_gets_one_marker(database: Database, outbox: Any) -> None:
    """DESIGN, the cut"""
    run = requested(9)
    await mark_runs([run], Partitions(customers=3, reference=2))
    rows = await outbox(*MARKERS)
    placed = [(row["aggregatetype"], row["partition"], row["payload"]["partitions"]) for row in rows]
    assert placed == [(CUSTOMERS, 0, 3), (CUSTOMERS, 1, 3), (CUSTOMERS, 2, 3), (REFERENCE, 0, 2), (REFERENCE, 1, 2)]
    assert {row["payload"]["run_id"] for row in rows} == {9}


async def test_a_request_that_comes_again_is_answered_once(database: Database, outbox: Any) -> None:
    run, other = requested(), requested()
    await asyncio.gather(*(mark_runs([run], Partitions(2, 1)) for _ in range(4)))
    await mark_runs([run, other], Partitions(2, 1))
    assert len(await outbox(*MARKERS)) == 2 * 3


async def test_markers_lie_behind_all_that_was_committed_before_the_request(
    database: Database, kafka: str, monkeypatch: pytest.MonkeyPatch, outbox: Any
) -> None:
    """DESIGN, the cut: also while a transaction that began earlier is open and holds lower numbers in the outbox."""
    monkeypatch.setenv("FARTHING_KAFKA", kafka)
    partitions = Partitions(await partitions_of(CUSTOMERS), await partitions_of(REFERENCE))
    starts = {topic: await end_offsets(topic) for topic in (CUSTOMERS, REFERENCE)}
    late = await open_one(Opening(details={"name": "Late"}), "ann")
    async with transaction() as still_open:
        await still_open.publish(customer_state(CustomerUpdated, late.customer, clock.today()))
        changes = [await open_one(Opening(details={"name": f"Early {index}"}), "ann") for index in range(40)]
        for index in range(10):
            await save_entry(Entry(STATUS_REASONS, f"reason_{index}", "Reason"), expected=None, actor="ann")
        run = requested()
        await mark_runs([run], partitions)
        async with relay():
            await until(lambda: _all_sent(outbox, *MARKERS))
    async with relay():
        await until(lambda: _all_sent(outbox))
    read = {topic: await _records(topic, starts[topic]) for topic in (CUSTOMERS, REFERENCE)}
    rows = await outbox()
    before = {row["id"] for row in rows if row["type"] not in (*MARKERS, "customer.updated")}
    markers = {row["id"] for row in rows if row["type"] in MARKERS}
    after = {row["id"] for row in rows if row["type"] == "customer.updated"}
    assert min(row["seq"] for row in rows if row["id"] in after) < min(
        row["seq"] for row in rows if row["id"] in markers
    )
    assert len(changes) + 1 + 10 < len(before)
    for topic, count in ((CUSTOMERS, partitions.customers), (REFERENCE, partitions.reference)):
        for partition in range(count):
            ids = read[topic][partition]
            [cut] = [place for place, event_id in enumerate(ids) if event_id in markers]
            assert before.isdisjoint(ids[cut:])
            assert after.isdisjoint(ids[:cut])
    everything = {event_id for topic in read.values() for ids in topic.values() for event_id in ids}
    assert before | markers | after <= everything


async def test_a_request_on_the_topic_becomes_markers(
    database: Database, kafka: str, monkeypatch: pytest.MonkeyPatch, outbox: Any
) -> None:
    monkeypatch.setenv("FARTHING_KAFKA", kafka)
    subscriptions = Subscriptions("customers")
    subscriptions.on(BILLING, unique("customers"), on_billing, types=[BillingRunRequested])
    run = requested()
    await subscriptions.start()
    try:
        await _send(run)
        await until(lambda: _marked(outbox, run))
    finally:
        await subscriptions.stop()
    rows = [row for row in await outbox(*MARKERS) if row["payload"]["run_id"] == run.event.run_id]  # type: ignore[attr-defined]
    assert len(rows) == await partitions_of(CUSTOMERS) + await partitions_of(REFERENCE)


def test_the_service_listens_for_runs() -> None:
    subscriptions = Subscriptions("customers")
    subscribe(subscriptions)
    assert (BILLING, "customers", (BillingRunRequested,)) in [
        (each.topic, each.group, each.types) for each in subscriptions.declared
    ]


@asynccontextmanager
async def relay() -> AsyncIterator[None]:
    """The service's relay, while the block runs."""
    stop = asyncio.Event()
    running = asyncio.create_task(Relay("customers").run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def _all_sent(outbox: Any, *types: str) -> bool:
    return all(row["sent_at"] is not None for row in await outbox(*types))


async def _marked(outbox: Any, run: Received) -> bool:
    return any(row["payload"]["run_id"] == run.event.run_id for row in await outbox(*MARKERS))  # type: ignore[attr-defined]


async def _send(run: Received) -> None:
    producer = make_producer()
    await producer.start()
    headers = cloud_headers(
        id=run.id, type=run.type, source="/farthing/invoicing", time=clock.now(), subject=run.event.subject()
    )
    await producer.send_and_wait(
        BILLING, run.event.model_dump_json().encode(), run.event.key().encode(), headers=headers
    )
    await producer.stop()


async def _records(topic: str, starts: dict[int, int]) -> dict[int, list[UUID]]:
    """The ids of the events on each partition of a topic, from these offsets to its end."""
    ends = await end_offsets(topic)
    consumer = make_consumer(group=None)
    await consumer.start()
    found: dict[int, list[UUID]] = {partition: [] for partition in starts}
    try:
        for partition, start in starts.items():
            place = TopicPartition(topic, partition)
            consumer.assign([place])
            consumer.seek(place, start)
            while await consumer.position(place) < ends[partition]:
                for records in (await consumer.getmany(place, timeout_ms=500)).values():
                    found[partition] += [UUID(dict(record.headers)["ce_id"].decode()) for record in records]
    finally:
        await consumer.stop()
    return found
