"""The role `worker`: CDRs in, exactly once into Postgres and Kafka (DESIGN "Rating at volume").

Every partition has a loop of its own. For each batch of it: one Postgres transaction stores every outcome and the
position; then one Kafka transaction sends the events and commits the consumer's offset. A crash between the two is
made good when the partition is opened next: the events of the last batch are derived from the stored rows and sent;
nothing is rated again. The transactional producer of a partition is started before its position is read, which fences
whoever had the partition before.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import count
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from contracts.topics import CDR_BACKFILL, CDR_RECEIVED, USAGE_EXCEPTIONS, USAGE_RATED
from rating.batches import Outgoing, Records, batches_of
from rating.config import RatingSettings
from rating.service.keeping import ledger
from rating.service.pictures import pictures
from rating.service.storing import Events, ForeignTopic, Raw, WrongPosition, events_of, open_partition, store_batch
from rating.store.positions import Position
from service_kit import clock
from service_kit.errors import Transient
from service_kit.faults import crash_point
from service_kit.kafka import (
    LARGEST_PACKED_BYTES,
    PackedBatch,
    end_offsets,
    make_consumer,
    make_producer,
    partition_for,
    topic_id,
)
from service_kit.logs import logger
from service_kit.repeating import rest

GROUP = "rating"
TOPICS = (CDR_RECEIVED, CDR_BACKFILL)
BATCH = 8_000
"""Records of one partition that are stored together."""
SIDE_BY_SIDE = 6
"""Partitions that are stored at the same time; each holds a database connection."""
POLL_MS = 200
PACE_S = 0.1
"""A partition that is read to its end is asked again after this time: small batches cost as much as large ones."""
_AWAY_S = 1.0
_COLLECT_EVERY_S = 2.0
"""A batch makes a hundred thousand objects, none of them in a cycle: looking for cycles is not left to their number."""
_COLLECT_ALL_EVERY = 150
"""Of these collections one looks at all objects, the others at those that were made since the last one."""
_YOUNG = 1
_PARTITIONS_KEPT = 500_000

Sent: TypeAlias = Awaitable[Any]
"""What is known once the broker has a batch."""
_log = logger(__name__)


@dataclass
class Partition:
    """A partition that this worker has, its producer and where it stands."""

    tp: TopicPartition
    producer: AIOKafkaProducer
    position: Position
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.Task[None] | None = None


class Worker(ConsumerRebalanceListener):  # type: ignore[misc]
    """Works on the partitions it is given, side by side. A batch in flight is finished before they are given up."""

    def __init__(self, settings: RatingSettings) -> None:
        self._settings = settings
        self._mine: dict[TopicPartition, Partition] = {}
        self._changing = asyncio.Lock()
        self._slots = asyncio.Semaphore(SIDE_BY_SIDE)
        self._failure: BaseException | None = None
        self._has_failed = asyncio.Event()
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
        await ledger.refresh()
        gc.freeze()
        self._consumer.subscribe(list(TOPICS), listener=self)
        await self._consumer.start()
        waiting = [asyncio.create_task(each.wait()) for each in (stop, self._has_failed)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
            async with self._changing:
                await self._give_up(list(self._mine))
            await self._consumer.stop()
        if self._failure is not None:
            raise self._failure

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._has_failed.set()

    async def _work(self, mine: Partition) -> None:
        """A partition's loop: fetch, store, send."""
        try:
            while not mine.ending.is_set():
                fetched = await self._consumer.getmany(mine.tp, timeout_ms=POLL_MS, max_records=BATCH)
                async with self._slots:
                    await self._take(mine, fetched.get(mine.tp, []))
                if self._is_at_end(mine):
                    await rest(PACE_S, mine.ending)
        except Exception as error:
            self._fail(error)

    def _is_at_end(self, mine: Partition) -> bool:
        end = self._consumer.highwater(mine.tp)
        return end is None or mine.position.position >= end

    async def _take(self, mine: Partition, records: Sequence[ConsumerRecord]) -> None:
        """Store what was fetched of a partition, and pass what is no record: the markers of senders' transactions."""
        if records and records[0].offset < mine.position.position:
            self._consumer.seek(mine.tp, mine.position.position)  # fetched before a rebalance, and stored since
            return
        if records:
            await self._batch(mine, records, records[-1].offset + 1)
        reached = await self._consumer.position(mine.tp)
        if reached > mine.position.position:
            await self._batch(mine, [], reached)

    async def _batch(self, mine: Partition, records: Sequence[ConsumerRecord], next_offset: int) -> None:
        raw = Raw([each.offset for each in records], [each.value for each in records])
        events = await store_batch(mine.position, raw, next_offset)
        await self._send(mine, events, next_offset)
        mine.position = replace(mine.position, position=next_offset, events_from=mine.position.position)

    async def _send(self, mine: Partition, events: Events, next_offset: int) -> None:
        """The second half: the events and the consumer's offset, in one Kafka transaction."""
        crash_point("rating.emitting")
        async with mine.producer.transaction():
            await send_events(mine.producer, events)
            crash_point("rating.emitted")
            await mine.producer.send_offsets_to_transaction({mine.tp: next_offset}, GROUP)
        crash_point("rating.committed")

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Wait for the batches in flight, then let go."""
        async with self._changing:
            given = list(revoked)
            if given:
                crash_point("rating.revoked")
            await self._give_up(given)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Open each new partition: fence, read the position, make good what a crash left, seek, and begin."""
        async with self._changing:
            try:
                wanted = set(assigned)
                await self._give_up([tp for tp in self._mine if tp not in wanted])
                await asyncio.gather(*(self._open(tp) for tp in wanted if tp not in self._mine))
                crash_point("rating.assigned")
                for mine in self._mine.values():
                    self._begin(mine)
            except Exception as error:
                self._fail(error)

    def _begin(self, mine: Partition) -> None:
        self._consumer.seek(mine.tp, mine.position.position)
        if mine.loop is None:
            mine.loop = asyncio.create_task(self._work(mine))

    async def _open(self, tp: TopicPartition) -> None:
        producer = make_producer(
            f"rating-{tp.topic}-{tp.partition}", kafka=self._settings.kafka, client_id="farthing-rating", linger_ms=0
        )
        await producer.start()
        try:
            identity = await topic_id(tp.topic, kafka=self._settings.kafka)
            end = (await end_offsets(tp.topic, kafka=self._settings.kafka))[tp.partition]
            position = await open_partition(tp.topic, str(identity), tp.partition, end)
            mine = Partition(tp, producer, position)
            await self._make_good(mine)
            self._mine[tp] = mine
        except BaseException:
            await producer.stop()
            raise

    async def _make_good(self, mine: Partition) -> None:
        """Send the events of the last batch if the consumer's offset does not say that they were."""
        committed = await self._consumer.committed(mine.tp)
        if (committed or 0) >= mine.position.position:
            return
        _log.info("sending what a crash held back", topic=mine.tp.topic, partition=mine.tp.partition)
        await self._send(mine, await events_of(mine.position), mine.position.position)

    async def _give_up(self, partitions: Iterable[TopicPartition]) -> None:
        given = [self._mine.pop(tp) for tp in partitions if tp in self._mine]
        for mine in given:
            mine.ending.set()
        await asyncio.gather(*(mine.loop for mine in given if mine.loop is not None))
        for mine in given:
            await mine.producer.stop()


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


async def worker(stop: asyncio.Event) -> None:
    """The role: works, and starts over when Kafka or the database was away."""
    gc.disable()
    collecting = asyncio.create_task(_collect(stop))
    try:
        await _work_on(stop)
    finally:
        collecting.cancel()
        gc.enable()


async def _collect(stop: asyncio.Event) -> None:
    for turn in count(1):
        await rest(_COLLECT_EVERY_S, stop)
        if stop.is_set():
            return
        if turn % _COLLECT_ALL_EVERY:
            gc.collect(_YOUNG)
        else:
            gc.collect()


async def _work_on(stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await Worker(RatingSettings()).run(stop)
        except ForeignTopic as error:
            _log.critical("stopped", reason=str(error))
            raise
        except (Transient, KafkaError, WrongPosition, OSError) as error:
            _log.warning("worker starts over", error=repr(error))
            await rest(_AWAY_S, stop)
