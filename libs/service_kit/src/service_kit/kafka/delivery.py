"""What happens to a batch of records: handled, tried again, or put aside as dead letters. Never lost, never a hot loop.

Three kinds of failure are told apart:

* something outside is away (database, Kafka, another service): the batch is tried again for as long as it takes, with
  growing pauses, and nothing is put aside;
* a batch fails otherwise: its events are tried one by one, each some times with growing pauses; one that still fails
  goes to `<topic>.<group>.dlq` and the next one has its turn;
* a record cannot be read: it goes there at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx
from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError

from contracts.base import Event
from service_kit import clock
from service_kit.errors import Transient
from service_kit.kafka.admin import dead_letter_topic
from service_kit.kafka.records import Headers, Received, Undecodable, read_record
from service_kit.logs import bind_context, logger
from service_kit.metrics import DEAD_LETTERS, EVENTS_HANDLED, EVENTS_RETRIED

_log = logger(__name__)
Handler = Callable[[list[Received]], Awaitable[None]]
Record: TypeAlias = ConsumerRecord[Any, Any]

_AWAY_STATUS = frozenset({429, 502, 503, 504})
"""What another service answers while it is starting, overloaded or without its database."""
ORIGIN_HEADERS = ("x-original-topic", "x-original-partition", "x-original-offset")
ERROR_HEADERS = ("x-error-type", "x-error", "x-error-service", "x-error-group", "x-error-time", "x-error-attempts")


class Stopped(Exception):
    """The process is stopping: the batch is left as it is, unacknowledged, and comes again."""


@dataclass(frozen=True)
class Retry:
    """How often an event is tried before it is put aside, and the pauses between (seconds, doubling, with jitter)."""

    attempts: int = 5
    first_s: float = 0.2
    longest_s: float = 30.0

    def pause_s(self, failures: int) -> float:
        """The pause after that many failures in a row."""
        longest = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 20))
        return longest * random.uniform(0.5, 1.0)


def is_transient(error: BaseException) -> bool:
    """Whether trying the same again later can be expected to work."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in _AWAY_STATUS
    return isinstance(error, (Transient, KafkaError, ConnectionError, httpx.TransportError))


def _about(events: list[Received]) -> dict[str, object]:
    """What log lines say of a batch: the event and its customer where it is one, else how many and the first."""
    first = events[0]
    if len(events) > 1:
        return {"events": len(events), "first_event_id": str(first.id)}
    return {"event_id": str(first.id), "event_type": first.type, "customer_id": first.event.customer_key()}


class Delivery:
    """Hands the records of one topic and group to its handler."""

    def __init__(
        self,
        topic: str,
        group: str,
        handler: Handler,
        types: Mapping[str, type[Event]],
        *,
        producer: Callable[[], Awaitable[AIOKafkaProducer]],
        stopping: asyncio.Event,
        retry: Retry,
        service: str,
    ) -> None:
        self.topic = topic
        self.group = group
        self._handler = handler
        self._types = types
        self._producer = producer
        self._stopping = stopping
        self._retry = retry
        self._service = service

    async def deliver(self, records: Sequence[Record]) -> None:
        """Returns when every record is handled or put aside. Raises only Stopped, or when cancelled."""
        events = await self._readable(records)
        if not events:
            return
        try:
            await self._for_ever(events)
        except Stopped:
            raise
        except Exception as error:
            _log.warning("batch failed, trying one by one", group=self.group, topic=self.topic, error=repr(error))
            for event in events:
                await self._one(event)
        EVENTS_HANDLED.labels(self.group, self.topic).inc(len(events))

    async def _readable(self, records: Sequence[Record]) -> list[Received]:
        """The events of the batch in their order, each id once."""
        events: dict[Any, Received] = {}
        for record in records:
            try:
                event = read_record(record, self.topic, self._types)
            except Undecodable as error:
                await self._put_aside(record, error, attempts=1)
                continue
            if event is not None:
                events.setdefault(event.id, event)
        return list(events.values())

    async def _for_ever(self, events: list[Received]) -> None:
        """Try until it works or fails for a reason that will not pass."""
        failures = 0
        while True:
            try:
                with bind_context(group=self.group, **_about(events)):
                    return await self._handler(events)
            except Exception as error:
                if not is_transient(error):
                    raise
                failures += 1
                await self._pause(failures, "away", error)

    async def _one(self, event: Received) -> None:
        for attempt in range(1, self._retry.attempts + 1):
            try:
                return await self._for_ever([event])
            except Stopped:
                raise
            except Exception as error:
                if attempt == self._retry.attempts:
                    assert event.record is not None
                    return await self._put_aside(event.record, error, attempts=attempt)
                await self._pause(attempt, "failed", error)

    async def _pause(self, failures: int, why: str, error: Exception) -> None:
        EVENTS_RETRIED.labels(self.group, self.topic, why).inc()
        pause_s = self._retry.pause_s(failures)
        _log.warning(
            "trying again",
            group=self.group,
            topic=self.topic,
            why=why,
            failures=failures,
            pause_s=round(pause_s, 2),
            error=repr(error),
        )
        await self._sleep(pause_s)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
        raise Stopped

    async def _put_aside(self, record: Record, error: Exception, *, attempts: int) -> None:
        """Send a record to the dead letters, for as long as it takes: it must not be acknowledged before."""
        failures = 0
        topic = dead_letter_topic(self.topic, self.group)
        headers = self._headers(record, error, attempts)
        while True:
            try:
                producer = await self._producer()
                await producer.send_and_wait(topic, record.value, record.key, headers=headers)
                break
            except (KafkaError, Transient) as away:
                failures += 1
                await self._pause(failures, "away", away)
        DEAD_LETTERS.labels(self.group, self.topic).inc()
        _log.error(
            "dead letter",
            group=self.group,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            dead_letter_topic=topic,
            error=repr(error),
            exc_info=error,
        )

    def _headers(self, record: Record, error: Exception, attempts: int) -> Headers:
        """The record's own headers, where it came from first of all, and what went wrong this time."""
        own = {name: value or b"" for name, value in record.headers if name not in ERROR_HEADERS}
        origin = (self.topic, record.partition, record.offset)
        for name, value in zip(ORIGIN_HEADERS, origin, strict=True):
            own.setdefault(name, str(value).encode())
        told = (
            type(error).__name__,
            str(error)[:2_000],
            self._service,
            self.group,
            clock.wall_now().isoformat(),
            attempts,
        )
        own.update({name: str(value).encode() for name, value in zip(ERROR_HEADERS, told, strict=True)})
        return list(own.items())
