"""Values to `cdr.received` in whole batches: record by record costs more than reading them does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaProducer

from contracts.topics import CDR_RECEIVED
from service_kit import clock
from service_kit.kafka import partition_for

_partition_for = lru_cache(maxsize=200_000)(partition_for)


async def send_values(producer: AIOKafkaProducer, values: Iterable[tuple[str, bytes]]) -> None:
    """Send values, and wait until all replicas have them.

    Args:
        producer: started; in a transaction, if it is a transactional one.
        values: key (the charged number, a hint for the partition) and JSON value of each record, far below the
            largest batch.
    """
    partitions = len(await producer.partitions_for(CDR_RECEIVED))
    now_ms = int(clock.wall_now().timestamp() * 1000)
    building: dict[int, Any] = {}
    sent = []
    for key, value in values:
        partition = _partition_for(key, partitions)
        message = {"key": key.encode(), "value": value, "timestamp": now_ms}
        if partition in building:
            if building[partition].append(**message) is not None:
                continue
            sent.append(await producer.send_batch(building[partition], CDR_RECEIVED, partition=partition))
        building[partition] = producer.create_batch()
        building[partition].append(**message)
    for partition, batch in building.items():
        sent.append(await producer.send_batch(batch, CDR_RECEIVED, partition=partition))
    await asyncio.gather(*sent)
