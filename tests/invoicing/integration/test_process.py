"""The service as it is run: one process with all its roles, on real Kafka, killed on the way."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from tests.invoicing import made
from tests.invoicing.integration.conftest import SCOPES

from contracts.base import Event
from contracts.billing import BillingRunCancelled, InvoiceSent
from contracts.closing import UsageCloseReleased, UsageCloseRequested
from contracts.events import EVENTS
from local_platform import ports
from service_kit import clock
from service_kit.kafka import cloud_headers, end_offsets, make_consumer, make_producer, partition_for, partitions_of
from service_kit.tokens import generate_issuer, issue_token


@pytest.fixture
def ids() -> int:
    """Customer ids that no other test on this broker uses: the first of a hundred."""
    return 10**9 + secrets.randbelow(10**9) * 100


@pytest.fixture
async def platform(
    service_database: Callable[[str], str], kafka: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Platform]:
    """Invoicing in processes of its own, and a client of it."""
    issuer, port = generate_issuer(tmp_path / "issuer"), ports.reserve()
    monkeypatch.setenv("FARTHING_KAFKA", kafka)
    monkeypatch.setenv("FARTHING_JWKS", str(issuer.jwks))
    monkeypatch.setenv("FARTHING_POSTGRES_INVOICING", service_database("invoicing"))
    monkeypatch.setenv("FARTHING_INVOICING_URL", f"http://127.0.0.1:{port}")
    headers = {"Authorization": f"Bearer {issue_token(issuer.private_key, SCOPES, 'ann')}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        platform = Platform(client, port, tmp_path / "log")
        yield platform
    platform.kill()
    ports.release(port)


class Platform:
    """Starts invoicing, and plays the other services on Kafka."""

    def __init__(self, client: httpx.AsyncClient, port: int, log: Path) -> None:
        self.client = client
        self._port = port
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, **crash_points: int) -> None:
        """Start it, and wait until it is ready."""
        told = ",".join(f"{name.replace('_', '.')}={chance}" for name, chance in crash_points.items())
        self._launch({**os.environ, "FARTHING_CRASH_POINTS": told})
        await until(self._ready)

    def _launch(self, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "invoicing", "--port", str(self._port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    async def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        try:
            return (await self.client.get("/ready")).status_code == 200
        except httpx.TransportError:
            return False

    async def died(self) -> None:
        """Wait until it has killed itself at its crash point."""
        assert self._process is not None
        assert await asyncio.to_thread(self._process.wait, 30) == -signal.SIGKILL

    def kill(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)

    async def end(self) -> None:
        """Ask it to end, which it does with exit code 0."""
        assert self._process is not None
        self._process.terminate()
        assert await asyncio.to_thread(self._process.wait, 30) == 0, self._log.read_text()

    async def send(self, *events: Event) -> None:
        """Send events as the other services' relays do."""
        producer = make_producer()
        await producer.start()
        try:
            for event in events:
                await producer.send_and_wait(
                    event.topic,
                    event.model_dump_json().encode(),
                    event.key().encode(),
                    partition=await _partition(event),
                    headers=cloud_headers(
                        id=uuid4(), type=event.event_type, source="/tests", time=clock.now(), subject=event.subject()
                    ),
                )
        finally:
            await producer.stop()

    async def read(self, kind: type[Event], enough: Callable[[list[Event]], bool]) -> list[Event]:
        """The events of a type on its topic, from the beginning, until there are enough."""
        found: dict[bytes, Event] = {}
        consumer = make_consumer(kind.topic, group=None)
        await consumer.start()
        try:
            deadline = time.monotonic() + 40
            while not enough(list(found.values())):
                assert time.monotonic() < deadline, f"{len(found)} {kind.event_type} came"
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        headers = dict(record.headers)
                        if headers["ce_type"].decode() == kind.event_type:
                            found[headers["ce_id"]] = EVENTS[kind.event_type].model_validate_json(record.value)
        finally:
            await consumer.stop()
        return list(found.values())


