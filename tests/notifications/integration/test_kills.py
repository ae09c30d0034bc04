"""The service as it is run, killed with SIGKILL at the worst moments."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from tests.notifications.integration.conftest import Documents, MailServer, Office, outcomes
from tests.support.platform import unique

from contracts.billing import InvoiceSent
from contracts.topics import BILLING
from local_platform import ports
from notifications.service.messages import Message
from notifications.service.taking import CONSUMER
from service_kit import clock
from service_kit.database import bind
from service_kit.kafka import cloud_headers, make_consumer, make_producer, partitions_of


class Program:
    """`python -m notifications` in a process of its own."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._port = ports.reserve()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, roles: str, *, crash: str = "") -> None:
        """Start these roles; at the named point it kills itself."""
        command = [sys.executable, "-m", "notifications", "--roles", roles, "--port", str(self._port)]
        environment = {**os.environ, "FARTHING_CRASH_POINTS": f"{crash}=1" if crash else ""}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    async def died(self) -> None:
        """Wait until it has killed itself."""
        assert self._process is not None
        assert await asyncio.to_thread(self._process.wait, 40) == -signal.SIGKILL, self._log.read_text()

    async def end(self) -> int:
        """Ask it to end. Returns its exit code."""
        assert self._process is not None
        self._process.terminate()
        return await asyncio.to_thread(self._process.wait, 40)

    def close(self) -> None:
        """Leave nothing behind."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(20)
        ports.release(self._port)


@pytest.fixture
async def program(
    service_database: Callable[[str], str],
    mail: MailServer,
    documents: Documents,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> AsyncIterator[Program]:
    """The service against this test's servers; the test itself reads the same database."""
    office_dsn = service_database("notifications")
    monkeypatch.setenv("FARTHING_POSTGRES_NOTIFICATIONS", office_dsn)
    monkeypatch.setenv("FARTHING_SMTP", f"smtp://127.0.0.1:{mail.port}")
    monkeypatch.setenv("FARTHING_INVOICING_URL", documents.url)
    monkeypatch.setenv("FARTHING_SERVICE_TOKEN", str(tmp_path / "token"))
    database = bind(office_dsn)
    program = Program(tmp_path / "log")
    yield program
    program.close()
    await database.close()


@pytest.fixture
def office(program: Program, mail: MailServer, documents: Documents, tmp_path: Path) -> Office:
    """Requests and questions; the program delivers."""
    (tmp_path / "token").write_text("the-services-token")
    return Office(mail, documents, tmp_path / "token")


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 40.0) -> None:
    """Wait until a condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"did not come true within {seconds} s"
        await asyncio.sleep(0.05)


async def reached(office: Office, *states: str) -> Message:
    """The only message, once it is in one of these states."""

    async def there() -> bool:
        return [each.state in states for each in await office.messages()] == [True]

    await until(there)
    return await office.message()


@pytest.mark.faults
@pytest.mark.parametrize(("crash", "letters"), [("notifications.sending", 0), ("notifications.sent", 1)])
async def test_killed_with_a_message_at_the_server_it_is_held(
    crash: str, letters: int, office: Office, program: Program, mail: MailServer
) -> None:
    """N1 "never twice": whether the server has it or not, nobody knows; it is held, listed and not sent again."""
    await office.take("ann@customer.example")
    program.start("sender", crash=crash)
    await program.died()
    assert len(mail.kept) == letters
    assert (await office.message()).state == "sending"
    program.start("sender")
    message = await reached(office, "unconfirmed")
    assert outcomes(message) == ["queued", "unconfirmed"]
    await office.take("ben@customer.example")

    async def next_one_sent() -> bool:
        return [each.state for each in await office.messages()] == ["unconfirmed", "sent"]

    await until(next_one_sent)
    assert await program.end() == 0
    assert len(mail.kept) == letters + 1


async def test_killed_after_the_server_took_it_exactly_one_is_kept_under_resend(
    office: Office, program: Program, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N1: where the mail server knows a Message-ID again, it is sent again and kept once."""
    monkeypatch.setenv("FARTHING_UNCONFIRMED", "resend")
    mail.by_message_id = True
    await office.take("ann@customer.example")
    program.start("sender", crash="notifications.sent")
    await program.died()
    program.start("sender")
    assert outcomes(await reached(office, "sent")) == ["queued", "unconfirmed", "sent"]
    assert (mail.handed_over, len(mail.kept)) == (2, 1)


async def test_killed_while_a_request_is_taken_in_it_is_sent_once(
    office: Office, program: Program, mail: MailServer, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N1: from Kafka to the mailbox: a kill, a redelivered event and a repeated request give one email."""
    monkeypatch.setenv("FARTHING_KAFKA", kafka)
    monkeypatch.setenv("FARTHING_INSTANCE", unique("kill"))  # so that it has its partitions back at once
    await pass_over_what_is_there()
    event = office.request("ann@customer.example")
    again = uuid4()
    for id in (again, again, uuid4()):
        await send(event, str(id))
    program.start("consumers,sender", crash="notifications.taken")
    await program.died()
    assert await office.messages() == []
    program.start("api,consumers,relay,sender")
    await reached(office, "sent")
    other = office.request("ben@customer.example")
    await send(other, str(uuid4()))

    async def other_sent() -> bool:
        return any(each.request_id == other.request_id and each.state == "sent" for each in await office.messages())

    await until(other_sent)
    assert await program.end() == 0
    assert [to for to, _ in mail.kept] == [("ann@customer.example",), ("ben@customer.example",)]


async def pass_over_what_is_there() -> None:
    """Other tests sent invoices on this broker too: the group begins behind them."""
    consumer = make_consumer(group=CONSUMER)
    await consumer.start()
    try:
        partitions = [TopicPartition(BILLING, each) for each in range(await partitions_of(BILLING))]
        consumer.assign(partitions)
        await consumer.commit(await consumer.end_offsets(partitions))
    finally:
        await consumer.stop()


async def send(event: InvoiceSent, id: str) -> None:
    """Send an event as invoicing's relay does."""
    producer = make_producer()
    await producer.start()
    try:
        headers = cloud_headers(
            id=id,  # type: ignore[arg-type]
            type=event.event_type,
            source="/tests",
            time=clock.now(),
            subject=event.subject(),
        )
        await producer.send_and_wait(
            event.topic, event.model_dump_json().encode(), event.key().encode(), headers=headers
        )
    finally:
        await producer.stop()
