"""Fixtures of notifications' integration tests: a database, a mail server that plays its part, the documents."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from email import policy
from email.parser import BytesParser
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import select, text, update
from tests.notifications import made

from contracts.base import Event
from contracts.billing import InvoiceSent
from contracts.events import EVENTS
from notifications.config import NotificationsSettings
from notifications.library import Library
from notifications.main import make_app
from notifications.service.messages import Message, list_messages
from notifications.service.taking import take_in_sent
from notifications.store import message
from notifications.worker import Lane
from service_kit.database import Database, bind, reading, transaction
from service_kit.tokens import generate_issuer, issue_token

TOKEN = "the-services-token"
app = cache(make_app)
"""Made once for all tests: it holds nothing of them."""


class MailServer:
    """A real SMTP server that answers as it is told, and keeps what it accepted.

    `recipients` and `contents` are answers to RCPT and DATA, used up one by one; without any it accepts. The answer
    `"drop"` keeps the message and closes the connection without a word. `by_message_id` keeps a Message-ID once.
    """

    def __init__(self) -> None:
        self.recipients: dict[str, list[str]] = defaultdict(list)
        self.contents: list[str] = []
        self.kept: list[tuple[tuple[str, ...], Any]] = []
        self.handed_over = 0
        self.connections = 0
        self.by_message_id = False
        self.port = 0

    async def start(self) -> asyncio.Server:
        """Listen on a port of its own."""
        server = await asyncio.get_running_loop().create_server(self._connection, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def _connection(self) -> SMTP:
        self.connections += 1
        return SMTP(self, hostname="mail.example", enable_SMTPUTF8=True, loop=asyncio.get_running_loop())

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Accept a recipient, or answer as told."""
        if self.recipients[address]:
            return self.recipients[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message, or answer as told."""
        self.handed_over += 1
        answer = self.contents.pop(0) if self.contents else "250 OK"
        if answer.startswith("250") or answer == "drop":
            parsed = BytesParser(policy=policy.default).parsebytes(envelope.content)
            if not (self.by_message_id and parsed["Message-ID"] in self.message_ids):
                self.kept.append((tuple(envelope.rcpt_tos), parsed))
        if answer == "drop":
            server.transport.close()
        return answer

    @property
    def message_ids(self) -> list[str]:
        """Of the messages kept."""
        return [parsed["Message-ID"] for _, parsed in self.kept]


class Documents:
    """Plays invoicing: serves PDFs over HTTP to who shows the services' token."""

    def __init__(self) -> None:
        self.content = made.PDF
        self.status = 200
        self.asked = 0
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of a connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked += 1
        status = self.status if f"Bearer {TOKEN}" in head else 401
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Length: {len(self.content)}\r\nConnection: close\r\n\r\n".encode()
        )
        writer.write(self.content)
        await writer.drain()
        writer.close()


@pytest.fixture
async def database(service_database: Callable[[str], str]) -> AsyncIterator[Database]:
    """This process bound to a fresh database of notifications."""
    database = bind(service_database("notifications"))
    yield database
    await database.close()


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    """A mail server that runs."""
    mail = MailServer()
    server = await mail.start()
    yield mail
    server.close()


@pytest.fixture
async def documents() -> AsyncIterator[Documents]:
    """Invoicing's documents."""
    documents = Documents()
    server = await asyncio.start_server(documents.answer, "127.0.0.1", 0)
    documents.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield documents
    server.close()


@pytest.fixture
async def office(database: Database, mail: MailServer, documents: Documents, tmp_path: Path) -> AsyncIterator[Office]:
    """Notifications with one lane, driven step by step."""
    (tmp_path / "token").write_text(TOKEN)
    office = Office(mail, documents, tmp_path / "token")
    yield office
    await office.close()


class Office:
    """Takes requests in and delivers them, without waiting for pauses."""

    def __init__(self, mail: MailServer, documents: Documents, token: Path) -> None:
        self._mail, self._documents, self._token = mail, documents, token
        self._lane: Lane | None = None
        self._library: Library | None = None

    def settings(self, **what: Any) -> NotificationsSettings:
        """Settings of this office."""
        return NotificationsSettings(
            smtp=f"smtp://127.0.0.1:{self._mail.port}",
            invoicing_url=self._documents.url,
            service_token=self._token,
            mail_timeout_seconds=10,
            **what,
        )

    def request(self, *recipients: str, **what: Any) -> InvoiceSent:
        """A request whose document is at this office's invoicing."""
        return made.invoice_sent(*recipients, **{"document_url": f"{self._documents.url}/documents/1", **what})

    async def take(self, *recipients: str, **what: Any) -> InvoiceSent:
        """A request that was taken in."""
        event = self.request(*recipients, **what)
        await take_in_sent(made.received(event))
        return event

    async def deliver(self, *, sender: int = 1, **what: Any) -> None:
        """Deliver all that is due. Raises what the lane raises."""
        if self._lane is None:
            given = self.settings(**what)
            self._library = Library(given)
            self._lane = Lane(sender, given, self._library)
        while await self._lane.step():
            pass

    async def bring_forward(self) -> None:
        """Every message that was put off is due now."""
        async with transaction() as tx:
            await tx.connection.execute(update(message).values(next_try_at=text("now() - interval '1 second'")))

    async def messages(self) -> list[Message]:
        """All messages."""
        return await list_messages(invoice_id=None, customer_id=None, state=None, limit=1000, after=0)

    async def message(self) -> Message:
        """The only message."""
        (only,) = await self.messages()
        return only

    async def told(self, kind: type[Event]) -> list[Any]:
        """The events of a type in the outbox."""
        query = text("SELECT payload FROM outbox WHERE type = :type ORDER BY seq").bindparams(type=kind.event_type)
        async with reading() as connection:
            return [EVENTS[kind.event_type].model_validate(each) for each in await connection.scalars(query)]

    async def state_of(self, message_id: int) -> str:
        """A message's state."""
        async with reading() as connection:
            return str(await connection.scalar(select(message.c.state).where(message.c.message_id == message_id)))

    async def close(self) -> None:
        """Close its connections."""
        if self._lane is not None and self._library is not None:
            await self._lane.post.close()
            await self._library.close()


@pytest.fixture
async def api(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the HTTP API that may do everything."""
    issuer = generate_issuer(tmp_path / "issuer")
    monkeypatch.setenv("FARTHING_JWKS", str(issuer.jwks))
    token = issue_token(issuer.private_key, ("notifications:read", "notifications:write"), "ann")
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app())
    async with httpx.AsyncClient(transport=transport, base_url="http://notifications", headers=headers) as client:
        yield client


def outcomes(found: Message) -> list[str]:
    """The delivery log, outcomes only."""
    return [each.outcome for each in found.attempts]