async def _partition(event: Event) -> int | None:
    if hasattr(event, "partition"):
        return int(event.partition)
    customer = event.customer_key()
    return None if customer is None else partition_for(customer, await partitions_of(event.topic))


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> None:
    """Wait until a condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"did not come true within {seconds} s"
        await asyncio.sleep(0.1)


async def test_a_month_from_events_to_sent_pdfs_with_the_process_killed_on_the_way(
    platform: Platform, ids: int
) -> None:
    """I3, I6, I7: everything through topics and HTTP; killed while drafting, numbering and sending."""
    customers = [
        made.customer(ids + each, emails=() if each == 3 else (f"c{each}@customer.example",)) for each in range(1, 6)
    ]
    charges = [made.charge("10.00", date(2025, 1, 1), months=1, charge_id=ids + each) for each in range(1, 6)]
    numbers = [
        made.number(customer.customer_id, charge, number_id=charge.charge_id)
        for customer, charge in zip(customers, charges, strict=True)
    ]
    await platform.start(invoicing_group=1)
    await platform.send(*made.REFERENCE, *customers, *numbers)
    run_id = await _requested(platform, [each.customer_id for each in customers])
    await platform.send(*await _markers(run_id))
    await _answer(platform, run_id, len(customers))
    await platform.died()

    await platform.start(invoicing_numbered=1)
    where = f"/billing-runs/{run_id}"
    await until(lambda: _is(platform, where, "state", "completed"))
    await platform.client.post(f"{where}/approve")
    await platform.died()

    await platform.start(invoicing_sent=1)
    await until(lambda: _is(platform, where, "approved", 5))
    await platform.client.post(f"{where}/send")
    await platform.died()

    await platform.start()
    await until(lambda: _is(platform, where, "sent", 5))
    assert (await platform.client.get(where)).json()["not_emailed"] == 1
    await _check_sent(platform, run_id)
    await platform.end()


async def test_an_invoice_by_hand_unapproved_made_again_and_a_run_cancelled_through_topics(
    platform: Platform, ids: int
) -> None:
    """I3, I6, I10: the runner goes on by itself with each of them, also when it is killed while it cancels."""
    customer = made.customer(ids + 1)
    await platform.start(invoicing_cancelled=1)
    await platform.send(*made.REFERENCE, customer)
    await until(lambda: _knows(platform))
    client = platform.client
    await until(lambda: _is_known(platform, customer.customer_id))
    body = {"customer_id": customer.customer_id, "bill_to": "2025-01-31", "invoice_date": "2025-01-31"}
    run_id = (await client.post("/invoices", json=body)).json()["run_id"]
    await _play(platform, run_id, customer.customer_id, close_id=ids + 1)
    (draft,) = (await client.get("/invoices", params={"run_id": run_id})).json()["items"]
    where = f"/invoices/{draft['invoice_id']}"
    assert (await client.post(f"{where}/approve")).json()["number"] == "INV000001"
    assert (await client.post(f"{where}/unapprove")).json()["status"] == "draft"
    again = (await client.post(f"{where}/recreate")).json()["remade_by"]
    await _play(platform, again, customer.customer_id, close_id=ids + 2)
    approved = (await client.post(f"{where}/approve")).json()
    assert (approved["number"], approved["net"], approved["close_id"]) == ("INV000001", "1.23", ids + 2)

    second = (await client.post("/invoices", json={**body, "bill_to": "2025-02-28"})).json()["run_id"]
    await _play(platform, second, customer.customer_id, close_id=ids + 3)
    assert (await client.post(f"/billing-runs/{second}/cancel")).json()["kept"] == 0
    await platform.died()
    await platform.start()
    await platform.read(BillingRunCancelled, lambda found: (second, (customer.customer_id,)) in map(_named, found))
    invoices = (await client.get("/invoices", params={"customer_id": customer.customer_id})).json()["items"]
    assert [each["status"] for each in invoices] == ["approved", "removed"]
    released = await platform.read(UsageCloseReleased, lambda found: ids + 3 in _closes_of(customer.customer_id, found))
    assert _closes_of(customer.customer_id, released) == {ids + 1, ids + 3}


def _named(event: Event) -> tuple[int, tuple[int, ...] | None]:
    assert isinstance(event, BillingRunCancelled)
    return event.run_id, event.customers


def _closes_of(customer_id: int, found: list[Event]) -> set[int]:
    released = [each for each in found if isinstance(each, UsageCloseReleased)]
    return {each.close_id for each in released if each.customer_id == customer_id}


async def _play(platform: Platform, run_id: int, customer_id: int, close_id: int) -> None:
    """A requested run of one customer to its end: its markers, and a close of 1.234."""
    await platform.send(*await _markers(run_id))

    def asked(found: list[Event]) -> bool:
        requests = [each for each in found if isinstance(each, UsageCloseRequested)]
        return any(each.run_id == run_id and each.customers == (customer_id,) for each in requests)

    await platform.read(UsageCloseRequested, asked)
    line = made.usage_line("1.234", number_id=customer_id)
    await platform.send(made.closed(run_id, customer_id, line, close_id=close_id))
    await until(lambda: _is(platform, f"/billing-runs/{run_id}", "state", "completed"))


async def _is_known(platform: Platform, customer_id: int) -> bool:
    return (await platform.client.get(f"/customers/{customer_id}/account")).status_code == 200


async def _requested(platform: Platform, customers: list[int]) -> int:
    client = platform.client
    await until(lambda: _knows(platform))
    body = {"bill_to": "2025-01-31", "invoice_date": "2025-02-01", "customers": customers}
    run_id: int = (await client.post("/billing-runs", json=body)).json()["run_id"]
    assert (await client.post(f"/billing-runs/{run_id}/request")).status_code == 202
    return run_id


async def _knows(platform: Platform) -> bool:
    """The reference lists have come: a run of an unknown cycle is refused, one of a known cycle is not."""
    body = {"bill_to": "2025-01-31", "invoice_date": "2025-02-01", "cycles": ["monthly"]}
    return (await platform.client.post("/billing-runs", json=body)).status_code == 201


async def _markers(run_id: int) -> list[Event]:
    partitions = await partitions_of("customers")
    assert await partitions_of("reference") == partitions
    return list(made.markers(run_id, partitions))


async def _answer(platform: Platform, run_id: int, customers: int) -> None:
    """Rating answers what it is asked for, on the partition that was asked."""

    def of_run(found: list[Event]) -> list[int]:
        requests = [each for each in found if isinstance(each, UsageCloseRequested) and each.run_id == run_id]
        return [customer for each in requests for customer in each.customers]

    asked = of_run(await platform.read(UsageCloseRequested, lambda found: len(of_run(found)) >= customers))
    assert len(set(asked)) == len(asked) == customers
    await platform.send(
        *(made.closed(run_id, each, made.usage_line("1.234", number_id=each), close_id=each) for each in asked)
    )


async def _is(platform: Platform, where: str, name: str, value: object) -> bool:
    return bool((await platform.client.get(where)).json()[name] == value)


async def _check_sent(platform: Platform, run_id: int) -> None:
    """Each invoice was told once, with the digest of a PDF that is there."""
    invoices = (await platform.client.get("/invoices", params={"run_id": run_id})).json()["items"]
    assert [(each["number"], each["gross"]) for each in invoices] == [(f"INV{n:06d}", "25.48") for n in range(1, 6)]
    wanted = {each["customer_id"] for each in invoices}
    told = await platform.read(InvoiceSent, lambda found: wanted <= {each.customer_key() for each in found})
    mine = [each for each in told if isinstance(each, InvoiceSent) and each.customer_id in wanted]
    assert len(mine) == len({each.request_id for each in mine}) == 5
    assert sorted(len(each.recipients) for each in mine) == [0, 1, 1, 1, 1]
    for each in mine:
        content = (await platform.client.get(each.document_url)).content
        assert content.startswith(b"%PDF-")
        assert hashlib.sha256(content).hexdigest() == each.document_sha256
        by_invoice = (await platform.client.get(f"/invoices/{each.invoice_id}/document")).content
        assert by_invoice == content
    assert (await end_offsets("billing")) != {}
