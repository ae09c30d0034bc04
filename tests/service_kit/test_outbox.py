"""The outbox and its relay: every committed change is told, once taken in, in order."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from tests.service_kit import toy
from tests.service_kit.conftest import until

from service_kit.database import Database, reading, transaction
from service_kit.errors import ConfigurationError
from service_kit.kafka import make_consumer, partition_for, partitions_of
from service_kit.kafka.records import read_record
from service_kit.outbox import Relay

Spawn = Callable[..., subprocess.Popen[str]]


async def test_an_event_of_a_rolled_back_transaction_is_never_told(database: Database) -> None:
    """DESIGN outbox: the event is a row of the transaction of its change."""
    with pytest.raises(RuntimeError, match="changed my mind"):
        await _publish_and_fail()
    assert await _count(toy.kit.outbox) == 0


async def test_events_are_cloudevents_in_the_partition_of_their_customer(database: Database, topic: str) -> None:
    """E1: headers, key, value and partition are as the documentation says."""
    kind = toy.ticked_on(topic)
    async with transaction() as tx:
        ids = await tx.publish_many(kind(customer_id=customer, n=customer) for customer in range(1, 6))
    records = await _relayed(topic, 5)
    partitions = await partitions_of(topic)
    by_id = {dict(record.headers)["ce_id"].decode(): record for record in records}
    assert set(by_id) == {str(id) for id in ids}
    for customer, id in enumerate(ids, start=1):
        record = by_id[str(id)]
        headers = {name: value.decode() for name, value in record.headers}
        assert record.partition == partition_for(customer, partitions)
        assert record.key == str(customer).encode()
        assert headers["ce_type"] == "toy.ticked"
        assert headers["ce_source"] == "/farthing/toy"
        assert headers["ce_specversion"] == "1.0"
        assert headers["ce_subject"] == str(customer)
        assert headers["content-type"] == "application/json"
        assert kind.model_validate_json(record.value).n == customer


async def test_a_given_partition_is_kept(database: Database, topic: str) -> None:
    """DESIGN a billing run, step 3: one request per partition, its partition set by the relay."""
    async with transaction() as tx:
        for partition in range(toy.PARTITIONS):
            await tx.publish(toy.ticked_on(topic)(customer_id=1, n=partition), partition=partition)
    records = await _relayed(topic, toy.PARTITIONS)
    assert sorted((record.partition, _n(record)) for record in records) == [(p, p) for p in range(toy.PARTITIONS)]


async def test_a_tombstone_is_a_record_without_value_behind_what_its_customer_told_before(
    database: Database, topic: str
) -> None:
    """C17: a compacted topic forgets what it held under a key; readers pass over the record."""
    async with transaction() as tx:
        await tx.publish(toy.ticked_on(topic)(customer_id=4, n=1))
        told = await tx.tombstone(topic, "4/number/9", 4)
    state, tombstone = await _relayed(topic, 2)
    headers = {name: value.decode() for name, value in tombstone.headers}
    assert (tombstone.key, tombstone.value, tombstone.partition) == (b"4/number/9", None, state.partition)
    assert (headers["ce_id"], headers["ce_subject"]) == (str(told), "4/number/9")
    assert read_record(tombstone, topic, {"toy.ticked": toy.ticked_on(topic)}) is None


async def test_a_tombstone_on_a_topic_that_is_not_compacted_is_refused(database: Database) -> None:
    """C17: it would do nothing there; such a topic forgets by its retention."""
    with pytest.raises(ConfigurationError, match="not compacted"):
        async with transaction() as tx:
            await tx.tombstone("billing", "4", 4)


async def test_a_transaction_that_commits_late_with_lower_numbers_is_still_published(
    database: Database, topic: str
) -> None:
    """DESIGN outbox: never a high-water mark, late commits have lower ids."""
    kind = toy.ticked_on(topic)
    async with _relay():
        async with transaction() as late:
            await late.publish(kind(customer_id=1, n=1))
            async with transaction() as quick:
                await quick.publish(kind(customer_id=2, n=2))
            await until(lambda: _sent(1))
        await until(lambda: _sent(2))
    records = await _consumed(topic, 2)
    assert sorted(_n(record) for record in records) == [1, 2]


async def test_an_event_that_cannot_be_sent_holds_back_its_customer_only(database: Database, topic: str) -> None:
    """DESIGN outbox: it is not lost, its customer's order is kept, others go on."""
    kind = toy.ticked_on(topic)
    async with transaction() as tx:
        await tx.publish(kind(customer_id=1, n=1))
        await tx.publish(kind(customer_id=1, n=2, padding="x" * 1_100_000))
        await tx.publish(kind(customer_id=1, n=3))
        await tx.publish_many(kind(customer_id=2, n=n) for n in (4, 5))
    async with _relay():
        await until(lambda: _sent(3))
        async with transaction() as tx:
            await tx.publish(kind(customer_id=2, n=6))
            await tx.publish(kind(customer_id=1, n=7))
        await until(lambda: _sent(4))
    assert sorted(_n(record) for record in await _consumed(topic, 4)) == [1, 4, 5, 6]
    async with reading() as connection:
        waiting = sa.select(toy.kit.outbox.c.payload["n"].as_integer()).where(toy.kit.outbox.c.sent_at.is_(None))
        assert sorted((await connection.execute(waiting)).scalars()) == [2, 3, 7]


