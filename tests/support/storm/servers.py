"""A broker and a durable database server of their own, which can be crashed and come back."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from tests.support.platform import Databases, create_topics, temporary_state

from contracts.topics import CDR_BACKFILL, CDR_RECEIVED, USAGE_EXCEPTIONS, USAGE_RATED
from local_platform import ports
from local_platform.errors import PlatformError
from local_platform.kafka import Kafka
from local_platform.postgres import Postgres
from local_platform.processes import Children

TOPICS = (CDR_RECEIVED, CDR_BACKFILL, USAGE_RATED, USAGE_EXCEPTIONS)
AGAIN_WITHIN_S = 60.0
PARTITIONS = 6


@dataclass
class Servers:
    """Both servers, in folders that outlive their processes."""

    kafka: Kafka
    postgres: Postgres
    children: Children

    async def crash_postgres(self) -> None:
        """SIGKILL the server and start it on its folder again, as soon as its processes have let go of it."""
        assert self.postgres.process is not None
        os.kill(self.postgres.process.pid, signal.SIGKILL)
        await asyncio.to_thread(self.postgres.process.wait, AGAIN_WITHIN_S)
        await asyncio.to_thread(self._start_postgres)

    def _start_postgres(self) -> None:
        deadline = time.monotonic() + AGAIN_WITHIN_S
        while True:
            assert self.postgres.process is not None
            self.children.sweep(self.postgres.process)
            try:
                return self.postgres.start()
            except PlatformError:
                if time.monotonic() > deadline:
                    raise

    async def restart_kafka(self) -> None:
        """Stop the broker in order and start it again."""
        await asyncio.to_thread(self.kafka.stop)
        await asyncio.to_thread(self.kafka.start)


@contextmanager
def own_servers() -> Iterator[tuple[Servers, Databases]]:
    """Two servers that nobody else uses, with all topics."""
    with temporary_state() as state, Children() as children:
        kafka = Kafka(state / "kafka", children, port=ports.reserve(), controller_port=ports.reserve())
        postgres = Postgres(state / "postgres", children, port=ports.reserve(), durable=True)
        postgres.start()
        kafka.start()
        create_topics(kafka.bootstrap)
        yield Servers(kafka, postgres, children), Databases(postgres.admin_dsn)


async def make_topics_again(bootstrap: str, *topics: str) -> None:
    """Delete topics and make them again, empty and with other ids."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics(list(topics))
        deadline = time.monotonic() + AGAIN_WITHIN_S
        while set(topics) & set(await admin.list_topics()):
            assert time.monotonic() < deadline, "the topics are still there"
            await asyncio.sleep(0.05)
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics])
    finally:
        await admin.close()
