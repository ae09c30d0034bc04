"""Consuming: nothing lost, order kept, poison put aside, passing trouble waited out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import ConsumerRebalanceListener
from tests.service_kit import toy
from tests.service_kit.conftest import until

from service_kit import clock, deadletters
from service_kit.__main__ import main
from service_kit.errors import ConfigurationError, DatabaseAway
from service_kit.kafka import (
    Received,
    Retry,
    Subscriptions,
    cloud_headers,
    dead_letter_topic,
    lag,
    make_consumer,
    make_producer,
    partition_for,
)

GROUP = "toy.tests"
QUICK = Retry(attempts=3, first_s=0.01, longest_s=0.05)
Handle = Callable[[list[Received]], Awaitable[None]]


async def test_batches_keep_the_order_of_each_customer(topic: str) -> None:
    """E1: all events of one customer on a topic stay in order."""
    seen: list[toy.Ticked] = []

    async def handle(events: list[Received]) -> None:
        seen.extend(_ticks(events))

    await _send(topic, [(n % 5 + 1, n) for n in range(1_000)])
    async with _consuming(topic, handle, batch_size=37):
        await until(lambda: _is(lambda: len(seen) == 1_000))
    for customer in range(1, 6):
        numbers = [tick.n for tick in seen if tick.customer_id == customer]
        assert numbers == sorted(numbers)


async def test_a_batch_that_fails_is_tried_one_by_one_and_nothing_is_lost(topic: str) -> None:
    """DESIGN FastStream: a nacked batch loses nothing; only the poison is put aside, the others are handled."""
    handled: list[int] = []

    async def handle(events: list[Received]) -> None:
        if any(tick.n == 13 for tick in _ticks(events)):
            raise ValueError("thirteen")
        handled.extend(tick.n for tick in _ticks(events))

    await _send(topic, [(1, n) for n in range(40)])
    async with _consuming(topic, handle):
        await until(lambda: _is(lambda: len(handled) == 39))
        letters = await _letters(topic, 1)
    assert handled == [n for n in range(40) if n != 13]
    assert letters[0].error == "ValueError: thirteen"
    assert letters[0].type == "toy.ticked"
    assert letters[0].service == "toy"
    assert letters[0].original == f"{topic}/{letters[0].original.split('/')[1]}/13"


async def test_a_dead_letter_is_replayed_to_its_own_group_once(topic: str) -> None:
    """DESIGN dead letters: replayed to `<topic>.<group>.retry`, never to the shared topic."""
    broken = True
    handled: list[int] = []

    async def handle(events: list[Received]) -> None:
        if broken:
            raise ValueError("not yet mended")
        assert {event.topic for event in events} == {topic}
        handled.extend(tick.n for tick in _ticks(events))

    await _send(topic, [(1, 1), (2, 2)])
    async with _consuming(topic, handle):
        await _letters(topic, 2)
        broken = False
        assert await deadletters.replay(topic, GROUP) == 2
        await until(lambda: _is(lambda: len(handled) == 2))
        assert await deadletters.replay(topic, GROUP) == 0
    assert sorted(handled) == [1, 2]
    assert [letter.replayed for letter in await _letters(topic, 2)] == [True, True]
    assert len(await _records(topic, 2)) == 2


async def test_dead_letters_are_listed_and_replayed_by_command(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    """DESIGN dead letters: an operator sees what, from where and why, and sends it back."""

    async def handle(_: list[Received]) -> None:
        raise ValueError("broken on purpose")

    await _send(topic, [(1, 1)])
    async with _consuming(topic, handle):
        await _letters(topic, 1)
    await asyncio.to_thread(main, ["deadletters", "list", topic, GROUP])
    await asyncio.to_thread(main, ["deadletters", "replay", topic, GROUP])
    await asyncio.to_thread(main, ["deadletters", "list"])
    told = capsys.readouterr().out
    assert "ValueError: broken on purpose" in told
    assert f"1 sent to {topic}.{GROUP}.retry" in told
    assert told.index("[waiting]") < told.index("[replayed]")


async def test_a_record_that_cannot_be_read_goes_to_the_dead_letters_at_once(topic: str) -> None:
    """DESIGN FastStream: no header or value, however broken, stops or skips the rest."""
    good = cloud_headers(id=uuid4(), type="toy.ticked", source="/toy", time=clock.wall_now(), subject="1")
    handled: list[int] = []

    async def handle(events: list[Received]) -> None:
        handled.extend(tick.n for tick in _ticks(events))

    broken: list[tuple[bytes, list[tuple[str, Any]]]] = [
        (b"not json", good),
        (b'{"n": 1}', good),
        (b'{"customer_id": 1, "n": 1}', []),
        (b'{"customer_id": 1, "n": 1}', [("ce_id", b"\xff\xfe"), ("ce_type", None)]),
    ]
    producer = make_producer()
    await producer.start()
    for value, headers in broken:
        await producer.send_and_wait(topic, value, b"1", partition=0, headers=headers)
    await producer.stop()
    await _send(topic, [(customer, customer) for customer in range(1, 20)])
    async with _consuming(topic, handle):
        await until(lambda: _is(lambda: len(handled) == 19))
        letters = await _letters(topic, 4)
    assert sum("not a toy.ticked" in letter.error for letter in letters) == 2
    assert sum("ce_type and ce_id" in letter.error for letter in letters) == 2


async def test_trouble_that_passes_is_waited_out_without_dead_letters(topic: str) -> None:
    """DESIGN FastStream: a database that is away is tried for as long as it takes."""
    failures = 0
    handled: list[int] = []

    async def handle(events: list[Received]) -> None:
        nonlocal failures
        if failures < 4 * QUICK.attempts:
            failures += 1
            raise DatabaseAway("the database is away")
        handled.extend(tick.n for tick in _ticks(events))

    await _send(topic, [(1, n) for n in range(10)])
    async with _consuming(topic, handle):
        await until(lambda: _is(lambda: len(handled) == 10))
    assert handled == list(range(10))
    assert failures == 4 * QUICK.attempts
    assert dead_letter_topic(topic, GROUP) not in await deadletters.dead_letter_topics()


async def test_a_batch_in_hand_when_the_process_stops_comes_again(topic: str) -> None:
    """DESIGN FastStream: acknowledged after success only."""
    await _send(topic, [(1, n) for n in range(10)])
    began = asyncio.Event()

    async def never_ready(_: list[Received]) -> None:
        began.set()
        raise DatabaseAway("still away")

    async with _consuming(topic, never_ready):
        await asyncio.wait_for(began.wait(), 20)
    handled: list[int] = []

    async def handle(events: list[Received]) -> None:
        handled.extend(tick.n for tick in _ticks(events))

    async with _consuming(topic, handle):
        await until(lambda: _is(lambda: len(handled) == 10))
        await until(lambda: _no_lag(topic))
    assert handled == list(range(10))


async def test_who_waits_to_join_a_group_can_stop_all_the_same(topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restart right after a crash: the group waits for the dead member's session to end, the service need not."""
    monkeypatch.setattr("service_kit.kafka.subscriptions._LEAVE_S", 1.0)
    silent = Silent()
    member = make_consumer(group="toy.waits")
    member.subscribe([topic], listener=silent)
    await member.start()
    try:
        await until(lambda: _is(lambda: bool(member.assignment())))
        subscriptions, stop = Subscriptions("toy"), asyncio.Event()
        subscriptions.on(topic, "toy.waits", _nothing, types=[toy.ticked_on(topic)])
        running = asyncio.create_task(subscriptions.run(stop))
        await asyncio.wait_for(silent.asked.wait(), 20)
        stop.set()
        await asyncio.wait_for(running, 5)
    finally:
        silent.awake.set()
        await member.stop()


