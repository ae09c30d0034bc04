"""Events as batches of Kafka, within the transaction that their producer has begun."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from contracts.topics import USAGE_EXCEPTIONS, USAGE_RATED
from rating.batches import Outgoing, Records, batches_of
from rating.service.storing import Events
from service_kit import clock
from service_kit.kafka import LARGEST_PACKED_BYTES, PackedBatch, partition_for

_PARTITIONS_KEPT = 500_000

Sent: TypeAlias = Awaitable[Any]
"""What is known once the broker has a batch."""


async def send_events(producer: AIOKafkaProducer, events: Events) -> None:
    """Send events, in their order per partition."""
    now_ms = int(clock.wall_now().timestamp() * 1000)
    await asyncio.gather(
        *await _send_usage(producer, events.usage, now_ms), *await _send_exceptions(producer, events.exceptions, now_ms)
    )


async def _send_usage(producer: AIOKafkaProducer, records: Records, now_ms: int) -> list[Sent]:
    partitions = _partitions(len(await producer.partitions_for(USAGE_RATED)))
    sent = []
    for batch in batches_of(records, partitions.__getitem__, LARGEST_PACKED_BYTES):
        packed = PackedBatch(batch.records, batch.count, now_ms)
        sent.append(await producer.send_batch(packed, USAGE_RATED, partition=batch.partition))
    return sent


async def _send_exceptions(producer: AIOKafkaProducer, messages: Sequence[Outgoing], now_ms: int) -> list[Sent]:
    """These are few, and of many kinds."""
    partitions = len(await producer.partitions_for(USAGE_EXCEPTIONS))
    members: dict[int, list[Outgoing]] = {}
    for message in messages:
        members.setdefault(partition_for(message[0].decode(), partitions), []).append(message)
    return [
        await producer.send_batch(batch, USAGE_EXCEPTIONS, partition=number)
        for number, mine in members.items()
        for batch in _built(producer, mine, now_ms)
    ]


def _built(producer: AIOKafkaProducer, messages: Sequence[Outgoing], now_ms: int) -> Iterator[BatchBuilder]:
    """Messages of one partition in as few batches as they need."""
    batch = producer.create_batch()
    for key, value, headers in messages:
        if batch.append(timestamp=now_ms, key=key, value=value, headers=headers) is not None:
            continue
        yield batch
        batch = producer.create_batch()
        if batch.append(timestamp=now_ms, key=key, value=value, headers=headers) is None:
            raise ValueError(f"an event of {len(value)} bytes does not fit into a batch")
    yield batch


class _Partitions(dict[int, int]):
    """Customers' partitions of a topic, each worked out once; forgotten when they are too many."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def __missing__(self, customer_id: int) -> int:
        if len(self) >= _PARTITIONS_KEPT:
            self.clear()
        partition = self[customer_id] = partition_for(customer_id, self.count)
        return partition


_partitions = lru_cache(maxsize=4)(_Partitions)
"""By the number of partitions, which may grow."""
