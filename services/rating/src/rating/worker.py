"""The role `worker`: CDRs in, exactly once into Postgres and Kafka (DESIGN "Rating at volume").

What has come of the partitions that this worker has is one batch: one Postgres transaction stores every outcome and
the positions; then one Kafka transaction sends the events and commits the consumer's offsets. A crash between the two
is made good when a partition is opened next: the events of its last batch are derived from the stored rows, and nothing
is rated again. Where more has come than one batch takes, another lane takes the next partitions meanwhile.

Who has a partition is said in its row. Whoever opens it first fences that worker's producers, so that it can tell
nothing any more, then puts its own name in place of the other's, so that the other can store nothing any more, and only
then looks what is to be made good. Who gives a partition up with all told takes its name off: then there is nothing to
look for. `docs/decisions/0023-lanes-and-their-producers.md`.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from contracts.topics import CDR_BACKFILL, CDR_RECEIVED
from rating.config import RatingSettings
from rating.service.keeping import ledger
from rating.service.pictures import pictures
from rating.service.storing import (
    Events,
    ForeignTopic,
    Piece,
    WrongPosition,
    events_of,
    let_go,
    open_partition,
    store_batch,
    take_over,
)
from rating.store.positions import Position
from rating.telling import send_events
from service_kit.errors import Transient
from service_kit.faults import crash_point
from service_kit.kafka import end_offsets, group_offsets, leave, make_consumer, make_producer, topic_id
from service_kit.logs import logger
from service_kit.repeating import rest

GROUP = "rating"
TOPICS = (CDR_RECEIVED, CDR_BACKFILL)
LANES = (CDR_RECEIVED, CDR_RECEIVED, CDR_BACKFILL)
"""The topic of each lane. The second of a topic works while the topic is behind; a backfill keeps nobody waiting."""
BATCH = 8_000
"""Records that are stored together."""
POLL_MS = 200
PACE_S = 0.1
"""A lane that has read all there is rests as long as its last batch took, and not longer: a small batch costs nearly as
much as a large one."""
_LOOK_AGAIN_S = 0.02
_MOVING_S = 0.2
_LEAVE_S = 3.0
_AWAY_S = 1.0
_COLLECT_EVERY_S = 2.0
"""A batch makes a hundred thousand objects, none of them in a cycle: looking for cycles is not left to their number."""
_COLLECT_ALL_EVERY = 150
"""Of these collections one looks at all objects, the others at those that were made since the last one."""
_YOUNG = 1

_log = logger(__name__)


@dataclass(eq=False)
class Feed:
    """What this worker has of a topic: where its partitions stand, and which of them are in a batch in flight.

    A batch that fails stays in flight: what it has stored may be untold. `behind`: there was more than one batch takes.
    """

    positions: dict[TopicPartition, Position] = field(default_factory=dict)
    in_flight: set[TopicPartition] = field(default_factory=set)
    fetching: asyncio.Lock = field(default_factory=asyncio.Lock)
    behind: bool = False


@dataclass(eq=False)
class Lane:
    """Takes batches of a feed, one after the other, and sends with a producer of its own. `turn` is held meanwhile."""

    feed: Feed
    producer: AIOKafkaProducer
    helps: bool
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


def producer_ids(worker: str) -> list[str]:
    """The transactional ids of a worker's producers; its name says how many there are."""
    return [f"{worker}-{number}" for number in range(int(worker.rpartition("-")[2]))]


