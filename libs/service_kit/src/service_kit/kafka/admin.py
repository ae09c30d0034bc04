"""Questions to the cluster, and the making of topics.

Topic ids are known to confluent-kafka's admin client only (aiokafka's metadata has none), so all of this uses it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec, TopicDescription  # type: ignore[attr-defined]

from contracts.topics import TOPICS, Topic
from service_kit.errors import Transient
from service_kit.kafka.clients import servers

_T = TypeVar("_T")
_TIMEOUT_S = 15.0
_REACH_S = 4.0
"""How long to wait for any broker at all; short, because the call holds a thread that a stop has to wait for."""
_DAY_MS = 24 * 3_600_000
SIDE_TOPIC_RETENTION_MS = 30 * _DAY_MS
"""How long dead letters and records to be retried are kept."""
COMPACTED_WITHIN_MS = 7 * _DAY_MS
"""How long a compacted topic may keep a state that a newer one, or a tombstone, has replaced."""
_SETTLING = {
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.NOT_CONTROLLER,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
}
"""What a cluster answers for a moment after a topic or group is made, a leader has moved or a transaction ended."""
_PASSING = _SETTLING | {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._RESOLVE,
    KafkaError.REQUEST_TIMED_OUT,
}


class KafkaAway(Transient):
    """No broker answers, or none that leads what is asked for."""


class NoSuchTopic(Exception):
    """The topic does not exist; `python -m service_kit topics` makes the platform's."""


def dead_letter_topic(topic: str, group: str) -> str:
    """Where a group's unusable records of a topic go."""
    return f"{topic}.{group}.dlq"


def retry_topic(topic: str, group: str) -> str:
    """Where a group's dead letters are replayed to; the group reads it beside the topic."""
    return f"{topic}.{group}.retry"


async def partitions_of(topic: str, *, kafka: str | None = None) -> int:
    """How many partitions a topic has. Raises NoSuchTopic, KafkaAway."""
    return len((await _described(topic, kafka)).partitions)


async def topic_id(topic: str, *, kafka: str | None = None) -> UUID:
    """The id that the cluster gave this topic; a topic made again has another. Raises NoSuchTopic, KafkaAway."""
    told: Any = (await _described(topic, kafka)).topic_id
    high, low = told.get_most_significant_bits(), told.get_least_significant_bits()
    return UUID(int=((high % 2**64) << 64) | (low % 2**64))


async def end_offsets(topic: str, *, kafka: str | None = None) -> dict[int, int]:
    """Each partition's end: the offset that the next record will get. Raises NoSuchTopic, KafkaAway."""
    return await _offsets(topic, OffsetSpec.latest(), kafka)  # type: ignore[no-untyped-call]


async def beginning_offsets(topic: str, *, kafka: str | None = None) -> dict[int, int]:
    """Each partition's first record that is still kept. Raises NoSuchTopic, KafkaAway."""
    return await _offsets(topic, OffsetSpec.earliest(), kafka)  # type: ignore[no-untyped-call]


async def group_offsets(group: str, topic: str, *, kafka: str | None = None) -> dict[int, int]:
    """What a consumer group has committed, per partition; partitions without a commit are left out.

    Offsets committed in a transaction that is just ending are waited for, never overlooked.
    """
    partitions = await partitions_of(topic, kafka=kafka)
    wanted = [TopicPartition(topic, partition) for partition in range(partitions)]
    found = await _blocking(kafka, lambda _: _committed(servers(kafka), group, wanted))
    return {told.partition: told.offset for told in found if told.offset >= 0}


def _committed(brokers: str, group: str, wanted: list[TopicPartition]) -> list[TopicPartition]:
    """A consumer asks, which joins no group by that: the admin client asked crashes the process (SIGSEGV) as long as
    the cluster is still making the topic of offsets.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": group,
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "log_level": 2,
        }
    )
    try:
        found: list[TopicPartition] = consumer.committed(wanted, timeout=_TIMEOUT_S)
    finally:
        consumer.close()
    for told in found:
        if told.error is not None:
            raise KafkaException(told.error)
    return found


async def lag(group: str, topic: str, *, kafka: str | None = None) -> int:
    """How many offsets of a topic a group has still to pass."""
    ends, done, first = await asyncio.gather(
        end_offsets(topic, kafka=kafka), group_offsets(group, topic, kafka=kafka), beginning_offsets(topic, kafka=kafka)
    )
    return sum(max(0, end - done.get(partition, first.get(partition, 0))) for partition, end in ends.items())


async def topic_names(*, kafka: str | None = None) -> set[str]:
    """Every topic of the cluster. Raises KafkaAway."""
    metadata = await _blocking(kafka, lambda admin: admin.list_topics(timeout=_REACH_S))
    return set(metadata.topics)


async def create_topics(
    wanted: Iterable[Topic] = TOPICS, *, kafka: str | None = None, replication: int | None = None
) -> list[str]:
    """Make the topics that are missing, as contracts' table says; those that exist are left as they are.

    Args:
        wanted: topics of the table, all by default.
        kafka: brokers, else FARTHING_KAFKA.
        replication: copies of each partition; the cluster's default otherwise.

    Returns: the names of those made now. Raises KafkaAway.
    """
    return await _create([_new_topic(topic, replication) for topic in wanted], kafka)


async def create_side_topics(pairs: Iterable[tuple[str, str]], *, kafka: str | None = None) -> list[str]:
    """Make the dead-letter and retry topics of (topic, group) pairs, with the topic's own number of partitions."""
    new: list[NewTopic] = []
    for topic, group in pairs:
        partitions = await partitions_of(topic, kafka=kafka)
        settings = _deleted_after(SIDE_TOPIC_RETENTION_MS)
        new += [
            NewTopic(name, num_partitions=partitions, config=settings)
            for name in (dead_letter_topic(topic, group), retry_topic(topic, group))
        ]
    return await _create(new, kafka)


