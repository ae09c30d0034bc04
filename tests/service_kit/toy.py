"""A small service to be killed: it ticks customers, tells of each tick, and takes the ticks in as effects.

`python -m tests.service_kit.toy <role> <topic>` forks a child that plays the role and forks another whenever the child
is killed, until the role is done (exit 0) or SIGTERM comes; then it prints how often it was killed. Forking spares the
tests the start of an interpreter for every kill.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa

from contracts.base import CustomerEvent
from contracts.topics import BY_NAME, Topic
from service_kit import logs
from service_kit.database import bind, reading, transaction
from service_kit.faults import crash_point
from service_kit.kafka import Received, Retry, Subscriptions, make_producer, partition_for
from service_kit.kafka.records import cloud_headers
from service_kit.outbox import Relay
from service_kit.tables import erasure_table, kit_tables

TICKS = 300
CUSTOMERS = 7
PARTITIONS = 3

metadata = sa.MetaData()
kit = kit_tables(metadata)
erasure = erasure_table(metadata)
tick = sa.Table(
    "tick",
    metadata,
    sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("customer_id", sa.BigInteger, nullable=False),
)
effect = sa.Table(
    "effect",
    metadata,
    sa.Column("seq", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("n", sa.BigInteger, nullable=False),
    sa.Column("customer_id", sa.BigInteger, nullable=False),
)


class Ticked(CustomerEvent):
    """One tick of a customer."""

    event_type: ClassVar[str] = "toy.ticked"
    topic: ClassVar[str] = "toy"

    n: int
    padding: str = ""


def ticked_on(topic: str) -> type[Ticked]:
    """The event, sent on a test's own topic."""
    return type("Ticked", (Ticked,), {"topic": topic, "__module__": __name__})


def own_topic(name: str) -> Topic:
    """The entry of a test's own topic in contracts' table."""
    return BY_NAME.setdefault(name, Topic(name, "customer id", None, PARTITIONS))


async def create_tables() -> None:
    """The toy's schema, in the bound database."""
    async with transaction() as tx:
        await tx.connection.run_sync(metadata.create_all)


async def produce(topic: str, _: asyncio.Event) -> None:
    """Tick until TICKS ticks are committed, each with its event."""
    while (n := await _next()) < TICKS:
        event = ticked_on(topic)(customer_id=n % CUSTOMERS + 1, n=n)
        async with transaction() as tx:
            await tx.connection.execute(tick.insert().values(n=n, customer_id=event.customer_id))
            crash_point("producer-before-event")
            await tx.publish(event)
            crash_point("producer-before-commit")
        crash_point("producer-after-commit")


async def produce_after_commit(topic: str, _: asyncio.Event) -> None:
    """The same, broken on purpose: the event goes to Kafka after the commit."""
    producer = make_producer()
    await producer.start()
    while (n := await _next()) < TICKS:
        event = ticked_on(topic)(customer_id=n % CUSTOMERS + 1, n=n)
        async with transaction() as tx:
            await tx.connection.execute(tick.insert().values(n=n, customer_id=event.customer_id))
        crash_point("producer-after-commit")
        await producer.send_and_wait(
            topic, event.model_dump_json().encode(), b"", headers=headers_of(event, n), partition=_partition(event)
        )
    await producer.stop()


async def relay(_: str, stop: asyncio.Event) -> None:
    """Send what the outbox holds."""
    await Relay("toy").run(stop)


async def consume(topic: str, stop: asyncio.Event) -> None:
    """Take the ticks in."""
    subscriptions = Subscriptions("toy", retry=Retry(first_s=0.02, longest_s=0.2))
    subscriptions.on(topic, f"{topic}.toy", take_in_ticks, types=[ticked_on(topic)], batch_size=20)
    await subscriptions.run(stop)


async def take_in_ticks(events: list[Received]) -> None:
    """One effect per tick, however often it arrives."""
    async with transaction() as tx:
        fresh = await tx.take_in("toy", [event.id for event in events])
        rows = [event.event.model_dump(include={"n", "customer_id"}) for event in events if event.id in fresh]
        crash_point("consumer-before-effect")
        if rows:
            await tx.connection.execute(effect.insert(), rows)
        crash_point("consumer-before-commit")
    crash_point("consumer-after-commit")


def headers_of(event: Ticked, n: int) -> list[tuple[str, bytes]]:
    """An event's headers, as a sender without an outbox would make them."""
    id = UUID(int=n + 1)
    return cloud_headers(id=id, type=event.event_type, source="/toy", time=datetime.now(UTC), subject=event.key())


def _partition(event: Ticked) -> int:
    return partition_for(event.customer_id, PARTITIONS)


async def _next() -> int:
    async with reading() as connection:
        return (await connection.scalar(sa.select(sa.func.coalesce(sa.func.max(tick.c.n), -1)))) + 1


ROLES: dict[str, Any] = {
    "produce": produce,
    "produce-after-commit": produce_after_commit,
    "relay": relay,
    "consume": consume,
}


async def _play(role: str, topic: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    own_topic(topic)
    database = bind(os.environ["FARTHING_POSTGRES_TOY"])
    await ROLES[role](topic, stop)
    await database.close()


def _child(role: str, topic: str) -> None:
    random.seed()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logs.configure("toy", "WARNING")
    asyncio.run(_play(role, topic))
    os._exit(0)


def main(role: str, topic: str) -> None:
    """Keep a child in the role, whatever kills it."""
    kills = 0
    child = 0
    asked_to_stop = False

    def on_term(*_: object) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True
        with suppress(ProcessLookupError):  # it was killed a moment ago, and the next one is not there yet
            os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, on_term)
    while True:
        child = os.fork() or _child(role, topic) or 0
        if asked_to_stop:  # between two children
            on_term()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            kills += 1
        if not os.WIFSIGNALED(status) or asked_to_stop:
            break
    print(f"kills={kills}", flush=True)
    sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
