"""Waits until rating knows every customer, number and list entry, so that no call is judged by less.

A change made before a call is sent must be known when the call is judged, or the outcome depends on who is faster (a
customer's drop, SPEC Z7). Both ends of the way are public: the compacted topics, and how far a group has read them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from examples.demo.driver.api import wait_until
from examples.demo.driver.intake import client_settings
from examples.demo.driver.screen import Step

CUSTOMERS, REFERENCE = "customers", "reference"
READERS = {CUSTOMERS: "rating.customers", REFERENCE: "rating.reference"}
"""Rating's consumer group on each topic, as its README says."""
ASK_SECONDS = 30.0

Offsets = dict[int, int]


class Told:
    """What stands on the customers' topic so far: the newest version of each customer, and every assignment."""

    def __init__(self, kafka: str) -> None:
        self.offsets: Offsets = {}
        self._versions: dict[int, int] = {}
        self._assignments: set[str] = set()
        self._consumer = _consumer(kafka)
        self._consumer.assign([TopicPartition(CUSTOMERS, each, 0) for each in _partitions(self._consumer, CUSTOMERS)])

    def read(self) -> None:
        """Take in the records that are there."""
        for message in self._consumer.consume(1000, timeout=0.5):
            partition, offset, key = message.partition(), message.offset(), message.key()
            if message.error() is None and partition is not None and offset is not None:
                self.offsets[partition] = offset + 1
                self._note((key or b"").decode(), message.value())

    def has(self, versions: Mapping[int, int], numbers: int) -> bool:
        """Whether every customer stands there with this version or a later one, and so many numbers are assigned."""
        told = all(self._versions.get(customer_id, 0) >= version for customer_id, version in versions.items())
        return told and len(self._assignments) >= numbers

    def close(self) -> None:
        """Leave the brokers."""
        self._consumer.close()

    def _note(self, key: str, value: bytes | None) -> None:
        kind = key.split("/")[1] if "/" in key else ""
        if kind == "assignment":
            self._assignments.add(key)
        elif kind == "customer" and value is not None:
            state: dict[str, Any] = json.loads(value)
            self._versions[state["customer_id"]] = state["version"]


def wait_known(kafka: str, versions: Mapping[int, int], numbers: int, seconds: float, step: Step) -> None:
    """Wait until all customers and numbers are told, and rating has read them and every list entry.

    Args:
        versions: the version of each customer by its id.
        numbers: how many numbers they hold.
    """
    told = Told(kafka)
    try:

        def complete() -> bool:
            told.read()
            return told.has(versions, numbers)

        wait_until("Telling of the customers", complete, seconds)
    finally:
        told.close()
    for topic, offsets in ((CUSTOMERS, told.offsets), (REFERENCE, _ends(kafka, REFERENCE))):
        _wait_read(kafka, topic, offsets, seconds)
    step.note = f"{len(versions):,} customers, {numbers:,} numbers"


def _wait_read(kafka: str, topic: str, offsets: Offsets, seconds: float) -> None:
    admin = AdminClient(client_settings(kafka))
    asked = ConsumerGroupTopicPartitions(READERS[topic], [TopicPartition(topic, number) for number in offsets])

    def passed() -> bool:
        answer = admin.list_consumer_group_offsets([asked])[READERS[topic]].result(ASK_SECONDS)
        read = {each.partition: each.offset for each in answer.topic_partitions}
        return all(read.get(number, 0) >= end for number, end in offsets.items())

    wait_until(f"Reading {topic} in rating", passed, seconds)


def _ends(kafka: str, topic: str) -> Offsets:
    consumer = _consumer(kafka)
    try:
        ends = {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=ASK_SECONDS)[1]
            for number in _partitions(consumer, topic)
        }
    finally:
        consumer.close()
    return {number: end for number, end in ends.items() if end}


def _consumer(kafka: str) -> Consumer:
    settings = {"group.id": "farthing-demo", "enable.auto.commit": False, "isolation.level": "read_committed"}
    return Consumer(client_settings(kafka) | settings)


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    return list(consumer.list_topics(topic, timeout=ASK_SECONDS).topics[topic].partitions)
