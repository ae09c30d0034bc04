"""Dead letters: what is in a `<topic>.<group>.dlq`, and sending it back to `<topic>.<group>.retry`.

Never to the shared topic, where every other group would get it again. A replay is remembered by the group
`<topic>.<group>.dlq.replay`, so that what was replayed once is not replayed again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from service_kit.kafka.admin import beginning_offsets, dead_letter_topic, end_offsets, retry_topic, topic_names
from service_kit.kafka.clients import make_consumer, make_producer
from service_kit.kafka.delivery import ERROR_HEADERS
from service_kit.kafka.records import header_text


@dataclass(frozen=True)
class DeadLetter:
    """One record put aside: where it came from, what it was, why it failed."""

    id: str
    type: str
    original: str
    error: str
    service: str
    time: str
    partition: int
    offset: int
    replayed: bool
    record: ConsumerRecord[Any, Any]


async def dead_letter_topics(*, kafka: str | None = None) -> list[str]:
    """The dead-letter topics that hold anything."""
    names = sorted(name for name in await topic_names(kafka=kafka) if name.endswith(".dlq"))
    return [name for name in names if await _held(name, kafka)]


async def _held(name: str, kafka: str | None) -> bool:
    first, end = await beginning_offsets(name, kafka=kafka), await end_offsets(name, kafka=kafka)
    return any(end[partition] > first[partition] for partition in end)


async def read(name: str, *, kafka: str | None = None) -> AsyncIterator[DeadLetter]:
    """Every record kept in a dead-letter topic, oldest first in each partition, up to its end as it is now."""
    ends = await end_offsets(name, kafka=kafka)
    consumer = make_consumer(group=f"{name}.replay", kafka=kafka)
    await consumer.start()
    try:
        for partition, end in sorted(ends.items()):
            async for letter in _read_partition(consumer, TopicPartition(name, partition), end):
                yield letter
    finally:
        await consumer.stop()


async def _read_partition(consumer: AIOKafkaConsumer, where: TopicPartition, end: int) -> AsyncIterator[DeadLetter]:
    consumer.assign([where])
    replayed = await consumer.committed(where) or 0
    await consumer.seek_to_beginning(where)
    while await consumer.position(where) < end:
        for record in (await consumer.getmany(where, timeout_ms=500)).get(where, []):
            if record.offset < end:
                yield _letter(record, record.offset < replayed)


def _letter(record: ConsumerRecord[Any, Any], replayed: bool) -> DeadLetter:
    headers = header_text(record.headers)
    origin = (headers.get(f"x-original-{part}", "?") for part in ("topic", "partition", "offset"))
    return DeadLetter(
        id=headers.get("ce_id", ""),
        type=headers.get("ce_type", ""),
        original="/".join(origin),
        error=f"{headers.get('x-error-type', '?')}: {headers.get('x-error', '?')}",
        service=headers.get("x-error-service", ""),
        time=headers.get("x-error-time", ""),
        partition=record.partition,
        offset=record.offset,
        replayed=replayed,
        record=record,
    )


async def replay(topic: str, group: str, *, event_id: str | None = None, kafka: str | None = None) -> int:
    """Send a group's dead letters of a topic to its retry topic.

    Args:
        topic: the shared topic they came from.
        group: the consumer group that put them aside.
        event_id: only this event, also if it was replayed before; otherwise all not replayed yet.
        kafka: brokers, else FARTHING_KAFKA.

    Returns: how many were sent.
    """
    name = dead_letter_topic(topic, group)
    producer = make_producer(kafka=kafka)
    await producer.start()
    sent, passed = 0, {}
    try:
        async for letter in read(name, kafka=kafka):
            wanted = letter.id == event_id if event_id else not letter.replayed
            if wanted:
                await _send_back(producer, retry_topic(topic, group), letter)
                sent += 1
            passed[TopicPartition(name, letter.partition)] = letter.offset + 1
    finally:
        await producer.stop()
    if passed and event_id is None:
        await _remember(name, passed, kafka)
    return sent


async def _send_back(producer: Any, topic: str, letter: DeadLetter) -> None:
    headers = [(key, value) for key, value in letter.record.headers if key not in ERROR_HEADERS]
    await producer.send_and_wait(topic, letter.record.value, letter.record.key, headers=headers)


async def _remember(name: str, passed: dict[TopicPartition, int], kafka: str | None) -> None:
    consumer = make_consumer(group=f"{name}.replay", kafka=kafka)
    await consumer.start()
    try:
        consumer.assign(list(passed))
        await consumer.commit(passed)
    finally:
        await consumer.stop()