async def test_a_second_relay_waits_for_the_first(database: Database, topic: str) -> None:
    """DESIGN outbox: one relay per service; each event is sent once."""
    kind = toy.ticked_on(topic)
    async with _relay(), _relay():
        for n in range(30):
            async with transaction() as tx:
                await tx.publish(kind(customer_id=1, n=n))
        await until(lambda: _sent(30))
    records = await _consumed(topic, 30)
    assert [_n(record) for record in records] == list(range(30))


async def test_sent_events_are_purged_and_unsent_ones_kept(database: Database, topic: str) -> None:
    """DESIGN erasure: sent outbox rows are purged in stated days."""
    async with transaction() as tx:
        await tx.publish_many(toy.ticked_on(topic)(customer_id=1, n=n) for n in range(3))
        old = sa.text("now() - interval '4 days'")
        await tx.connection.execute(toy.kit.outbox.update().where(sa.text("seq = 1")).values(sent_at=old))
        await tx.connection.execute(toy.kit.outbox.update().where(sa.text("seq = 2")).values(sent_at=sa.func.now()))
    async with _relay():
        await until(lambda: _sent(2))
        await until(lambda: _is(2))
    async with reading() as connection:
        kept = await connection.execute(sa.select(toy.kit.outbox.c.seq).order_by(toy.kit.outbox.c.seq))
        assert kept.scalars().all() == [2, 3]


async def test_nothing_is_lost_or_doubled_under_sigkill(database: Database, topic: str, spawn: Spawn) -> None:
    """DESIGN outbox and inbox: change, event and effect agree whatever is killed where; order per customer holds."""
    crashes = {
        "produce": "producer-before-event=0.01,producer-before-commit=0.01,producer-after-commit=0.01",
        "relay": "relay-before-mark=0.1",
        "consume": "consumer-before-effect=0.05,consumer-before-commit=0.05,consumer-after-commit=0.05",
    }
    children = {
        role: spawn(role, topic, FARTHING_CRASH_POINTS=points, FARTHING_INSTANCE="0")
        for role, points in crashes.items()
    }
    await until(lambda: _effects(toy.TICKS), 45)
    assert all(await asyncio.gather(*(_kills(child) for child in children.values()))), "nothing was killed"
    async with reading() as connection:
        rows = (await connection.execute(sa.select(toy.effect).order_by(toy.effect.c.seq))).all()
    assert sorted(row.n for row in rows) == list(range(toy.TICKS))
    for customer in range(1, toy.CUSTOMERS + 1):
        numbers = [row.n for row in rows if row.customer_id == customer]
        assert numbers == sorted(numbers)


async def test_an_event_published_after_the_commit_is_lost_under_sigkill_and_this_is_noticed(
    database: Database, topic: str, spawn: Spawn
) -> None:
    """The broken control of the test above: it must see the events that such a service loses."""
    producer = spawn("produce-after-commit", topic, FARTHING_CRASH_POINTS="producer-after-commit=0.03")
    consumer = spawn("consume", topic)
    await asyncio.to_thread(producer.wait, 30)
    kills = await _kills(producer)
    assert kills > 0
    await until(lambda: _effects(toy.TICKS - kills))
    consumer.terminate()
    await asyncio.to_thread(consumer.wait, 20)
    assert await _count(toy.tick) == toy.TICKS
    assert await _count(toy.effect) == toy.TICKS - kills


async def _publish_and_fail() -> None:
    async with transaction() as tx:
        await tx.publish(toy.Ticked(customer_id=1, n=1))
        raise RuntimeError("changed my mind")


@asynccontextmanager
async def _relay() -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(Relay("toy").run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def _relayed(topic: str, count: int) -> list[Any]:
    async with _relay():
        await until(lambda: _sent(count))
    return await _consumed(topic, count)


async def _consumed(topic: str, count: int) -> list[Any]:
    """Everything on the topic, which must be exactly so many records."""
    consumer = make_consumer(topic, group=None)
    await consumer.start()
    try:
        records: list[Any] = []
        while len(records) < count:
            for batch in (await asyncio.wait_for(consumer.getmany(timeout_ms=5_000), 10)).values():
                records += batch
        assert not await consumer.getmany(timeout_ms=300)
        return records
    finally:
        await consumer.stop()


def _n(record: Any) -> int:
    return toy.Ticked.model_validate_json(record.value).n


async def _count(table: sa.Table) -> int:
    async with reading() as connection:
        return (await connection.scalar(sa.select(sa.func.count()).select_from(table))) or 0


async def _is(count: int) -> bool:
    return await _count(toy.kit.outbox) == count


async def _effects(count: int) -> bool:
    return await _count(toy.effect) >= count


async def _sent(count: int) -> bool:
    async with reading() as connection:
        sent = sa.select(sa.func.count()).select_from(toy.kit.outbox).where(toy.kit.outbox.c.sent_at.is_not(None))
        return (await connection.scalar(sent)) >= count


async def _kills(child: subprocess.Popen[str]) -> int:
    """End a toy and ask how often it was killed."""
    if child.poll() is None:
        child.terminate()
    told, _ = await asyncio.to_thread(child.communicate, None, 30)
    return int(told.rsplit("kills=", 1)[1])
