"""The consumers and the role `closer` on a real broker: from a requested run to its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import date
from uuid import uuid4

import pytest
from tests.rating.integration.closing_world import World, call, markers, requested, rows

from contracts.base import Event
from contracts.closing import UsageCloseRequested
from rating.closer import closer
from rating.consumers_closes import subscribe_closes
from service_kit import clock
from service_kit.database import bind
from service_kit.kafka import Subscriptions, cloud_headers, make_producer

JANUARY = date(2025, 1, 31)
DEADLINE_S = 60
RUN = uuid4().int >> 66
"""No other run of this broker has this id."""


async def send(kafka: str, event: Event) -> None:
    """An event as another service's relay sends it."""
    producer = make_producer(kafka=kafka, client_id="invoicing")
    await producer.start()
    headers = cloud_headers(
        id=uuid4(), type=event.event_type, source="/farthing/invoicing", time=clock.now(), subject="run"
    )
    await producer.send_and_wait(
        event.topic, event.model_dump_json().encode(), key=event.key().encode(), headers=headers, partition=0
    )
    await producer.stop()


async def until(found: str, **values: int) -> None:
    """Wait until the query gives a row."""
    deadline = time.monotonic() + DEADLINE_S
    while not await rows(found, **values):
        assert time.monotonic() < deadline, f"not within {DEADLINE_S} s: {found}"
        await asyncio.sleep(0.05)


async def test_a_requested_run_is_cut_and_answered_by_the_roles(
    kafka: str, service_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """I4, DESIGN "A billing run": 2 and 4."""
    monkeypatch.setenv("FARTHING_KAFKA", kafka)
    database = bind(service_database("rating"))
    world = World(kafka)
    await world.store([call()])
    subscriptions, stop = Subscriptions("rating"), asyncio.Event()
    subscribe_closes(subscriptions)
    tasks = [asyncio.create_task(subscriptions.run(stop)), asyncio.create_task(closer(stop))]
    try:
        await send(kafka, requested(RUN, JANUARY))
        whole = {"run_id": RUN, "bill_to": JANUARY, "partition": 0, "part": 1, "parts": 1}
        await send(kafka, UsageCloseRequested(customers=(1,), **whole))
        await until("SELECT 1 FROM cut WHERE run_id = :run AND ends IS NOT NULL", run=RUN)
        await world.stand_at_ends(RUN)
        await world.mark(markers(RUN))
        await until("SELECT 1 FROM close_request WHERE run_id = :run AND answered", run=RUN)
        (closed,) = await world.closed(RUN)
        assert (closed.customer_id, closed.totals.calls) == (1, 1)
    finally:
        stop.set()
        await asyncio.gather(*tasks)
        await database.close()
