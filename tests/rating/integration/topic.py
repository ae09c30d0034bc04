"""Reads `cdr.received` as the worker does: committed records only."""

from __future__ import annotations

import json
from typing import Any

from aiokafka import TopicPartition

from contracts.topics import CDR_RECEIVED
from service_kit.kafka import end_offsets, make_consumer


async def ends(kafka: str) -> dict[int, int]:
    """Where the topic ends now; tests share it, so each reads from here on."""
    return await end_offsets(CDR_RECEIVED, kafka=kafka)


async def values_since(kafka: str, start: dict[int, int]) -> list[tuple[str, Any]]:
    """Key and value of every record sent since, in the order of each partition."""
    end = await ends(kafka)
    consumer = make_consumer(group=None, kafka=kafka)
    await consumer.start()
    try:
        partitions = [TopicPartition(CDR_RECEIVED, number) for number in start]
        consumer.assign(partitions)
        for each in partitions:
            consumer.seek(each, start[each.partition])
        found = []
        while True:
            for records in (await consumer.getmany(timeout_ms=300)).values():
                found += [((record.key or b"").decode(), _loaded(record.value)) for record in records]
            places = [await consumer.position(each) for each in partitions]
            if all(place >= end[each.partition] for each, place in zip(partitions, places, strict=True)):
                return found
    finally:
        await consumer.stop()


def _loaded(value: bytes) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value
