"""The role `worker`: CDRs in, exactly once into Postgres and Kafka (DESIGN "Rating at volume").

For each batch of a partition: one Postgres transaction stores every outcome, the position and the batch's events; then
one Kafka transaction sends those events and commits the consumer's offset. A crash between the two is made good when
the partition is opened next: the kept events are sent, nothing is rated again. The transactional producer of a
partition is started before its position is read, which fences whoever had the partition before.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from contracts.topics import CDR_BACKFILL, CDR_RECEIVED
from rating.config import RatingSettings
from rating.events import Encoded, unpacked
from rating.service.pictures import pictures
from rating.service.storing import ForeignTopic, Raw, WrongPosition, open_partition, store_batch
from rating.store.positions import Position
from service_kit import clock
from service_kit.errors import Transient
from service_kit.faults import crash_point
from service_kit.kafka import end_offsets, make_consumer, make_producer, partition_for, topic_id
from service_kit.logs import logger
from service_kit.repeating import rest

GROUP = "rating"
TOPICS = (CDR_RECEIVED, CDR_BACKFILL)
BATCH = 2_500
"""Records of one partition that are stored together."""
SIDE_BY_SIDE = 3
"""Partitions that are stored at the same time; each holds a database connection."""
POLL_MS = 200
_AWAY_S = 1.0
_MAX_BATCH_BYTES = 512 * 1024

_log = logger(__name__)


@dataclass
class Partition:
    """A partition that this worker has, its producer and where it stands."""

    tp: TopicPartition
    producer: AIOKafkaProducer
    position: Position


class Worker(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads the partitions it is given, side by side. A batch in flight is finished before partitions are given up."""

    def __init__(self, settings: RatingSettings) -> None:
        self._settings = settings
        self._mine: dict[TopicPartition, Partition] = {}
        self._busy = asyncio.Lock()
        self._slots = asyncio.Semaphore(SIDE_BY_SIDE)
        self._failure: BaseException | None = None
        instance = settings.instance
        self._consumer: AIOKafkaConsumer = make_consumer(
            group=GROUP,
            kafka=settings.kafka,
            client_id="farthing-rating-worker",
            group_instance_id=f"{GROUP}.{instance}" if instance else None,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, or until something fails; then every partition is given up in order."""
        await pictures.refresh()
        self._consumer.subscribe(list(TOPICS), listener=self)
        await self._consumer.start()
        try:
            while not stop.is_set():
                await self._round()
        finally:
            await self._consumer.stop()
            await self._give_up(list(self._mine))

    async def _round(self) -> None:
        """Fetch for all partitions, and store what came of each, side by side."""
        fetched = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH * max(1, len(self._mine)))
        async with self._busy:
            if self._failure is not None:
                raise self._failure
            mine = list(self._mine.values())
            ended = await asyncio.gather(
                *(self._take(each, fetched.get(each.tp, [])) for each in mine), return_exceptions=True
            )
            for error in ended:
                if error is not None:
                    raise error

    async def _take(self, mine: Partition, records: Sequence[ConsumerRecord]) -> None:
        """Store what was fetched of a partition, and pass what is no record: the markers of senders' transactions."""
        if records and records[0].offset < mine.position.position:
            self._consumer.seek(mine.tp, mine.position.position)  # fetched before a rebalance, and stored since
            return
        async with self._slots:
            for start in range(0, len(records), BATCH):
                part = records[start : start + BATCH]
                await self._batch(mine, part, part[-1].offset + 1)
            reached = await self._consumer.position(mine.tp)
            if reached > mine.position.position:
                await self._batch(mine, [], reached)

    async def _batch(self, mine: Partition, records: Sequence[ConsumerRecord], next_offset: int) -> None:
        events = await store_batch(mine.position, [Raw(each.offset, each.value) for each in records], next_offset)
        await self._send(mine, events, next_offset)
        mine.position = replace(mine.position, position=next_offset, events_from=mine.position.position, events=None)

    async def _send(self, mine: Partition, events: Sequence[Encoded], next_offset: int) -> None:
        """The second half: the events and the consumer's offset, in one Kafka transaction."""
        crash_point("rating.emitting")
        async with mine.producer.transaction():
            await _send_events(mine.producer, events)
            crash_point("rating.emitted")
            await mine.producer.send_offsets_to_transaction({mine.tp: next_offset}, GROUP)
        crash_point("rating.committed")

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Wait for the round in flight, then let go."""
        async with self._busy:
            await self._give_up(list(revoked))

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Open each new partition: fence, read the position, make good what a crash left, and seek."""
        async with self._busy:
            try:
                await self._give_up([tp for tp in self._mine if tp not in set(assigned)])
                await asyncio.gather(*(self._open(tp) for tp in assigned if tp not in self._mine))
                for tp in assigned:
                    self._consumer.seek(tp, self._mine[tp].position.position)
            except Exception as error:
                self._failure = error

    async def _open(self, tp: TopicPartition) -> None:
        producer = make_producer(
            f"rating-{tp.topic}-{tp.partition}", kafka=self._settings.kafka, client_id="farthing-rating", linger_ms=0
        )
        await producer.start()
        try:
            identity = await topic_id(tp.topic, kafka=self._settings.kafka)
            end = (await end_offsets(tp.topic, kafka=self._settings.kafka))[tp.partition]
            position = await open_partition(tp.topic, str(identity), tp.partition, end)
            self._mine[tp] = Partition(tp, producer, position)
            await self._make_good(self._mine[tp])
        except BaseException:
            self._mine.pop(tp, None)
            await producer.stop()
            raise

    async def _make_good(self, mine: Partition) -> None:
        """Send the events of the last batch if the consumer's offset does not say that they were."""
        committed = await self._consumer.committed(mine.tp)
        if mine.position.events is None or (committed or 0) >= mine.position.position:
            return
        _log.info("sending what a crash held back", topic=mine.tp.topic, partition=mine.tp.partition)
        await self._send(mine, unpacked(mine.position.events), mine.position.position)

    async def _give_up(self, partitions: Iterable[TopicPartition]) -> None:
        for tp in partitions:
            mine = self._mine.pop(tp, None)
            if mine is not None:
                await mine.producer.stop()


async def _send_events(producer: AIOKafkaProducer, events: Sequence[Encoded]) -> None:
    """Send events in their order per partition, in whole batches: one by one costs more than rating does."""
    by_partition: dict[tuple[str, int], list[Encoded]] = defaultdict(list)
    counts: dict[str, int] = {}
    for event in events:
        if event.topic not in counts:
            counts[event.topic] = len(await producer.partitions_for(event.topic))
        by_partition[event.topic, _partition(event.key, counts[event.topic])].append(event)
    now_ms = int(clock.wall_now().timestamp() * 1000)
    sent = []
    for (topic, partition), members in by_partition.items():
        batch = producer.create_batch()
        for event in members:
            if _appended(batch, event, now_ms):
                continue
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            if not _appended(batch, event, now_ms):
                raise ValueError(f"an event of {len(event.value)} bytes does not fit into a batch")
        sent.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*sent)


@lru_cache(maxsize=100_000)
def _partition(key: bytes, partitions: int) -> int:
    return partition_for(key.decode(), partitions)


def _appended(batch: object, event: Encoded, now_ms: int) -> bool:
    told = batch.append(key=event.key, value=event.value, timestamp=now_ms, headers=event.headers)  # type: ignore[attr-defined]
    return told is not None


async def worker(stop: asyncio.Event) -> None:
    """The role: works, and starts over when Kafka or the database was away."""
    while not stop.is_set():
        try:
            await Worker(RatingSettings()).run(stop)
        except ForeignTopic as error:
            _log.critical("stopped", reason=str(error))
            raise
        except (Transient, KafkaError, WrongPosition, OSError) as error:
            _log.warning("worker starts over", error=repr(error))
            await rest(_AWAY_S, stop)
