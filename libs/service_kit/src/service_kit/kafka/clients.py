"""The one place where Kafka producers and consumers are made, so that all of them give the same guarantees."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.codec import lz4_encode
from aiokafka.partitioner import murmur2

from service_kit.logs import logger
from service_kit.settings import ServiceSettings

_log = logger(__name__)
MAX_REQUEST_BYTES = 1_000_000
"""The largest record a producer takes; contracts allow 900,000 bytes of value, brokers refuse 1,048,588."""
HOUR_MS = 3_600_000


def _lz4_level_1(data: bytes) -> bytes:
    return bytes(lz4_encode(data, level=1))


def _compress_lightly() -> None:
    """aiokafka compresses lz4 at level 9 and has no setting for it; level 1 costs a fraction for nearly the size."""
    for name in ("aiokafka.record.default_records", "aiokafka.record._crecords.default_records"):
        try:
            module = import_module(name)
        except ImportError:  # built without its C extension
            continue
        module.lz4_encode = _lz4_level_1  # type: ignore[attr-defined]


_compress_lightly()


def servers(given: str | None = None) -> str:
    """The brokers: as given, else FARTHING_KAFKA."""
    return given or ServiceSettings().kafka


def partition_for(customer_id: int | str, partitions: int) -> int:
    """The partition of a customer's events: murmur2 of the id's decimal text, as Kafka's default partitioner has it."""
    return int((murmur2(str(customer_id).encode()) & 0x7FFFFFFF) % partitions)


def make_producer(
    transactional_id: str | None = None, *, kafka: str | None = None, client_id: str = "farthing", linger_ms: int = 0
) -> AIOKafkaProducer:
    """A producer that is idempotent and waits for all replicas; start and stop it yourself.

    Args:
        transactional_id: makes it transactional; a second producer of that id fences the first.
        kafka: brokers, else FARTHING_KAFKA.
        client_id: shown in the broker's logs and quotas.
        linger_ms: how long to wait for a batch to fill.
    """
    return AIOKafkaProducer(
        bootstrap_servers=servers(kafka),
        client_id=client_id,
        transactional_id=transactional_id,
        enable_idempotence=True,
        acks="all",
        compression_type="lz4",
        max_batch_size=512 * 1024,
        max_request_size=MAX_REQUEST_BYTES,
        linger_ms=linger_ms,
        request_timeout_ms=30_000,
        metadata_max_age_ms=60_000,
    )


def make_consumer(
    *topics: str, group: str | None, kafka: str | None = None, client_id: str = "farthing", **more: Any
) -> AIOKafkaConsumer:
    """A consumer that starts at the beginning, reads committed records only and never commits by itself.

    Args:
        topics: to subscribe to; none where you assign partitions.
        group: the consumer group, or None to follow without one.
        kafka: brokers, else FARTHING_KAFKA.
        client_id: shown in the broker's logs.
        more: further aiokafka settings.
    """
    settings: dict[str, Any] = {**CONSUMER_SETTINGS, **more}
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=servers(kafka),
        client_id=client_id,
        group_id=group,
        enable_auto_commit=False,
        metadata_max_age_ms=60_000,
        **settings,
    )


async def leave(stop: Callable[[], Awaitable[None]], *, within_s: float) -> None:
    """Stop consumers for good. To leave a group is a courtesy: what hinders it is told, and is no failure.

    A consumer that waits for its turn to join (behind a member that was killed, until that one's session ends) does not
    hear that it is to stop. Who goes without a word is missed by the group in the same way, and what it has not
    acknowledged comes again.

    Args:
        stop: stops them.
        within_s: how many seconds that may take.
    """
    try:
        async with asyncio.timeout(within_s):
            await stop()
    except Exception as error:
        _log.warning("a group is left without a word", error=repr(error))


CONSUMER_SETTINGS: dict[str, Any] = {
    "auto_offset_reset": "earliest",
    "isolation_level": "read_committed",
    # Liveness is told by heartbeats. A handler that waits for its database may wait long, and giving its partitions
    # away meanwhile would only make another wait.
    "max_poll_interval_ms": 24 * HOUR_MS,
    "session_timeout_ms": 15_000,
    "heartbeat_interval_ms": 3_000,
    "rebalance_timeout_ms": 30_000,
    "max_partition_fetch_bytes": 4 * 1024 * 1024,
    "fetch_max_wait_ms": 200,
}
"""What every consumer is given, FastStream's and our own."""
