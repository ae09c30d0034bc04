"""Small batches of CDRs by HTTP: the third door to `cdr.received` (SPEC R2)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from rating.intake import UNKNOWN_SOURCE, read_batch
from rating.sending import send_values
from service_kit.errors import Transient
from service_kit.http import Invalid
from service_kit.kafka import make_producer

MOST_RECORDS = 1_000
LONGEST_RECORD_BYTES = 64 * 1024
_KEPT_OF_LONG = 4 * 1024


class KafkaRefused(Transient):
    """Kafka did not acknowledge the records: some, all or none of them are on the topic; sent again, the rest follows
    and what was there is a duplicate.
    """


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    records: list[msgspec.Raw]


class _Hint(msgspec.Struct):
    charged_number: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that cannot be read as a CDR; `index` counts from 0. It is kept as rejected."""

    index: int
    reason: str
    field: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Taken:
    """How many records were taken in as CDRs, and which were not."""

    accepted: int
    refused: list[Refused]


_decode = msgspec.json.Decoder(_Batch).decode
_hint = msgspec.json.Decoder(_Hint).decode


async def take_in(body: bytes) -> Taken:
    """Publish the records of a batch as they were sent; the worker judges them, unreadable ones too.

    Args:
        body: `{"records": [...]}`, each as contracts' CdrReceived.

    Raises:
        Invalid: the body is no batch, or has too many records; nothing was published.
        KafkaRefused: to be sent again.
    """
    records = [_published(bytes(record)) for record in _records(body)]
    await _sender.send([(_key(value), value) for value in records])
    refused = [Refused(index, told.reason, told.field, told.detail) for index, told in read_batch(records).unread]
    return Taken(len(records) - len(refused), refused)


def _records(body: bytes) -> list[msgspec.Raw]:
    try:
        records = _decode(body).records
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid(f'send {{"records": [...]}}: {error}') from error
    if not 1 <= len(records) <= MOST_RECORDS:
        raise _invalid(f"a batch has 1 to {MOST_RECORDS} records, this one {len(records)}: send a file instead")
    return records


def _invalid(message: str) -> Invalid:
    return Invalid(message, errors=[{"field": "records", "message": message}])


def _published(record: bytes) -> bytes:
    """The record as it was sent; of one that is too long for a CDR only the beginning, as rejected."""
    if len(record) <= LONGEST_RECORD_BYTES:
        return record
    detail = f"the record has {len(record)} bytes, a CDR {LONGEST_RECORD_BYTES} at most"
    raw = record[:_KEPT_OF_LONG].decode("utf-8", "replace")
    error = {"reason": "too_large", "field": None, "detail": detail}
    return msgspec.json.encode({"source": UNKNOWN_SOURCE, "intake_error": error, "raw": raw})


def _key(value: bytes) -> str:
    try:
        hint = _hint(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UNKNOWN_SOURCE
    return (hint.charged_number or hint.source)[:LONGEST_RECORD_BYTES] or UNKNOWN_SOURCE


class _Sender:
    """The process's idempotent producer for batches, started when it is first needed."""

    def __init__(self) -> None:
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def send(self, values: list[tuple[str, bytes]]) -> None:
        try:
            await send_values(await self._started(), values)
        except (KafkaError, OSError) as error:
            await self.stop()
            raise KafkaRefused(repr(error)) from error

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = make_producer(client_id="farthing-rating-cdrs")
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def stop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()


_sender = _Sender()


async def stop_sending() -> None:
    """Let the producer go, after what it has in hand."""
    await _sender.stop()
