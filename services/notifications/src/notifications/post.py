"""One SMTP connection that stays open and carries one message after another."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from notifications.domain.delivery import Answer
from service_kit.errors import ConfigurationError, Transient

SERVICE_CLOSING = 421
_PORTS = {"smtp": 25, "smtps": 465}


class PostAway(Transient):
    """The mail server cannot be reached, or closed the connection before it had a message."""


class OutcomeUnknown(Exception):
    """The connection broke while the server had the message: nobody knows whether it took it."""


@dataclass(frozen=True, slots=True)
class PostAddress:
    """Where the mail server is, and how to sign in there; without TLS of its own, STARTTLS is used where offered."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = None


def post_address(url: str) -> PostAddress:
    """Read `smtp://[user:password@]host[:port]` or `smtps://...`.

    Raises:
        ConfigurationError: it is not of that form.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError) as error:
        raise ConfigurationError("FARTHING_SMTP: expected smtp://host:port or smtps://host:port") from error
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return PostAddress(parts.hostname or "localhost", port, parts.scheme == "smtps", user, password)


class Post:
    """A connection to the mail server, made when it is needed and made again after it broke."""

    def __init__(self, where: PostAddress, timeout_s: int) -> None:
        self._where = where
        self._timeout_s = timeout_s
        self._client: SMTP | None = None

    async def open_envelope(self, sender: str, recipients: Sequence[str], *, utf8: bool = False) -> dict[str, Answer]:
        """Say whom the message is from and to; nothing is handed over yet.

        Args:
            sender: SMTP address of the sender.
            recipients: SMTP addresses.
            utf8: the addresses need SMTPUTF8.

        Returns: the server's answer for each recipient; those accepted get what `hand_over` sends.

        Raises:
            PostAway: it cannot be reached.
        """
        client = await self._connected()
        if utf8 and not client.supports_extension("smtputf8"):
            return dict.fromkeys(recipients, Answer(553, "5.6.7 The mail server takes no such address (no SMTPUTF8)"))
        try:
            await client.mail(sender, options=["SMTPUTF8"] if utf8 else [], encoding="utf-8" if utf8 else "ascii")
            answers = {each: await self._recipient(client, each, utf8) for each in recipients}
        except SMTPSenderRefused as error:
            await self._reset(client)
            return dict.fromkeys(recipients, self._answer(error.code, f"sender refused: {error.message}"))
        except (SMTPException, OSError) as error:
            self._drop()
            raise PostAway(str(error) or type(error).__name__) from error
        if not any(answer.accepted for answer in answers.values()):
            await self._reset(client)
        return answers

    async def hand_over(self, content: bytes) -> Answer:
        """Send the message to the recipients that were accepted. Returns the server's answer.

        Raises:
            OutcomeUnknown: the connection broke before the answer came.
        """
        client = self._client
        if client is None:
            raise OutcomeUnknown("the connection is gone")
        try:
            answer = await client.data(content)
        except SMTPDataError as error:
            await self._reset(client)
            return Answer(error.code, _one_line(error.message))
        except (SMTPException, OSError) as error:
            self._drop()
            raise OutcomeUnknown(str(error) or type(error).__name__) from error
        return Answer(answer.code, _one_line(answer.message))

    async def give_up_envelope(self) -> None:
        """Nothing is to be handed over after all."""
        if self._client is not None:
            await self._reset(self._client)

    async def close(self) -> None:
        """Say goodbye."""
        if self._client is not None and self._client.is_connected:
            with suppress(SMTPException, OSError):
                await self._client.quit()
        self._drop()

    async def _connected(self) -> SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        client = SMTP(
            hostname=self._where.host,
            port=self._where.port,
            use_tls=self._where.tls,
            username=self._where.user,
            password=self._where.password,
            timeout=self._timeout_s,
            local_hostname=socket.gethostname() or "localhost",
        )
        try:
            await client.connect()
            await client.ehlo()
        except (SMTPException, OSError) as error:
            client.close()
            raise PostAway(str(error) or type(error).__name__) from error
        self._client = client
        return client

    async def _recipient(self, client: SMTP, recipient: str, utf8: bool) -> Answer:
        try:
            answer = await client.rcpt(recipient, encoding="utf-8" if utf8 else "ascii")
        except SMTPRecipientRefused as error:
            return self._answer(error.code, error.message)
        return Answer(answer.code, _one_line(answer.message))

    def _answer(self, code: int, text: str) -> Answer:
        if code == SERVICE_CLOSING:
            raise SMTPResponseException(code, text)
        return Answer(code, _one_line(text))

    async def _reset(self, client: SMTP) -> None:
        """Forget the envelope; a connection that cannot even do that is made anew."""
        try:
            await client.rset()
        except (SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]
