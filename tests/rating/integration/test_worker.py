"""The worker, killed and doubled: real processes, a broker of their own, a real Postgres."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.rating.support.carriers import assignment, cdr, customer, number, tariff, tell, tell_reference
from tests.support.platform import Databases, create_topics, kafka_server, unique

from contracts.topics import CDR_RECEIVED, USAGE_EXCEPTIONS, USAGE_RATED
from service_kit.database import bind
from service_kit.kafka import end_offsets, make_consumer, make_producer

WITHIN_S = 120.0
PROCESS = Path(__file__).with_name("worker_process.py")
OURS, NOBODYS = "442079460001", "442079460999"
POINTS = ("rating.copied", "rating.stored", "rating.emitted", "rating.committed")


@dataclass
class Fleet:
    """Worker processes on one broker and one database."""

    kafka: str
    dsn: str
    log: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, instance: str = "one", **more: str) -> subprocess.Popen[bytes]:
        """Start a worker; one that has the instance of a killed one takes its partitions back at once."""
        named = {"FARTHING_KAFKA": self.kafka, "FARTHING_POSTGRES_RATING": self.dsn, "FARTHING_INSTANCE": instance}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(PROCESS)], env={**os.environ, **named, **more}, stdout=log, stderr=log
            )
        self.running.append(process)
        return process

    def stop(self) -> list[int]:
        """Ask all to end. Returns their exit codes."""
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(WITHIN_S) for process in self.running]
        self.running.clear()
        return codes

    def killed(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until a process has ended; whether SIGKILL ended it."""
        self.running.remove(process)
        return process.wait(WITHIN_S) == -signal.SIGKILL

    def kill(self) -> None:
        """Leave nothing behind."""
        for process in self.running:
            process.kill()
            process.wait()

    async def take(self, values: Sequence[bytes], partition: int | None = None) -> None:
        """Send records, round the partitions."""
        producer = make_producer(kafka=self.kafka)
        await producer.start()
        try:
            for index, value in enumerate(values):
                await producer.send(CDR_RECEIVED, value, partition=index % 6 if partition is None else partition)
        finally:
            await producer.stop()

    async def until_stored(self) -> None:
        """Wait until the stored positions are at the ends of the topic."""
        ends = await end_offsets(CDR_RECEIVED, kafka=self.kafka)
        deadline = time.monotonic() + WITHIN_S
        while any(self.positions().get(partition, 0) < end for partition, end in ends.items()):
            assert time.monotonic() < deadline, f"{self.positions()} of {ends}\n{self.log.read_text()[-2_000:]}"
            assert all(process.poll() is None for process in self.running), self.log.read_text()[-2_000:]
            await asyncio.sleep(0.1)

    def positions(self) -> dict[int, int]:
        """How far each partition is stored."""
        found = self.rows("SELECT partition, position FROM input_position WHERE topic = 'cdr.received'")
        return {row["partition"]: row["position"] for row in found}

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the database."""
        with psycopg.connect(self.dsn, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(statement, values).fetchall()

    async def events(self) -> dict[str, Counter[int]]:
        """By source, how many committed events there are of each usage id."""
        consumer = make_consumer(group=None, kafka=self.kafka)
        consumer.subscribe([USAGE_RATED, USAGE_EXCEPTIONS])
        seen: dict[str, Counter[int]] = defaultdict(Counter)
        await consumer.start()
        try:
            while True:
                for records in (await consumer.getmany(timeout_ms=300)).values():
                    for value in (json.loads(record.value) for record in records):
                        seen[value["source"]][value["usage_id"]] += 1
                if await self._read_to_the_end(consumer):
                    return seen
        finally:
            await consumer.stop()

    async def _read_to_the_end(self, consumer: Any) -> bool:
        if not consumer.assignment():
            return False
        for topic in (USAGE_RATED, USAGE_EXCEPTIONS):
            ends = await end_offsets(topic, kafka=self.kafka)
            for tp in (each for each in consumer.assignment() if each.topic == topic):
                if await consumer.position(tp) < ends[tp.partition]:
                    return False
        return True


@pytest.fixture(scope="module")
def own_broker() -> Iterator[str]:
    """A broker that nobody else uses: the worker's group is one of its own kind."""
    with kafka_server() as bootstrap:
        create_topics(bootstrap)
        yield bootstrap


