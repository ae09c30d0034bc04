"""Reads `usage.rated` as another system would: an ordinary Kafka client, and what the AsyncAPI page says."""

from __future__ import annotations

import json
from decimal import Decimal

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

TOPIC = "usage.rated"
TIMEOUT_SECONDS = 30.0


def usage_published(kafka: str, isolation: str = "read_committed") -> dict[int, Decimal]:
    """Every usage on the topic: its charge in pounds by usage id.

    Raises:
        AssertionError: the same revision of a usage is there twice.
        TimeoutError: the broker does not give its records.
    """
    settings = {"group.id": "published", "enable.partition.eof": True, "isolation.level": isolation}
    consumer = Consumer({"bootstrap.servers": kafka, **settings})
    try:
        partitions = sorted(consumer.list_topics(TOPIC, timeout=TIMEOUT_SECONDS).topics[TOPIC].partitions)
        return {
            usage_id: charge
            for partition in partitions
            for usage_id, charge in _of_partition(consumer, partition).items()
        }
    finally:
        consumer.close()


def _of_partition(consumer: Consumer, partition: int) -> dict[int, Decimal]:
    consumer.assign([TopicPartition(TOPIC, partition, OFFSET_BEGINNING)])
    found: dict[int, Decimal] = {}
    while (record := consumer.poll(TIMEOUT_SECONDS)) is not None:
        error = record.error()
        if error is not None and error.code() == KafkaError._PARTITION_EOF:
            return found
        assert error is None, error
        value = json.loads(record.value() or b"")
        assert value["usage_id"] not in found, f"published twice: {value}"
        found[value["usage_id"]] = Decimal(value["charge"])
    raise TimeoutError(f"{TOPIC} partition {partition}: no record and no end within {TIMEOUT_SECONDS} s")
