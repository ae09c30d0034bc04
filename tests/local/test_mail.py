"""The local mail server keeps every message once, safely, and can refuse."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import aiosmtplib
import pytest

from local_platform import ports
from local_platform.mail import SmtpServer
from local_platform.processes import Children


@pytest.fixture
def server(tmp_path: Path, children: Children) -> Iterator[SmtpServer]:
    port = ports.reserve()
    made = SmtpServer(tmp_path / "maildir", children, log=tmp_path / "smtp.log", port=port)
    made.start()
    yield made
    ports.release(port)


async def send(server: SmtpServer, *recipients: str, message_id: str = "<invoice-1@farthing.example>") -> None:
    message = EmailMessage()
    message["From"], message["Subject"], message["Message-ID"] = "billing@farthing.example", "Your bill", message_id
    message.set_content("Please find your bill attached.")
    message.add_attachment(b"%PDF-1.7 " * 1000, maintype="application", subtype="pdf", filename="bill.pdf")
    await aiosmtplib.send(message, recipients=list(recipients), hostname="127.0.0.1", port=server.port)


def kept(server: SmtpServer) -> list[Path]:
    return sorted((server.maildir / "new").iterdir())


async def test_a_message_is_kept_whole(server: SmtpServer) -> None:
    await send(server, "ann@example.com")
    (path,) = kept(server)
    message = BytesParser().parsebytes(path.read_bytes())
    assert message["Delivered-To"] == "ann@example.com"
    assert message["Message-ID"] == "<invoice-1@farthing.example>"
    assert message.get_payload()[1].get_payload(decode=True) == b"%PDF-1.7 " * 1000
    assert list((server.maildir / "tmp").iterdir()) == []


async def test_the_same_message_id_is_acknowledged_but_kept_once_also_after_a_restart(server: SmtpServer) -> None:
    """N1: never twice, whatever is redelivered or restarted."""
    await send(server, "ann@example.com")
    await send(server, "ann@example.com")
    server.stop()
    server.start()
    await send(server, "ann@example.com")
    assert len(kept(server)) == 1
    assert server.log.read_text().count("already kept") == 2


async def test_a_message_that_a_mail_program_has_moved_is_still_known(server: SmtpServer) -> None:
    await send(server, "ann@example.com")
    (path,) = kept(server)
    path.rename(server.maildir / "cur" / f"{path.name}:2,S")
    server.stop()
    server.start()
    await send(server, "ann@example.com")
    assert kept(server) == []


async def test_one_message_to_two_addresses_is_one_file_and_other_messages_have_their_own(server: SmtpServer) -> None:
    await send(server, "ann@example.com", "bob@example.com")
    await send(server, "ann@example.com", message_id="<invoice-2@farthing.example>")
    assert len(kept(server)) == 2


async def test_a_message_tried_again_for_a_further_recipient_stays_one_file(server: SmtpServer) -> None:
    """N2: the one who was deferred gets it later, the others not again."""
    await send(server, "ann@example.com")
    await send(server, "bob@example.com")
    (path,) = kept(server)
    message = BytesParser().parsebytes(path.read_bytes())
    assert sorted(message.get_all("Delivered-To") or []) == ["ann@example.com", "bob@example.com"]
    assert message.get_payload()[1].get_payload(decode=True) == b"%PDF-1.7 " * 1000


async def test_bounce_is_refused_for_good_and_defer_the_first_time(server: SmtpServer) -> None:
    """N2: what a sender has to tell apart."""
    for _ in range(2):
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await send(server, "bounce+7@example.com")
        assert refused.value.recipients[0].code == 550
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as deferred:
        await send(server, "defer@example.com")
    assert deferred.value.recipients[0].code == 451
    await send(server, "defer@example.com")
    assert len(kept(server)) == 1