class Worker(ConsumerRebalanceListener):  # type: ignore[misc]
    """Works on the partitions it is given. Batches in flight are finished before partitions are given up."""

    def __init__(self, settings: RatingSettings) -> None:
        self._settings = settings
        self._name = f"rating-{uuid4().hex}-{len(LANES)}"
        self._feeds = {topic: Feed() for topic in TOPICS}
        self._lanes = [
            Lane(self._feeds[topic], self._producer(each), helps=topic in LANES[:number])
            for number, (topic, each) in enumerate(zip(LANES, producer_ids(self._name), strict=True))
        ]
        self._fenced: set[str] = set()
        self._fencing = asyncio.Lock()
        self._changing = asyncio.Lock()
        self._ending = asyncio.Event()
        self._failure: BaseException | None = None
        instance = settings.instance
        self._consumer: AIOKafkaConsumer = make_consumer(
            group=GROUP,
            kafka=settings.kafka,
            client_id="farthing-rating-worker",
            group_instance_id=f"{GROUP}.{instance}" if instance else None,
        )

    def _producer(self, producer_id: str) -> AIOKafkaProducer:
        return make_producer(producer_id, kafka=self._settings.kafka, client_id="farthing-rating", linger_ms=0)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, or until something fails; then every partition is given up in order."""
        await pictures.refresh()
        await ledger.refresh()
        gc.freeze()
        stopping = asyncio.create_task(self._end_with(stop))
        try:
            await asyncio.gather(*(lane.producer.start() for lane in self._lanes))
            await self._join()
            await asyncio.gather(*(self._work(lane) for lane in self._lanes))
            async with self._changing:
                await self._give_up(self._mine())
        finally:
            stopping.cancel()
            await leave(self._consumer.stop, within_s=_LEAVE_S)
            for lane in self._lanes:
                await lane.producer.stop()
        if self._failure is not None:
            raise self._failure

    async def _join(self) -> None:
        """Become a member of the group, which may wait long for one that was killed; or hear that it is to end."""
        self._consumer.subscribe(list(TOPICS), listener=self)
        joining = asyncio.create_task(self._consumer.start())
        ending = asyncio.create_task(self._ending.wait())
        await asyncio.wait([joining, ending], return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if joining.done():
            joining.result()
        joining.cancel()

    async def _end_with(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._ending.set()

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._ending.set()

    def _mine(self) -> list[TopicPartition]:
        return [tp for feed in self._feeds.values() for tp in feed.positions]

    async def _work(self, lane: Lane) -> None:
        """A lane's loop: fetch, store, send."""
        while not self._ending.is_set():
            try:
                async with lane.turn:
                    pause_s = await self._turn(lane)
            except Exception as error:
                self._fail(error)
                return
            if pause_s:
                await rest(pause_s, self._ending)

    async def _turn(self, lane: Lane) -> float:
        """One batch of a lane, if there is one for it. Returns how long to rest then, in seconds."""
        feed = lane.feed
        if not feed.positions or (lane.helps and not feed.behind):
            return PACE_S
        pieces = await self._next(feed)
        if not pieces:
            return _LOOK_AGAIN_S if feed.in_flight else 0.0
        began = time.monotonic()
        await self._batch(lane, pieces)
        return 0.0 if feed.behind else min(time.monotonic() - began, PACE_S)

    async def _next(self, feed: Feed) -> dict[TopicPartition, Piece]:
        """What has come of the partitions that are in no batch yet, and what is no record: markers of transactions."""
        pieces: dict[TopicPartition, Piece] = {}
        async with feed.fetching:
            free = [tp for tp in feed.positions if tp not in feed.in_flight]
            if not free:
                return pieces
            patience_ms = 0 if feed.in_flight else POLL_MS  # what is in flight may be what there is more of
            fetched = await self._fetch(free, patience_ms)
            feed.behind = sum(map(len, fetched.values())) >= BATCH
            for tp in free:
                piece = await self._piece(feed, tp, fetched.get(tp, []))
                if piece is not None:
                    pieces[tp] = piece
            feed.in_flight |= pieces.keys()
        return pieces

    async def _fetch(
        self, partitions: Sequence[TopicPartition], patience_ms: int
    ) -> Mapping[TopicPartition, Sequence[ConsumerRecord]]:
        """What has come of these partitions, in their order; nothing while partitions move.

        Once they do, aiokafka waits here for the end of the move, for as long as that takes; and the move waits for
        this lane to finish.
        """
        try:
            async with asyncio.timeout(patience_ms / 1000 + _MOVING_S):
                fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]] = await self._consumer.getmany(
                    *partitions, timeout_ms=patience_ms, max_records=BATCH
                )
                return fetched
        except TimeoutError:
            return {}

    async def _piece(self, feed: Feed, tp: TopicPartition, records: Sequence[ConsumerRecord]) -> Piece | None:
        position = feed.positions.get(tp)
        if position is None:
            return None  # given up meanwhile
        if records and records[0].offset < position.position:
            self._consumer.seek(tp, position.position)  # fetched before a rebalance, and stored since
            return None
        reached = await self._consumer.position(tp)
        if reached <= position.position:
            return None
        return Piece(position, [each.offset for each in records], [each.value for each in records], reached)

    async def _batch(self, lane: Lane, pieces: Mapping[TopicPartition, Piece]) -> None:
        events = await self._store(pieces)
        await self._send(lane, events, {tp: each.next_offset for tp, each in pieces.items()})
        lane.feed.in_flight -= pieces.keys()
        for tp in pieces.keys() & lane.feed.positions.keys():
            lane.feed.positions[tp] = pieces[tp].stored

    async def _store(self, pieces: Mapping[TopicPartition, Piece]) -> Events:
        """The first half, in Postgres."""
        return await store_batch(list(pieces.values()))

    async def _send(self, lane: Lane, events: Events, offsets: Mapping[TopicPartition, int]) -> None:
        """The second half: the events and the consumer's offsets, in one Kafka transaction."""
        crash_point("rating.emitting")
        async with lane.producer.transaction():
            await send_events(lane.producer, events)
            crash_point("rating.emitted")
            await lane.producer.send_offsets_to_transaction(dict(offsets), GROUP)
        crash_point("rating.committed")

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Wait for the batches in flight, then let go."""
        async with self._changing:
            given = list(revoked)
            if given:
                crash_point("rating.revoked")
            try:
                await self._give_up(given)
            except Exception as error:
                self._fail(error)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Take each new partition over, and work on it from where it stands."""
        async with self._changing:
            try:
                wanted, mine = set(assigned), self._mine()
                await self._give_up([tp for tp in mine if tp not in wanted])
                await self._open([tp for tp in sorted(wanted) if tp not in mine])
            except Exception as error:
                self._fail(error)

    async def _open(self, partitions: Sequence[TopicPartition]) -> None:
        taken = dict(zip(partitions, await asyncio.gather(*map(self._take_over, partitions)), strict=True))
        crash_point("rating.assigned")
        for tp, position in await self._untold({tp: at for tp, (at, former) in taken.items() if former is not None}):
            await self._make_good(tp, position)
        for tp, (position, _) in taken.items():
            self._consumer.seek(tp, position.position)
            self._feeds[tp.topic].positions[tp] = position

    async def _take_over(self, tp: TopicPartition) -> tuple[Position, str | None]:
        """Fence whoever has a partition, and put this worker's name in the other's place.

        Returns: where the partition stands, and the other's name; None where all that is stored of it has been told.
        """
        identity = await topic_id(tp.topic, kafka=self._settings.kafka)
        end = (await end_offsets(tp.topic, kafka=self._settings.kafka))[tp.partition]
        while True:
            found = await open_partition(tp.topic, str(identity), tp.partition, end)
            if found.worker is not None:
                await self._fence(found.worker)
            taken = await take_over(found, self._name)
            if taken is not None:
                return taken, found.worker

    async def _fence(self, worker: str) -> None:
        """New producers of its ids end a worker's transactions, and it can never send again."""
        async with self._fencing:
            if worker not in self._fenced:
                await asyncio.gather(*map(self._fence_producer, producer_ids(worker)))
                self._fenced.add(worker)

    async def _fence_producer(self, producer_id: str) -> None:
        producer = self._producer(producer_id)
        try:
            await producer.start()
        finally:
            await producer.stop()

    async def _untold(self, fenced: Mapping[TopicPartition, Position]) -> list[tuple[TopicPartition, Position]]:
        """Those whose last batch was stored and not told, as the group's offsets say."""
        topics = sorted({tp.topic for tp in fenced})
        told = {topic: await group_offsets(GROUP, topic, kafka=self._settings.kafka) for topic in topics}
        return [(tp, at) for tp, at in fenced.items() if told[tp.topic].get(tp.partition, 0) < at.position]

    async def _make_good(self, tp: TopicPartition, position: Position) -> None:
        """Send the events of the last batch, which a crash held back."""
        _log.info("sending what a crash held back", topic=tp.topic, partition=tp.partition)
        events = await events_of(position)
        lane = next(each for each in self._lanes if each.feed is self._feeds[tp.topic])
        async with lane.turn:
            await self._send(lane, events, {tp: position.position})

    async def _give_up(self, partitions: Iterable[TopicPartition]) -> None:
        """Begin nothing more with these partitions, finish what is in flight, and let go of those of which all is told.

        Who takes another one over is to fence this worker.
        """
        given = [(tp, self._feeds[tp.topic].positions.pop(tp, None)) for tp in partitions]
        for lane in self._lanes:
            async with lane.turn:
                pass
        told = [at.slot for tp, at in given if at is not None and tp not in self._feeds[tp.topic].in_flight]
        await let_go(told, self._name)


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
