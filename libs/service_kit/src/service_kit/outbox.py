"""The relay: sends what committed transactions wrote to the outbox, in order per customer, marked after the ack.

One relay per service is active at a time (an advisory lock on the connection that also reads and marks: lose the
connection and the lock is gone with it). It looks for rows that are not marked as sent, never for ids above the last
one: a transaction that commits late has lower numbers. A crash between the broker's acknowledgement and the mark sends
a row again under the same event id, which every inbox drops.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    CorruptRecordException,
    InvalidRequestError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownError,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.database import Database, bound
from service_kit.faults import crash_point
from service_kit.kafka.admin import create_topics
from service_kit.kafka.clients import make_producer, partition_for
from service_kit.kafka.records import cloud_headers
from service_kit.logs import logger
from service_kit.metrics import OUTBOX_HELD, OUTBOX_REFUSED, OUTBOX_SENT, OUTBOX_UNSENT, RELAY_ACTIVE

_log = logger(__name__)

BATCH_ROWS = 2_000
SENT_KEPT = timedelta(days=3)
"""How long sent rows stay in the outbox."""
INBOX_KEPT = timedelta(days=45)
"""How long the inbox remembers: longer than any topic that is not compacted keeps its records, and its dead letters."""
REQUEST_KEYS_KEPT = timedelta(days=7)
"""How long an answer is kept under its idempotency key, where the settings do not say otherwise."""
_LOCK = 0x6661_7274_6869_6E67  # "farthing"
_POLL_S = (0.05, 0.2)
_LOCK_POLL_S = 0.5
_HELD_RETRY_S = 60.0
_MEASURE_EVERY_S = 1.0
_PURGE_EVERY_S = 3600.0
_PURGE_ROWS = 10_000
_AWAY_S = (0.5, 10.0)

OrderKey = tuple[str, str]
"""Topic, and customer or record key: within it, order is kept."""

_UNSENT = text(
    """
    SELECT seq, id, aggregatetype, aggregateid, type, nullif(payload, 'null')::text, subject, partition, partition_key,
           time
    FROM outbox
    WHERE sent_at IS NULL
      AND (aggregatetype, coalesce(partition_key, aggregateid)) NOT IN (
          SELECT * FROM unnest(CAST(:held_topics AS text[]), CAST(:held_keys AS text[])))
    ORDER BY seq LIMIT :rows
    """
)
_MARK = text("UPDATE outbox SET sent_at = now() WHERE id = ANY(CAST(:ids AS uuid[]))")
_COUNT = text("SELECT count(*) FROM (SELECT 1 FROM outbox WHERE sent_at IS NULL LIMIT 10000) AS unsent")
_PURGE_OUTBOX = text(
    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE sent_at < now() - CAST(:kept AS interval) LIMIT :rows)"
)
_PURGE_INBOX = text(
    """
    DELETE FROM inbox WHERE (consumer, event_id) IN (
        SELECT consumer, event_id FROM inbox WHERE taken_at < now() - CAST(:kept AS interval) LIMIT :rows)
    """
)
_PURGE_REQUEST_KEYS = text(
    """
    DELETE FROM request_key WHERE (principal, key) IN (
        SELECT principal, key FROM request_key WHERE created_at < now() - CAST(:kept AS interval) LIMIT :rows)
    """
)


class BadPartition(Exception):
    """A row asks for a partition that its topic does not have."""


_REFUSALS = (
    BadPartition,
    CorruptRecordException,
    InvalidRequestError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownError,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the outbox, as it is to be sent."""

    seq: int
    id: UUID
    topic: str
    key: str
    type: str
    payload: str | None
    subject: str
    partition: int | None
    partition_key: str | None
    time: datetime

    @property
    def value(self) -> bytes | None:
        """The record's value; None is a tombstone."""
        return None if self.payload is None else self.payload.encode()

    @property
    def order_key(self) -> OrderKey:
        """What must stay in order behind this row."""
        return self.topic, self.partition_key or self.key


