"""A local SMTP server that keeps every message in a Maildir: `python -m local_platform.smtp --help`.

A message is on the disk before it is acknowledged, and is one file whatever the number of its recipients, each in a
`Delivered-To` line of its own: one that comes again with the same Message-ID is acknowledged, logged and not kept
twice. Recipients whose local part is `bounce` (or `bounce+anything`)
are refused for good, `defer` (or `defer+anything`) the first time: for trying what a sender does then.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import logging
import os
import secrets
import signal
import tempfile
from collections.abc import Sequence
from email import policy
from email.parser import BytesHeaderParser
from enum import Enum
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

log = logging.getLogger("smtp")
OK = "250 OK"
REFUSED = "550 5.1.1 No such mailbox here"
DEFERRED = "451 4.7.1 Try again later"
MAX_MESSAGE_BYTES = 50_000_000


class Kept(Enum):
    """What became of a delivery."""

    NEW = "kept"
    FURTHER = "kept for further recipients"
    AGAIN = "already kept"


class Maildir:
    """A Maildir in which a message's name follows from its Message-ID, so that it cannot be there twice.

    Args:
        folder: it is made, with `tmp`, `new` and `cur`, if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("tmp", "new", "cur"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def keep(self, message_id: str, sender: str, recipients: Sequence[str], content: bytes) -> Kept:
        """Writes one message to the disk, safely; or its further recipients, if it is there. Raises OSError."""
        name = hashlib.sha256(message_id.encode()).hexdigest()[:40]
        there = self._find(name)
        if there is None:
            self._put(_delivered_to(recipients) + f"Return-Path: <{sender}>\r\n".encode() + content, name)
            return Kept.NEW
        known = set(
            BytesHeaderParser(policy=policy.compat32).parsebytes(there.read_bytes()).get_all("Delivered-To", [])
        )
        further = [recipient for recipient in recipients if recipient not in known]
        if not further:
            return Kept.AGAIN
        os.replace(self._write(_delivered_to(further) + there.read_bytes()), there)
        _sync_folder(there.parent)
        return Kept.FURTHER

    def _find(self, name: str) -> Path | None:
        """The message, also when a mail program has moved it to `cur` and added its flags."""
        new = self.folder / "new" / name
        return new if new.exists() else next((self.folder / "cur").glob(f"{name}*"), None)

    def _put(self, content: bytes, name: str) -> None:
        os.replace(self._write(content), self.folder / "new" / name)
        _sync_folder(self.folder / "new")

    def _write(self, content: bytes) -> Path:
        handle, name = tempfile.mkstemp(dir=self.folder / "tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return Path(name)


class Handler:
    """What the server does with recipients and messages; aiosmtpd calls its methods by name."""

    def __init__(self, maildir: Maildir) -> None:
        self.maildir = maildir
        self._deferred: set[str] = set()
        self._keeping = asyncio.Lock()

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Accepts a recipient, or plays one that does not exist or is busy."""
        purpose = address.partition("@")[0].partition("+")[0].lower()
        if purpose == "bounce":
            return self._refuse(address, REFUSED)
        if purpose == "defer" and address not in self._deferred:
            self._deferred.add(address)
            return self._refuse(address, DEFERRED)
        envelope.rcpt_tos.append(address)
        return OK

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keeps the message for its recipients. The answer is given when all of it is on the disk."""
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        message_id = _message_id(content)
        try:
            async with self._keeping:
                kept = await asyncio.to_thread(
                    self.maildir.keep, message_id, envelope.mail_from or "", envelope.rcpt_tos, content
                )
        except OSError as error:
            log.error("%s not kept: %s", message_id, error)
            return "452 4.3.1 The disk cannot take it"
        log.info("%s for %s %s, %d bytes", message_id, ", ".join(envelope.rcpt_tos), kept.value, len(content))
        return f"{OK} {message_id}"

    def _refuse(self, address: str, answer: str) -> str:
        log.info("recipient %s answered %s", address, answer)
        return answer


def _delivered_to(recipients: Sequence[str]) -> bytes:
    return "".join(f"Delivered-To: {recipient}\r\n" for recipient in recipients).encode()


def _message_id(content: bytes) -> str:
    """The message's own id; without one it gets a name that no other message has."""
    found = BytesHeaderParser(policy=policy.compat32).parsebytes(content)["Message-ID"]
    return str(found).strip() if found else f"<{secrets.token_hex(12)}@without-id>"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


async def serve(host: str, port: int, maildir: Path) -> None:
    """Serves until SIGTERM or SIGINT. Raises OSError if the port is taken."""
    handler, loop, ended = Handler(Maildir(maildir)), asyncio.get_running_loop(), asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, ended.set)
    server = await loop.create_server(
        lambda: SMTP(
            handler, hostname="farthing.localhost", data_size_limit=MAX_MESSAGE_BYTES, enable_SMTPUTF8=True, loop=loop
        ),
        host,
        port,
    )
    log.info("listening on %s:%d, messages in %s", host, port, maildir)
    async with server:
        await ended.wait()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m local_platform.smtp", description="SMTP server with a Maildir.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--maildir", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    asyncio.run(serve(options.host, options.port, options.maildir))


if __name__ == "__main__":
    main()
