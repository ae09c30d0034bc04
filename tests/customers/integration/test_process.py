"""The service as it is run: one process with all its roles."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from aiokafka import TopicPartition
from tests.customers.integration.waiting import until

from contracts.topics import CUSTOMERS
from local_platform import ports
from service_kit.kafka import end_offsets, make_consumer, partition_for, partitions_of
from service_kit.tokens import generate_issuer, issue_token

SCOPES = ("customers:write", "reference:read")


@pytest.fixture
async def running(
    service_database: Callable[[str], str], kafka: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[tuple[httpx.AsyncClient, subprocess.Popen[bytes]]]:
    """The service in a process of its own, and a client of it."""
    issuer, port = generate_issuer(tmp_path), ports.reserve()
    monkeypatch.setenv("FARTHING_KAFKA", kafka)
    monkeypatch.setenv("FARTHING_JWKS", str(issuer.jwks))
    monkeypatch.setenv("FARTHING_POSTGRES_CUSTOMERS", service_database("customers"))
    monkeypatch.setenv("FARTHING_ACCOUNT_PREFIX", "NET-")
    monkeypatch.setenv("FARTHING_ACCOUNT_WIDTH", "3")
    process = _start(port, tmp_path / "log")
    headers = {"Authorization": f"Bearer {issue_token(issuer.private_key, SCOPES, 'ann')}"}
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            await until(lambda: _ready(client, process))
            yield client, process
    finally:
        process.kill()
        process.wait(30)
        ports.release(port)


def _start(port: int, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen([sys.executable, "-m", "customers", "--port", str(port)], stdout=output)


async def _ready(client: httpx.AsyncClient, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the service ended"
    try:
        return (await client.get("/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def test_a_customer_added_to_the_running_service_is_told_on_its_partition(
    running: tuple[httpx.AsyncClient, subprocess.Popen[bytes]],
) -> None:
    client, process = running
    starts = await end_offsets(CUSTOMERS)
    made = (await client.post("/customers", json={"name": "Fenwick Tiles"})).json()
    assert made["account_number"] == "NET-001"
    place = TopicPartition(CUSTOMERS, partition_for(made["customer_id"], await partitions_of(CUSTOMERS)))
    consumer = make_consumer(group=None)
    await consumer.start()
    try:
        consumer.assign([place])
        consumer.seek(place, starts[place.partition])
        # The broker is shared: a run that another test asked for may have its marker here too.
        while dict((record := await asyncio.wait_for(consumer.getone(place), 60)).headers)["ce_type"] == b"run.marker":
            pass
    finally:
        await consumer.stop()
    assert record.key.decode() == f"{made['customer_id']}/customer/{made['customer_id']}"
    assert dict(record.headers)["ce_type"] == b"customer.created"
    assert len((await client.get("/reference/vat_rates")).json()["items"]) == 6
    channels = (await client.get("/asyncapi.json")).text
    assert "customer.created" in channels
    assert "billing.run.requested" in channels
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
