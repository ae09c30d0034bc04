"""The one place where subscribers are made: FastStream, with settings that lose nothing.

FastStream's own defaults acknowledge before handling, wait for one replica only and start at the end of a topic; a
record that its parser cannot read (a header that is no UTF-8) is skipped and then acknowledged with the next batch, and
a batch that is given back comes again at once, for ever. So here: acknowledged after the handler, our own parser that
cannot fail, and `Delivery` around the handler, which decides what a failure means and lets nothing escape but the
end of the process.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

from aiokafka import AIOKafkaProducer, ConsumerRecord
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber

from contracts.base import Event
from contracts.topics import BY_NAME
from service_kit.errors import ConfigurationError
from service_kit.kafka import admin
from service_kit.kafka.clients import CONSUMER_SETTINGS, leave, make_producer, servers
from service_kit.kafka.delivery import Delivery, Handler, Retry, Stopped
from service_kit.kafka.records import Received
from service_kit.logs import logger
from service_kit.settings import ServiceSettings

_log = logger(__name__)
_IDLE_POLL_MS = 40
_GRACE_S = 10.0
"""How long a batch in hand may take once the service is to end."""
_LEAVE_S = 12.0
"""How long handling and leaving the groups may take together."""
Records: TypeAlias = tuple[ConsumerRecord[Any, Any], ...]


@dataclass(frozen=True)
class Subscription:
    """What a service said it wants: the events of these types on a topic, in a group, for a handler."""

    topic: str
    group: str
    handler: Handler
    types: tuple[type[Event], ...]
    batch_size: int


class Subscriptions:
    """Collects a service's subscriptions; `start` makes one Kafka consumer per group and hands out what arrives."""

    def __init__(self, service: str = "", *, kafka: str | None = None, retry: Retry | None = None) -> None:
        self.service = service
        self.declared: list[Subscription] = []
        self.read_elsewhere: list[Subscription] = []
        self._kafka = kafka
        self._retry = retry or Retry()
        self._stopping = asyncio.Event()
        self._broker: KafkaBroker | None = None
        self._producer: AIOKafkaProducer | None = None

    def on(
        self,
        topic: str,
        group: str,
        handler: Callable[..., Awaitable[None]],
        *,
        types: Collection[type[Event]],
        batch_size: int = 500,
    ) -> None:
        """Have the events of a topic handled.

        Args:
            topic: a topic of contracts' table.
            group: the consumer group, `<service>` or `<service>.<purpose>`.
            handler: gets batches in the order of each partition, each event id once in a batch, at least once over
                time: it calls one use case that asks `take_in` which are new.
            types: the event classes wanted; others on the topic are passed over.
            batch_size: the most events at once.

        Raises:
            ConfigurationError: the topic is unknown, or the group has a handler for it already (two handlers would
                not see one customer's events in order: take both types in one).
        """
        if topic not in BY_NAME:
            raise ConfigurationError(f"{topic!r} is not in contracts' table of topics")
        if any((known.topic, known.group) == (topic, group) for known in self.declared):
            raise ConfigurationError(f"group {group!r} already has a handler for {topic!r}: name all types in one")
        self.declared.append(Subscription(topic, group, handler, tuple(types), batch_size))

    def read_by_worker(self, topic: str, group: str, *, types: Collection[type[Event]]) -> None:
        """Declare, for the AsyncAPI document, what a worker of the service reads by itself (`make_consumer`)."""
        self.read_elsewhere.append(Subscription(topic, group, _unused, tuple(types), 0))

    async def start(self) -> None:
        """Make the topics that are missing and start one consumer per group. Raises KafkaAway."""
        await admin.create_topics([BY_NAME[each.topic] for each in self.declared], kafka=self._kafka)
        await admin.create_side_topics([(each.topic, each.group) for each in self.declared], kafka=self._kafka)
        self._stopping.clear()
        self._broker = self._make_broker()
        await self._broker.start()
        _log.info("consuming", groups=sorted({each.group for each in self.declared}))

    async def stop(self) -> None:
        """Finish the batches in hand, acknowledge them, leave the groups."""
        self._stopping.set()
        if self._broker is not None:
            await self._broker.stop()
            self._broker = None
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; waits for Kafka as long as it takes."""
        stopping = asyncio.create_task(stop.wait())
        failures = 0
        while not stop.is_set():
            starting = asyncio.create_task(self.start())
            await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and starting.exception() is None:
                await stopping
                break
            starting.cancel()
            outcome = (await asyncio.gather(starting, return_exceptions=True))[0]
            if not stop.is_set():
                failures += 1
                _log.warning("cannot consume yet", error=repr(outcome), failures=failures)
                await self._abandon()
                await _pause(stop, self._retry.pause_s(failures))
        await leave(self.stop, within_s=_LEAVE_S)

    async def _abandon(self) -> None:
        try:
            await self.stop()
        except Exception as error:
            _log.warning("a consumer did not stop cleanly", error=repr(error))

    def _make_broker(self) -> KafkaBroker:
        broker = KafkaBroker(
            servers(self._kafka).split(","),
            client_id=f"farthing-{self.service}",
            acks="all",
            enable_idempotence=True,
            allow_auto_create_topics=False,
            metadata_max_age_ms=60_000,
            graceful_timeout=_GRACE_S,
            apply_types=False,
            logger=logging.getLogger("service_kit.faststream"),
        )
        by_group: dict[str, list[Subscription]] = defaultdict(list)
        for each in self.declared:
            by_group[each.group].append(each)
        for group, members in by_group.items():
            self._add_group(broker, group, members)
        return broker

    def _add_group(self, broker: KafkaBroker, group: str, members: list[Subscription]) -> None:
        """One consumer for all topics of a group, so that the group's members all subscribe alike."""
        routes = {name: self._delivery(each) for each in members for name in _topics_of(each)}

        async def parse(records: Records) -> KafkaAckableMessage:
            return KafkaAckableMessage(body=b"", headers={}, raw_message=records, consumer=subscriber.consumer)

        subscriber: BatchSubscriber = broker.subscriber(
            *routes,
            group_id=group,
            group_instance_id=f"{group}.{instance}" if (instance := ServiceSettings().instance) else None,
            batch=True,
            max_records=max(each.batch_size for each in members),
            batch_timeout_ms=_IDLE_POLL_MS,
            ack_policy=AckPolicy.NACK_ON_ERROR,
            parser=parse,
            decoder=_raw,
            **CONSUMER_SETTINGS,
        )
        sizes = {name: each.batch_size for each in members for name in _topics_of(each)}

        async def handle(records: Records) -> None:
            await self._hand_out(records, routes, sizes)

        subscriber(handle)

    async def _hand_out(self, records: Records, routes: dict[str, Delivery], sizes: dict[str, int]) -> None:
        try:
            for topic, run in groupby(records, key=lambda record: record.topic):
                batch = list(run)
                for start in range(0, len(batch), sizes[topic]):
                    await routes[topic].deliver(batch[start : start + sizes[topic]])
        except Stopped:
            raise
        except Exception as error:
            # Delivery lets nothing escape; should it, a pause keeps the redelivery from spinning.
            _log.critical("a batch could not be dealt with", exc_info=error)
            await _pause(self._stopping, self._retry.longest_s)
            raise

    def _delivery(self, each: Subscription) -> Delivery:
        return Delivery(
            each.topic,
            each.group,
            each.handler,
            {kind.event_type: kind for kind in each.types},
            producer=self._dead_letter_producer,
            stopping=self._stopping,
            retry=self._retry,
            service=self.service,
        )

    async def _dead_letter_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = make_producer(kafka=self._kafka, client_id=f"farthing-{self.service}-dead-letters")
            await producer.start()
            self._producer = producer
        return self._producer


def _topics_of(each: Subscription) -> Iterable[str]:
    return each.topic, admin.retry_topic(each.topic, each.group)


async def _unused(_: list[Received]) -> None:
    """In place of a handler where there is none."""


async def _raw(message: KafkaAckableMessage) -> Any:
    return message.raw_message


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
