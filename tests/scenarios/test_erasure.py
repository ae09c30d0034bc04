"""An erasure over Kafka: every service that is told confirms, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from tests.invoicing import made

from contracts.base import Event
from contracts.customers import CustomerErased
from contracts.erasures import ErasureConfirmed
from contracts.topics import CUSTOMERS, ERASURES
from local_platform import ports
from service_kit import clock
from service_kit.kafka import cloud_headers, make_consumer, make_producer, partition_for, partitions_of

SERVICES = ("rating", "invoicing", "notifications")
ROLES = "consumers,relay,eraser"


class Programs:
    """The three services in processes of their own, each started anew when it has killed itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ports = {service: ports.reserve() for service in SERVICES}

    def start(self, service: str, crash: str = "") -> None:
        """Start a service; at the named point it kills itself."""
        command = [sys.executable, "-m", service, "--roles", ROLES, "--port", str(self._ports[service])]
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
        for port in self._ports.values():
            ports.release(port)


@pytest.fixture
async def programs(
    service_database: Callable[[str], str], kafka: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Programs]:
    """The services' environment; nothing is started yet."""
    monkeypatch.setenv("FARTHING_KAFKA", kafka)
    for service in SERVICES:
        monkeypatch.setenv(f"FARTHING_POSTGRES_{service.upper()}", service_database(service))
    programs = Programs(tmp_path)
    yield programs
    programs.close()


async def test_every_service_confirms_also_when_it_is_killed_in_the_middle(programs: Programs) -> None:
    """C17: all services erase and confirm, once; a customer that is told again later stays erased."""
    customer_id = 10**9 + secrets.randbelow(10**9)
    customer = made.customer(customer_id)
    erased = CustomerErased(customer_id=customer_id, version=9, erased_at=datetime(2025, 6, 1, tzinfo=UTC))
    await _send(customer, erased, customer.model_copy(update={"version": 10}))
    for service in SERVICES:
        programs.start(service, crash=f"{service}.erasing")
    for service in SERVICES:
        await programs.died(service)
        programs.start(service)
    assert await _confirmed(customer_id) == sorted(SERVICES)


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


async def _confirmed(customer_id: int) -> list[str]:
    """Which services have confirmed, once all have."""
    found: dict[bytes, str] = {}
    consumer = make_consumer(ERASURES, group=None)
    await consumer.start()
    try:
        deadline = time.monotonic() + 90
        while len(found) < len(SERVICES):
            assert time.monotonic() < deadline, f"only {sorted(found.values())} confirmed"
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    told = ErasureConfirmed.model_validate_json(record.value)
                    if told.customer_id == customer_id:
                        found[dict(record.headers)["ce_id"]] = told.service
    finally:
        await consumer.stop()
    return sorted(found.values())
