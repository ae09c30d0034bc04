"""Erasing customers: bounded steps, confirmed once, and nothing slips in behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from confluent_kafka.admin import AdminClient, ConfigResource
from tests.service_kit import toy

from contracts.customers import CustomerErased
from contracts.topics import TOPICS
from service_kit.database import Database, Transaction, reading, transaction
from service_kit.erasures import admitted, begin, erase_next, erased_among
from service_kit.kafka.admin import COMPACTED_WITHIN_MS

ERASED_AT = datetime(2025, 6, 1, tzinfo=UTC)


async def test_a_customer_is_erased_in_bounded_steps_and_confirmed_when_nothing_is_left(database: Database) -> None:
    """C17: every service erases all data of the customer and confirms, once."""
    await _ticks(1, range(7))
    await _ticks(2, range(7, 9))
    await _erased(1)
    left = []
    while await erase_next("toy", [_erase_ticks], rows=3):
        left.append(await _count(toy.tick))
    assert left == [6, 3, 2]
    assert await _told() == [("erasure.confirmed", 1, "toy")]


async def test_an_erasure_that_comes_again_does_nothing(database: Database) -> None:
    """C17: events come at least once."""
    await _erased(1)
    assert await erase_next("toy", [_erase_ticks])
    assert await _erased(1) == set()
    assert not await erase_next("toy", [_erase_ticks])
    assert len(await _told()) == 1


async def test_the_answers_about_an_erased_customer_are_forgotten(database: Database) -> None:
    """C17: what was answered under an idempotency key goes too; others' answers stay."""
    await _answered("/customers/12/notes", b"{}")
    await _answered("/payments", b'{"payment_id":5,"customer_id":12,"amount":"1.00"}')
    await _answered("/payments?x=1", b'{"payment_id":5,"customer_id":12}')
    await _answered("/customers/125/notes", b'{"customer_id":125}')
    await _erased(12)
    await erase_next("toy", [])
    async with reading() as connection:
        assert (await connection.scalars(sa.select(toy.kit.request_key.c.target))).all() == ["/customers/125/notes"]


async def test_what_was_admitted_is_kept_before_the_erasure_begins(database: Database) -> None:
    """C17: an event that is being taken in is finished first, so that its rows are erased; a later one is dropped."""
    async with transaction() as tx:
        assert await admitted(tx.connection, [1, 2]) == {1, 2}
        erasing = asyncio.create_task(_erased(1))
        done, _ = await asyncio.wait([erasing], timeout=0.3)
        assert not done
    assert await erasing == {1}
    async with transaction() as tx:
        assert await admitted(tx.connection, [1, 2]) == {2}
        assert await erased_among(tx.connection, [1, 2]) == {1}


async def test_topics_forget_within_stated_days(kafka: str) -> None:
    """C17: no topic is kept longer than its retention and a day; what is replaced on a compacted one goes in a week."""
    day_ms = 86_400_000
    for topic in TOPICS:
        settings = await _settings(kafka, topic.name)
        if topic.retention is None:
            assert settings["cleanup.policy"] == "compact"
            assert int(settings["max.compaction.lag.ms"]) == COMPACTED_WITHIN_MS == 7 * day_ms
        else:
            assert settings["cleanup.policy"] == "delete"
            assert int(settings["retention.ms"]) == topic.retention.total_seconds() * 1000
            assert int(settings["segment.ms"]) == day_ms


async def _settings(kafka: str, topic: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    admin = AdminClient({"bootstrap.servers": kafka})
    found = await asyncio.to_thread(admin.describe_configs([resource])[resource].result, 15)
    return {name: entry.value for name, entry in found.items()}


async def _erase_ticks(tx: Transaction, customer_id: int, rows: int) -> int:
    some = sa.select(toy.tick.c.n).where(toy.tick.c.customer_id == customer_id).limit(rows)
    return (await tx.connection.execute(toy.tick.delete().where(toy.tick.c.n.in_(some)))).rowcount


async def _erased(customer_id: int) -> set[int]:
    async with transaction() as tx:
        return await begin(tx.connection, [CustomerErased(customer_id=customer_id, version=3, erased_at=ERASED_AT)])


async def _ticks(customer_id: int, numbers: Sequence[int]) -> None:
    async with transaction() as tx:
        rows = [{"n": n, "customer_id": customer_id} for n in numbers]
        await tx.connection.execute(toy.tick.insert().values(rows))


async def _answered(target: str, body: bytes) -> None:
    values = {"principal": "ann", "key": target, "method": "POST", "target": target, "body_sha256": b"", "status": 201}
    async with transaction() as tx:
        await tx.connection.execute(toy.kit.request_key.insert().values(**values, headers={}, body=body))


async def _count(table: sa.Table) -> int:
    async with reading() as connection:
        return (await connection.scalar(sa.select(sa.func.count()).select_from(table))) or 0


async def _told() -> list[tuple[str, int, str]]:
    async with reading() as connection:
        rows = await connection.execute(sa.select(toy.kit.outbox.c.type, toy.kit.outbox.c.payload))
        return [(row.type, row.payload["customer_id"], row.payload["service"]) for row in rows]
