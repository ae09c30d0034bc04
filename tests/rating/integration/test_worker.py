"""The worker, killed and doubled: real processes, a broker of their own, a real Postgres."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient
from tests.rating.support.carriers import assignment, cdr, customer, in_february, number, tariff, tell, tell_reference
from tests.rating.support.fleet import Fleet
from tests.support.platform import Databases, create_topics, kafka_server, unique

from contracts.topics import CDR_RECEIVED, USAGE_EXCEPTIONS, USAGE_RATED
from rating.worker import GROUP
from service_kit.database import bind
from service_kit.kafka import end_offsets, make_consumer, make_producer

OURS, NOBODYS = "442079460001", "442079460999"
POINTS = ("rating.copied", "rating.stored", "rating.emitted", "rating.committed")


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
async def fleet(
    own_broker: str, own_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Fleet]:
    """No worker yet, and a carrier with one customer and one number."""
    in_february(monkeypatch, tmp_path)
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


async def events_of(fleet: Fleet) -> dict[str, Counter[int]]:
    """By source, how many committed events there are of each usage id."""
    consumer = make_consumer(group=None, kafka=fleet.kafka)
    consumer.subscribe([USAGE_RATED, USAGE_EXCEPTIONS])
    seen: dict[str, Counter[int]] = defaultdict(Counter)
    await consumer.start()
    try:
        while True:
            for records in (await consumer.getmany(timeout_ms=300)).values():
                for value in (json.loads(record.value) for record in records):
                    seen[value["source"]][value["usage_id"]] += 1
            if await _read_to_the_end(fleet, consumer):
                return seen
    finally:
        await consumer.stop()


async def _read_to_the_end(fleet: Fleet, consumer: Any) -> bool:
    if not consumer.assignment():
        return False
    for topic in (USAGE_RATED, USAGE_EXCEPTIONS):
        ends = await end_offsets(topic, kafka=fleet.kafka)
        for tp in (each for each in consumer.assignment() if each.topic == topic):
            if await consumer.position(tp) < ends[tp.partition]:
                return False
    return True


def kept(fleet: Fleet, source: str) -> dict[str, list[int]]:
    """Usage ids by record id, of what is charged or held."""
    found: dict[str, list[int]] = {}
    for table in ("usage", "held"):
        for row in fleet.rows(f"SELECT record_id, usage_id FROM {table} WHERE source = %s", source):
            found.setdefault(row["record_id"], []).append(row["usage_id"])
    return found


@pytest.mark.faults
async def test_a_worker_killed_at_any_point_charges_each_call_once_and_tells_it_once(fleet: Fleet) -> None:
    """R1, B5: one row and one committed event a call, however often the worker is killed, and wherever."""
    source = unique("killed")
    for point in POINTS:
        await fleet.take(calls(f"{source}-{point}", 40))
        assert fleet.killed(fleet.start(FARTHING_CRASH_POINTS=f"{point}=1")), f"{point} was never reached"
    fleet.start()
    await fleet.until_stored()
    assert fleet.stop() == [0]
    events = await events_of(fleet)
    for point in POINTS:
        stored = kept(fleet, f"{source}-{point}")
        assert sorted(map(len, stored.values())) == [1] * 40, point
        ids = {usage_id for each in stored.values() for usage_id in each}
        assert events[f"{source}-{point}"] == dict.fromkeys(ids, 1), point


@pytest.mark.faults
async def test_a_worker_that_makes_nothing_good_is_noticed(fleet: Fleet) -> None:
    """The control of the test above: without the kept events some are missing, and the same comparison says so."""
    source = unique("broken")
    await fleet.take(calls(source, 40))
    assert fleet.killed(fleet.start(FARTHING_CRASH_POINTS="rating.stored=1"))
    fleet.start(BROKEN="nothing made good")
    await fleet.take(calls(unique("more"), 40))
    await fleet.until_stored()
    assert fleet.stop() == [0]
    stored = kept(fleet, source)
    assert sorted(map(len, stored.values())) == [1] * 40
    assert len((await events_of(fleet))[source]) < 40


async def test_who_let_go_has_told_all_whatever_kafka_remembers(fleet: Fleet) -> None:
    """B5, decision 23: Kafka forgets the offsets of a group that was away for long; nothing is told again for that."""
    source = unique("forgotten")
    await fleet.take(calls(source, 40))
    fleet.start(instance="")  # no fixed member of the group: it leaves at once
    await fleet.until_stored()
    assert fleet.stop() == [0]
    admin = AdminClient({"bootstrap.servers": fleet.kafka})
    admin.delete_consumer_groups([GROUP])[GROUP].result(60)
    fleet.start()
    await fleet.take(calls(unique("more"), 40))
    await fleet.until_stored()
    assert fleet.stop() == [0]
    ids = {usage_id for each in kept(fleet, source).values() for usage_id in each}
    assert (await events_of(fleet))[source] == dict.fromkeys(ids, 1)


async def test_partitions_move_while_calls_trickle_in(fleet: Fleet) -> None:
    """B5: a worker that waits for calls lets go of partitions though a call comes just then."""
    source, ended = unique("trickle"), asyncio.Event()
    trickling = asyncio.create_task(_trickle(fleet, source, ended))
    fleet.start(instance="")
    await _until(lambda: len(_workers(fleet)) == 1)
    second = fleet.start(instance="")
    await _until(lambda: len(_workers(fleet)) == 2)
    second.send_signal(signal.SIGTERM)
    await asyncio.to_thread(fleet.ended, second)
    await _until(lambda: len(_workers(fleet)) == 1)
    ended.set()
    sent = await trickling
    await fleet.until_stored()
    assert fleet.stop() == [0]
    assert sorted(map(len, kept(fleet, source).values())) == [1] * sent


@pytest.mark.faults
async def test_a_worker_that_waits_to_join_ends_when_asked(fleet: Fleet) -> None:
    """A restart after a crash: Kafka waits for the dead worker's session to end, the new one need not."""
    fleet.start(instance="")
    await fleet.take(calls(unique("before"), 40))
    await fleet.until_stored()
    fleet.kill()
    fleet.start(instance="")
    admin = AdminClient({"bootstrap.servers": fleet.kafka})
    joining = ConsumerGroupState.PREPARING_REBALANCING
    await _until(lambda: admin.describe_consumer_groups([GROUP])[GROUP].result(60).state == joining)
    began = time.monotonic()
    assert fleet.stop() == [0]
    assert time.monotonic() - began < 8  # of a session of 15