@pytest.fixture(scope="module")
def own_database(databases: Databases) -> Iterator[str]:
    """One database for the tests of this file, which tell their records apart by source."""
    dsn = databases.migrated("rating")
    tariff(dsn, [("44", 120_000)])
    yield dsn
    databases.drop(dsn)


@pytest.fixture
async def fleet(own_broker: str, own_database: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    """No worker yet, and a carrier with one customer and one number."""
    database = bind(own_database)
    await tell_reference()
    await tell(customer(1), number(1, 1, OURS), assignment(1, 1, OURS))
    await database.close()
    made = Fleet(own_broker, own_database, tmp_path / "workers.log")
    yield made
    made.kill()


def calls(source: str, count: int) -> list[bytes]:
    """Records of one source, every seventh of a number that nobody has."""
    return [cdr(source, f"{n}", NOBODYS if n % 7 == 0 else OURS) for n in range(count)]


def kept(fleet: Fleet, source: str) -> dict[str, list[int]]:
    """Usage ids by record id, of what is charged or held."""
    found: dict[str, list[int]] = {}
    for table in ("usage", "held"):
        for row in fleet.rows(f"SELECT record_id, usage_id FROM {table} WHERE source = %s", source):
            found.setdefault(row["record_id"], []).append(row["usage_id"])
    return found


async def test_a_worker_killed_at_any_point_charges_each_call_once_and_tells_it_once(fleet: Fleet) -> None:
    """R1, B5: one row and one committed event a call, however often the worker is killed, and wherever."""
    source = unique("killed")
    for point in POINTS:
        await fleet.take(calls(f"{source}-{point}", 40))
        assert fleet.killed(fleet.start(FARTHING_CRASH_POINTS=f"{point}=1")), f"{point} was never reached"
    fleet.start()
    await fleet.until_stored()
    assert fleet.stop() == [0]
    events = await fleet.events()
    for point in POINTS:
        stored = kept(fleet, f"{source}-{point}")
        assert sorted(map(len, stored.values())) == [1] * 40, point
        ids = {usage_id for each in stored.values() for usage_id in each}
        assert events[f"{source}-{point}"] == dict.fromkeys(ids, 1), point


async def test_a_worker_that_makes_nothing_good_is_noticed(fleet: Fleet) -> None:
    """The control of the test above: without the kept events some are missing, and the same comparison says so."""
    source = unique("broken")
    await fleet.take(calls(source, 40))
    assert fleet.killed(fleet.start(FARTHING_CRASH_POINTS="rating.stored=1"))
    fleet.start(BROKEN="1")
    await fleet.until_stored()
    assert fleet.stop() == [0]
    stored = kept(fleet, source)
    assert sorted(map(len, stored.values())) == [1] * 40
    assert len((await fleet.events())[source]) < 40


async def test_copies_met_by_different_workers_are_charged_once(fleet: Fleet) -> None:
    """R1, Z21, B5: across partitions and workers; a copy with other content is shown as a conflict."""
    source = unique("copies")
    first, other = calls(source, 120), [cdr(source, f"{n}", OURS, duration_seconds=61) for n in range(0, 120, 4)]
    for instance in ("one", "two"):
        fleet.start(instance)
    await asyncio.gather(*(fleet.take(first, partition) for partition in range(6)), fleet.take(other))
    await fleet.until_stored()
    assert fleet.stop() == [0, 0]
    stored = kept(fleet, source)
    assert len(stored) == 120
    assert {len(ids) for ids in stored.values()} == {1}
    copies = fleet.rows("SELECT record_id, first_usage_id, conflict FROM duplicate WHERE source = %s", source)
    assert len(copies) == 6 * 120 + len(other) - 120
    assert all([each["first_usage_id"]] == stored[each["record_id"]] for each in copies)
    contested = {each["record_id"] for each in copies if each["conflict"]}
    assert contested == {f"{n}" for n in range(0, 120, 4)}
