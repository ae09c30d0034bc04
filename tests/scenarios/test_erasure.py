"""An erasure over Kafka: every service that is told confirms, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer
from tests.customers.integration.courses import RENTAL, Desk
from tests.invoicing import made

from contracts.base import Event
from contracts.customers import CustomerErased
from contracts.erasures import ErasureConfirmed
from contracts.topics import CUSTOMERS, ERASURES
from local_platform import ports
from service_kit import clock
from service_kit.kafka import cloud_headers, end_offsets, make_consumer, make_producer, partition_for, partitions_of
from service_kit.tokens import generate_issuer, issue_token

READERS = ("rating", "invoicing", "notifications")
SERVICES = ("customers", *READERS)
ROLES = {"customers": "api,consumers,relay,lifecycle"}
READERS_ROLES = "consumers,relay,eraser"
NUMBER = "020 7946 0123"
SCOPES = ("customers:read", "customers:write", "customers:erase", "reference:read")
MARKED_ON = datetime(2025, 2, 10, 9, tzinfo=UTC)


class Programs:
    """The services in processes of their own, each started anew when it has killed itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.ports = {service: ports.reserve() for service in SERVICES}

    def start(self, service: str, crash: str = "") -> None:
        """Start a service; at the named point it kills itself."""
        roles = ROLES.get(service, READERS_ROLES)
        command = [sys.executable, "-m", service, "--roles", roles, "--port", str(self.ports[service])]
        environment = {**os.environ, "FARTHING_CRASH_POINTS": f"{crash}=1" if crash else ""}
        with (self._folder / service).open("ab") as log:
            self._running[service] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    async def died(self, service: str) -> None:
        """Wait until it has killed itself."""
        ended = await asyncio.to_thread(self._running[service].wait, 60)
        assert ended == -signal.SIGKILL, (self._folder / service).read_text()

    def close(self) -> None:
        """Leave nothing behind."""
        for process in self._running.values():
            process.kill()
            process.wait(30)
        for port in self.ports.values():
            ports.release(port)


@pytest.fixture
async def programs(
    service_database: Callable[[str], str], kafka: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Programs]:
    """The services' environment; nothing is started yet."""
    monkeypatch.setenv("FARTHING_KAFKA", kafka)
    monkeypatch.setenv("FARTHING_CLOCK", str(tmp_path / "clock.json"))
    clock.freeze(MARKED_ON)
    for service in SERVICES:
        monkeypatch.setenv(f"FARTHING_POSTGRES_{service.upper()}", service_database(service))
    programs = Programs(tmp_path)
    yield programs
    programs.close()


@pytest.mark.faults
async def test_every_service_confirms_also_when_it_is_killed_in_the_middle(programs: Programs) -> None:
    """C17: all services erase and confirm, once; a customer that is told again later stays erased."""
    customer_id = _unused_id()
    customer = made.customer(customer_id)
    erased = CustomerErased(customer_id=customer_id, version=9, erased_at=datetime(2025, 6, 1, tzinfo=UTC))
    await _send(customer, erased, customer.model_copy(update={"version": 10}))
    for service in READERS:
        programs.start(service, crash=f"{service}.erasing")
    for service in READERS:
        await programs.died(service)
        programs.start(service)
    assert await _confirmed(customer_id, READERS) == sorted(READERS)


async def test_thirty_days_after_the_mark_nothing_is_left_anywhere(programs: Programs, desk: Desk) -> None:
    """C17: dropped, marked, thirty days later erased; all services confirm, and the topic forgets all but the id."""
    for service in SERVICES:
        programs.start(service)
    await _ready(desk)
    customer_id = await desk.customer(name="Zephyrine Quillfeather")
    await desk.number(customer_id, NUMBER, charges=[{**RENTAL, "description": "Zephyrine's line"}])
    await desk.feature(customer_id, description="Zephyrine's broadband")
    await desk.act(customer_id, "drop", drop_date="2025-01-31")
    await desk.act(customer_id, "deletion")
    clock.freeze(MARKED_ON + timedelta(days=30))
    assert await _confirmed(customer_id, SERVICES) == sorted(SERVICES)
    last = await _last_of_each_key(customer_id)
    assert [key for key, value in last.items() if value is not None] == [f"{customer_id}/customer/{customer_id}"]
    assert len(last) > 3
    assert not any(b"Zephyrine" in value for value in last.values() if value is not None)
    await _until(lambda: _heard_of_all(desk, customer_id))
    assert (await desk.api.get(f"/customers/{customer_id}")).status_code == 404


@pytest.fixture
async def desk(programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Desk]:
    """Somebody at customers' API; its ids are of nobody else on this broker."""
    issuer = generate_issuer(tmp_path / "issuer")
    monkeypatch.setenv("FARTHING_JWKS", str(issuer.jwks))
    with psycopg.connect(os.environ["FARTHING_POSTGRES_CUSTOMERS"]) as connection:
        connection.execute("SELECT setval('entity_id', %s)", (_unused_id(),))
    headers = {"Authorization": f"Bearer {issue_token(issuer.private_key, SCOPES, 'ann')}"}
    url = f"http://127.0.0.1:{programs.ports['customers']}"
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        yield Desk(client)


def _unused_id() -> int:
    return 10**9 + secrets.randbelow(10**9) * 100


async def _until(condition: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"did not come true within {seconds} s"
        await asyncio.sleep(0.1)


async def _ready(desk: Desk) -> None:
    async def answers() -> bool:
        try:
            return (await desk.api.get("/ready")).status_code == 200
        except httpx.TransportError:
            return False

    await _until(answers)


async def _heard_of_all(desk: Desk, customer_id: int) -> bool:
    (record,) = (await desk.get(f"/erasures?customer_id={customer_id}"))["items"]
    return sorted(record["confirmed"]) == sorted(SERVICES) and record["waiting_for"] == []


async def _send(*events: Event) -> None:
    partitions = await partitions_of(CUSTOMERS)
    producer = make_producer()
    await producer.start()
    try:
        for event in events:
            headers = cloud_headers(
                id=uuid4(), type=event.event_type, source="/tests", time=clock.now(), subject=event.subject()
            )
            partition = partition_for(event.customer_key() or 0, partitions)
            value, key = event.model_dump_json().encode(), event.key().encode()
            await producer.send_and_wait(CUSTOMERS, value, key, partition=partition, headers=headers)
    finally:
        await producer.stop()


async def _confirmed(customer_id: int, services: Collection[str]) -> list[str]:
    """Which services have confirmed, once these have."""
    found: dict[bytes, str] = {}
    async with _reading(ERASURES) as consumer:
        deadline = time.monotonic() + 90
        while not set(services) <= set(found.values()):
            assert time.monotonic() < deadline, f"only {sorted(found.values())} confirmed"
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    told = ErasureConfirmed.model_validate_json(record.value)
                    if told.customer_id == customer_id:
                        found[dict(record.headers)["ce_id"]] = told.service
    return sorted(found.values())


async def _last_of_each_key(customer_id: int) -> dict[str, bytes | None]:
    """What compaction leaves of a customer."""
    ends, seen = sum((await end_offsets(CUSTOMERS)).values()), 0
    last: dict[str, bytes | None] = {}
    async with _reading(CUSTOMERS) as consumer:
        while seen < ends:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                seen += len(records)
                for record in records:
                    if record.key.startswith(f"{customer_id}/".encode()):
                        last[record.key.decode()] = record.value
    return last


@asynccontextmanager
async def _reading(topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = make_consumer(topic, group=None)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