@pytest.mark.faults
@pytest.mark.parametrize("point", ["rating.emitting", "rating.emitted"])
async def test_a_worker_that_goes_on_after_another_took_over_tells_nothing(fleet: Fleet, point: str) -> None:
    """R1, B5: it was taken for dead with its calls stored and not told; the other one tells them, once."""
    source = unique("zombie")
    await _taken_over(fleet, source, point)
    await _until(lambda: "worker starts over" in fleet.told())
    ids = {usage_id for each in kept(fleet, source).values() for usage_id in each}
    assert (await events_of(fleet))[source] == dict.fromkeys(ids, 1)
    fleet.kill()


@pytest.mark.faults
async def test_a_worker_that_is_not_fenced_is_noticed(fleet: Fleet) -> None:
    """The control of the test above: what it had in hand is told by both."""
    source = unique("unfenced")
    await _taken_over(fleet, source, "rating.emitting", BROKEN="no fencing")
    deadline = time.monotonic() + 60
    while 2 not in (await events_of(fleet))[source].values():
        assert time.monotonic() < deadline
    fleet.kill()


async def _taken_over(fleet: Fleet, source: str, point: str, **more: str) -> None:
    """A worker stops at a point, another takes its place and tells what it had stored; then the first one goes on."""
    stopped = fleet.start(STOPPED_AT=point)
    await fleet.take(calls(source, 40))
    await _until(lambda: _state_of(stopped.pid) == "T")
    fleet.start(**more)
    await fleet.take(calls(f"{source}-more", 40))
    deadline = time.monotonic() + 60
    while not await _told(fleet, source) or not await _told(fleet, f"{source}-more"):
        assert time.monotonic() < deadline, fleet.told()
    stopped.send_signal(signal.SIGCONT)


async def _told(fleet: Fleet, source: str) -> bool:
    return len((await events_of(fleet))[source]) == 40


async def _trickle(fleet: Fleet, source: str, ended: asyncio.Event) -> int:
    """Send a call every few milliseconds until `ended`. Returns how many."""
    sent = 0
    producer = make_producer(kafka=fleet.kafka)
    await producer.start()
    try:
        while not ended.is_set():
            await producer.send_and_wait(CDR_RECEIVED, cdr(source, f"{sent}", OURS), partition=sent % 6)
            sent += 1
            await asyncio.sleep(0.005)
    finally:
        await producer.stop()
    return sent


def _workers(fleet: Fleet) -> set[str]:
    """The names of those who have partitions of `cdr.received`."""
    found = fleet.rows("SELECT DISTINCT worker FROM input_position WHERE topic = %s", CDR_RECEIVED)
    return {row["worker"] for row in found if row["worker"] is not None}


async def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def _state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


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