@dataclass
class Relay:
    """One service's relay. `run` it in as many processes as you like: one is active, the others wait."""

    service: str
    database: Database | None = None
    kafka: str | None = None
    sent_kept: timedelta = SENT_KEPT
    inbox_kept: timedelta = INBOX_KEPT
    request_keys_kept: timedelta = REQUEST_KEYS_KEPT
    _held: dict[OrderKey, float] = field(default_factory=dict)
    _purged_at: float = field(default=float("-inf"))
    _measured_at: float = field(default=float("-inf"))

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set. Waits for the database and Kafka as long as it takes."""
        failures = 0
        while not stop.is_set():
            began = time.monotonic()
            try:
                await self._be_active(stop)
            except Exception as error:
                failures = 1 if time.monotonic() - began > 60 else failures + 1
                pause_s = min(_AWAY_S[1], _AWAY_S[0] * 2 ** min(failures - 1, 6))
                _log.warning("relay interrupted", error=repr(error), again_in_s=pause_s)
                await _wait(pause_s, stop)

    async def _be_active(self, stop: asyncio.Event) -> None:
        """Take the lock, send, and let go of everything on the way out."""
        database = self.database or bound()
        async with database.engine.connect() as pooled:
            connection = await pooled.execution_options(isolation_level="AUTOCOMMIT")
            try:
                if not await self._locked(connection, stop):
                    return
                await create_topics(kafka=self.kafka)
                producer = make_producer(kafka=self.kafka, client_id=f"farthing-{self.service}-relay", linger_ms=2)
                await producer.start()
                try:
                    RELAY_ACTIVE.labels(self.service).set(1)
                    _log.info("relay active")
                    await self._work(connection, producer, database, stop)
                finally:
                    RELAY_ACTIVE.labels(self.service).set(0)
                    await producer.stop()
            finally:
                # The lock belongs to the session: close it rather than hand it back to the pool still locked.
                await pooled.invalidate()

    async def _locked(self, connection: AsyncConnection, stop: asyncio.Event) -> bool:
        """Ask for the lock now and then: waiting inside Postgres would hold a snapshot open and keep vacuum off."""
        while not stop.is_set():
            if await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}):
                return True
            await _wait(_LOCK_POLL_S, stop)
        return False

    async def _work(
        self, connection: AsyncConnection, producer: AIOKafkaProducer, database: Database, stop: asyncio.Event
    ) -> None:
        pause_s = _POLL_S[0]
        while not stop.is_set():
            database.outbox_written.clear()
            rows = await self._unsent(connection)
            await self._measure(connection)
            if rows:
                await self._send(connection, producer, rows)
                pause_s = _POLL_S[0]
                continue
            await self._purge(connection)
            await _wait(pause_s, stop, database.outbox_written)
            pause_s = min(_POLL_S[1], pause_s * 1.5)

    async def _measure(self, connection: AsyncConnection) -> None:
        """Say how many events wait, at most once a second."""
        if time.monotonic() - self._measured_at >= _MEASURE_EVERY_S:
            self._measured_at = time.monotonic()
            OUTBOX_UNSENT.labels(self.service).set(await connection.scalar(_COUNT) or 0)

    async def _unsent(self, connection: AsyncConnection) -> list[Row]:
        """The next rows in their order, without those held back."""
        now = time.monotonic()
        self._held = {key: until for key, until in self._held.items() if until > now}
        OUTBOX_HELD.labels(self.service).set(len(self._held))
        held = {"held_topics": [topic for topic, _ in self._held], "held_keys": [key for _, key in self._held]}
        result = await connection.execute(_UNSENT, {**held, "rows": BATCH_ROWS})
        return [Row(*row) for row in result]

    async def _send(self, connection: AsyncConnection, producer: AIOKafkaProducer, rows: list[Row]) -> None:
        """Send the rows, wait for every ack, mark what was acknowledged, hold back what was refused."""
        sending = await self._handed_over(producer, rows)
        answers = await asyncio.gather(*(future for _, future in sending), return_exceptions=True)
        sent = [row for (row, _), answer in zip(sending, answers, strict=True) if not isinstance(answer, BaseException)]
        crash_point("relay-before-mark")
        if sent:
            await connection.execute(_MARK, {"ids": [row.id for row in sent]})
            for topic, count in Counter(row.topic for row in sent).items():
                OUTBOX_SENT.labels(self.service, topic).inc(count)
        failures = [
            (row, answer)
            for (row, _), answer in zip(sending, answers, strict=True)
            if isinstance(answer, BaseException)
        ]
        for row, error in failures:
            self._refused(row, error)

    async def _handed_over(self, producer: AIOKafkaProducer, rows: list[Row]) -> list[tuple[Row, asyncio.Future[Any]]]:
        """Give the rows to the producer in their order; behind one that it will not take, its customer's wait."""
        sending = []
        for row in rows:
            if row.order_key in self._held:
                continue
            try:
                sending.append((row, await self._produce(producer, row)))
            except _REFUSALS as error:
                self._refused(row, error)
        return sending

    async def _produce(self, producer: AIOKafkaProducer, row: Row) -> asyncio.Future[Any]:
        headers = cloud_headers(
            id=row.id, type=row.type, source=f"/farthing/{self.service}", time=row.time, subject=row.subject
        )
        partition = await self._partition(producer, row)
        future: asyncio.Future[Any] = await producer.send(
            row.topic, row.value, row.key.encode(), partition=partition, headers=headers
        )
        return future

    async def _partition(self, producer: AIOKafkaProducer, row: Row) -> int | None:
        """As the row says, else its customer's, else None: the producer takes the key's."""
        if row.partition is None and row.partition_key is None:
            return None
        partitions = len(await producer.partitions_for(row.topic))
        if row.partition is None:
            return partition_for(row.partition_key or "", partitions)
        if not 0 <= row.partition < partitions:
            raise BadPartition(f"{row.topic} has {partitions} partitions, asked for partition {row.partition}")
        return row.partition

    def _refused(self, row: Row, error: BaseException) -> None:
        """Hold a customer's later rows of the topic back until this one can be sent; others go on.

        Anything but a refusal of this very record (a broker that is away, a producer that lost its place) ends this
        relay's turn, and it starts over.
        """
        if not isinstance(error, _REFUSALS):
            raise error
        self._held[row.order_key] = time.monotonic() + _HELD_RETRY_S
        OUTBOX_REFUSED.labels(self.service, row.topic).inc()
        OUTBOX_HELD.labels(self.service).set(len(self._held))
        _log.error(
            "event cannot be sent: it stays in the outbox, and what follows it for the same key waits behind it",
            event_id=str(row.id),
            event_type=row.type,
            topic=row.topic,
            key=row.key,
            seq=row.seq,
            payload_bytes=len(row.value or b""),
            error=repr(error),
            tried_again_in_s=_HELD_RETRY_S,
        )

    async def _purge(self, connection: AsyncConnection) -> None:
        """Remove a share of what is older than is kept; the next one when idle again, then not for an hour."""
        if time.monotonic() - self._purged_at < _PURGE_EVERY_S:
            return
        purges = (
            (_PURGE_OUTBOX, self.sent_kept),
            (_PURGE_INBOX, self.inbox_kept),
            (_PURGE_REQUEST_KEYS, self.request_keys_kept),
        )
        purged = [(await connection.execute(how, {"kept": kept, "rows": _PURGE_ROWS})).rowcount for how, kept in purges]
        if max(purged) < _PURGE_ROWS:
            self._purged_at = time.monotonic()


async def _wait(seconds: float, *events: asyncio.Event) -> None:
    """Wait until one of the events is set, or the time is over."""
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