class Silent(ConsumerRebalanceListener):
    """Keeps a member of a group beating its heart without joining again, so that who wants to join waits."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.awake = asyncio.Event()

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Another wants to join."""
        if revoked:
            self.asked.set()
            await self.awake.wait()

    def on_partitions_assigned(self, assigned: set[Any]) -> None:
        """It has joined."""


async def test_an_event_twice_in_one_batch_is_handed_over_once(topic: str) -> None:
    """DESIGN outbox: a relay killed between ack and mark sends a row again under the same id."""
    handled: list[int] = []

    async def handle(events: list[Received]) -> None:
        handled.extend(tick.n for tick in _ticks(events))

    id = uuid4()
    await _send(topic, [(1, 1), (1, 1), (1, 2)], ids=[id, id, uuid4()])
    async with _consuming(topic, handle):
        await until(lambda: _no_lag(topic))
    assert handled == [1, 2]


async def test_events_of_other_types_are_passed_over(topic: str) -> None:
    """E1: a reader ignores what it does not know."""
    handled: list[int] = []

    async def handle(events: list[Received]) -> None:
        handled.extend(tick.n for tick in _ticks(events))

    await _send(topic, [(1, 1)], type="toy.unheard-of")
    await _send(topic, [(1, 2)])
    async with _consuming(topic, handle):
        await until(lambda: _no_lag(topic))
    assert handled == [2]