def _new_topic(topic: Topic, replication: int | None) -> NewTopic:
    if topic.retention is None:
        # Kept for a day before a newer state replaces it, so that a reader that is behind sees every version.
        # Never much longer than a week: without a limit the broker compacts when half is old, which may be never,
        # and what was erased would stay (SPEC C17).
        settings = {
            "cleanup.policy": "compact",
            "min.compaction.lag.ms": str(_DAY_MS),
            "max.compaction.lag.ms": str(COMPACTED_WITHIN_MS),
        }
    else:
        settings = _deleted_after(int(topic.retention.total_seconds() * 1000))
    return NewTopic(topic.name, num_partitions=topic.partitions, replication_factor=replication or -1, config=settings)


def _deleted_after(retention_ms: int) -> dict[str, str]:
    """Kafka deletes whole segments, by their newest record: a new one each day, or a week's would stay for two."""
    return {"cleanup.policy": "delete", "retention.ms": str(retention_ms), "segment.ms": str(_DAY_MS)}


async def _create(new: list[NewTopic], kafka: str | None) -> list[str]:
    existing = await topic_names(kafka=kafka)
    missing = [topic for topic in new if topic.topic not in existing]
    if not missing:
        return []
    futures = await _blocking(kafka, lambda admin: admin.create_topics(missing, request_timeout=_TIMEOUT_S))
    made = [name for name, future in futures.items() if await asyncio.to_thread(_made, future)]
    await _wait_for({topic.topic for topic in missing}, kafka)
    return made


def _made(future: Any) -> bool:
    try:
        future.result(timeout=_TIMEOUT_S)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False  # another process was quicker
        raise _translated(error) from error
    return True


async def _wait_for(names: set[str], kafka: str | None) -> None:
    """Right after a topic is made, its partitions have no leader for a moment: wait until they do."""
    for _ in range(100):
        metadata = await _blocking(kafka, lambda admin: admin.list_topics(timeout=_REACH_S))
        known = [metadata.topics[name] for name in names if name in metadata.topics]
        if len(known) == len(names) and all(_led(topic) for topic in known):
            return
        await asyncio.sleep(0.1)
    raise KafkaAway(f"no leader for all partitions of {sorted(names)}")


def _led(topic: Any) -> bool:
    return topic.error is None and bool(topic.partitions) and all(p.leader >= 0 for p in topic.partitions.values())


async def _described(topic: str, kafka: str | None) -> TopicDescription:
    collection = TopicCollection([topic])
    answer = await _asked(kafka, lambda admin: admin.describe_topics(collection, request_timeout=_TIMEOUT_S))
    description: TopicDescription = answer[topic]
    return description


async def _offsets(topic: str, spec: OffsetSpec, kafka: str | None) -> dict[int, int]:
    count = await partitions_of(topic, kafka=kafka)
    wanted = {TopicPartition(topic, partition): spec for partition in range(count)}
    answer = await _asked(kafka, lambda admin: admin.list_offsets(wanted, request_timeout=_TIMEOUT_S))
    return {partition.partition: told.offset for partition, told in answer.items()}


async def _asked(kafka: str | None, ask: Callable[[AdminClient], dict[Any, Any]]) -> dict[Any, Any]:
    """Ask the admin client and wait for each of its futures."""
    return await _blocking(
        kafka, lambda admin: {name: future.result(timeout=_TIMEOUT_S) for name, future in ask(admin).items()}
    )


async def _blocking(kafka: str | None, ask: Callable[[AdminClient], _T]) -> _T:
    """Run a call of the admin client, which blocks, beside the event loop; wait for a cluster that is settling."""
    deadline = asyncio.get_running_loop().time() + _TIMEOUT_S
    while True:
        try:
            return await asyncio.to_thread(lambda: ask(_admin(servers(kafka))))
        except KafkaException as error:
            if error.args[0].code() not in _SETTLING or asyncio.get_running_loop().time() > deadline:
                raise _translated(error) from error
        except TimeoutError as error:
            raise KafkaAway(f"no answer from {servers(kafka)} within {_TIMEOUT_S:.0f} s") from error
        await asyncio.sleep(0.1)


def _translated(error: KafkaException) -> Exception:
    told: KafkaError = error.args[0]
    if told.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        return NoSuchTopic(told.str())
    return KafkaAway(told.str()) if told.code() in _PASSING else error


@lru_cache(maxsize=4)
def _admin(brokers: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": brokers, "socket.timeout.ms": 15_000, "log_level": 2})
