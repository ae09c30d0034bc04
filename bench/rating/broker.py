"""Questions to the broker, asked from where no event loop runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from bench.common.servers import BenchError
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

GROUP = "rating"
_TIMEOUT_S = 15.0
_LEAVES_WITHIN_S = 40.0


class Broker:
    """What the benchmark asks of the broker."""

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._admin = AdminClient({"bootstrap.servers": servers, "log_level": 2})
        self._asking: Any = Consumer(self._settings(GROUP))

    def close(self) -> None:
        """Leave."""
        self._asking.close()

    def _settings(self, group: str) -> dict[str, Any]:
        return {
            "bootstrap.servers": self._servers,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 50,
            "log_level": 2,
        }

    def make_topic(self, topic: str, partitions: int) -> None:
        """Make a topic, before those of the contracts are made."""
        for future in self._admin.create_topics([NewTopic(topic, num_partitions=partitions)]).values():
            future.result(timeout=_TIMEOUT_S)

    def delete_topics(self, *topics: str) -> None:
        """Delete topics, those that are there, and wait until they are gone."""
        known = [topic for topic in topics if topic in self._topics()]
        for future in self._admin.delete_topics(known, operation_timeout=_TIMEOUT_S).values() if known else ():
            future.result(timeout=_TIMEOUT_S)
        deadline = time.monotonic() + _TIMEOUT_S
        while set(known) & set(self._topics()):
            if time.monotonic() > deadline:
                raise BenchError(f"{', '.join(known)} could not be deleted")
            time.sleep(0.1)

    def _topics(self) -> dict[str, Any]:
        return self._admin.list_topics(timeout=_TIMEOUT_S).topics

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        return len(self._admin.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions)

    def ends(self, topic: str) -> dict[int, int]:
        """The end of each partition; the markers of transactions count."""
        # Asked by the client that asks for the ends: it would not know of the partitions of a topic made again.
        count = len(self._asking.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions)
        ask = self._asking.get_watermark_offsets
        return {each: ask(TopicPartition(topic, each), timeout=_TIMEOUT_S)[1] for each in range(count)}

    def committed(self, topic: str, partitions: int) -> int:
        """The offsets that the workers' group has committed, added up."""
        wanted = [TopicPartition(topic, each) for each in range(partitions)]
        try:
            found = self._asking.committed(wanted, timeout=_TIMEOUT_S)
        except KafkaException:
            return 0  # a transaction is just ending
        return sum(max(0, each.offset) for each in found if each.error is None)

    def members(self) -> list[int]:
        """How many partitions each member of the workers' group has; none while members are still being waited for."""
        try:
            told = self._admin.describe_consumer_groups([GROUP])[GROUP].result(timeout=_TIMEOUT_S)
        except KafkaException:
            return []  # the coordinator is only being found
        return [len(member.assignment.topic_partitions) if member.assignment else 0 for member in told.members]

    def forget_group(self) -> None:
        """Delete the workers' group, once its members are gone."""
        deadline = time.monotonic() + _LEAVES_WITHIN_S
        while True:
            try:
                self._admin.delete_consumer_groups([GROUP])[GROUP].result(timeout=_TIMEOUT_S)
                return
            except KafkaException as error:
                if error.args[0].name() == "GROUP_ID_NOT_FOUND":
                    return
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    @contextmanager
    def reader(self, topic: str, begin: dict[int, int], more: dict[str, Any] | None = None) -> Iterator[Any]:
        """A consumer of the committed records of a topic from some offsets on."""
        with closing(Consumer(self._settings("farthing-bench") | (more or {}))) as consumer:
            consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in begin.items()])
            yield consumer

    def read(self, topic: str, begin: dict[int, int]) -> Iterator[Message]:
        """All committed records of a topic from some offsets up to its ends."""
        with self.reader(topic, begin, {"enable.partition.eof": True}) as consumer:
            unread = set(begin)
            deadline = time.monotonic() + _TIMEOUT_S
            while unread:
                messages = consumer.consume(10_000, timeout=0.2)
                if messages:
                    deadline = time.monotonic() + _TIMEOUT_S
                elif time.monotonic() > deadline:
                    raise BenchError(f"{topic} cannot be read up to its end")
                for message in messages:
                    if message.error() is None:
                        yield message
                    elif message.error().code() == KafkaError._PARTITION_EOF:
                        unread.discard(message.partition())
                    else:
                        raise BenchError(f"{topic}: {message.error()}")