def test_two_handlers_of_one_group_on_a_topic_are_refused() -> None:
    """E1: they would see one customer's events out of order."""
    subscriptions = Subscriptions("toy")
    subscriptions.on("customers", "toy", _nothing, types=[])
    with pytest.raises(ConfigurationError, match="already has a handler"):
        subscriptions.on("customers", "toy", _nothing, types=[])
    with pytest.raises(ConfigurationError, match="not in contracts' table"):
        subscriptions.on("no.such.topic", "toy", _nothing, types=[])


async def _nothing(_: list[Received]) -> None:
    return


@asynccontextmanager
async def _consuming(topic: str, handle: Handle, batch_size: int = 500) -> AsyncIterator[None]:
    subscriptions = Subscriptions("toy", retry=QUICK)
    subscriptions.on(topic, GROUP, handle, types=[toy.ticked_on(topic)], batch_size=batch_size)
    await subscriptions.start()
    try:
        yield
    finally:
        await subscriptions.stop()


async def _send(topic: str, ticks: list[tuple[int, int]], *, type: str = "toy.ticked", ids: Any = None) -> None:
    producer = make_producer()
    await producer.start()
    for index, (customer, n) in enumerate(ticks):
        tick = toy.Ticked(customer_id=customer, n=n)
        id = ids[index] if ids else uuid4()
        headers = cloud_headers(id=id, type=type, source="/toy", time=clock.wall_now(), subject=tick.key())
        partition = partition_for(customer, toy.PARTITIONS)
        await producer.send(
            topic, tick.model_dump_json().encode(), tick.key().encode(), partition=partition, headers=headers
        )
    await producer.stop()


def _ticks(events: list[Received]) -> list[toy.Ticked]:
    ticks = [event.event for event in events]
    assert all(isinstance(tick, toy.Ticked) for tick in ticks)
    return ticks  # type: ignore[return-value]


async def _is(condition: Callable[[], bool]) -> bool:
    return condition()


async def _no_lag(topic: str) -> bool:
    return await lag(GROUP, topic) == 0


async def _letters(topic: str, count: int) -> list[deadletters.DeadLetter]:
    found: list[deadletters.DeadLetter] = []

    async def enough() -> bool:
        found[:] = [letter async for letter in deadletters.read(dead_letter_topic(topic, GROUP))]
        return len(found) >= count

    await until(enough)
    assert len(found) == count
    return found


async def _records(topic: str, count: int) -> list[Any]:
    consumer = make_consumer(topic, group=None)
    await consumer.start()
    try:
        records: list[Any] = []
        while len(records) < count:
            for batch in (await consumer.getmany(timeout_ms=2_000)).values():
                records += batch
        return records
    finally:
        await consumer.stop()
