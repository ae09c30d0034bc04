"""A message as bytes: text, HTML and the PDF, with headers that no data can break out of."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8

_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")
_UNSAFE_IN_NAMES = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]+')


class BadAddress(ValueError):
    """It is not an email address; the message says which."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What a message says, already in words."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A PDF and the name that the reader sees."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who writes to whom. `reply_to` may be empty."""

    sender_name: str
    sender: str
    recipients: tuple[str, ...]
    message_id: str
    reply_to: str = ""


def message_id_of(message_id: int, seed: str, sender: str) -> str:
    """The Message-ID header: the same for every try of a message, and no other message's anywhere.

    Args:
        message_id: of the message.
        seed: something of the message that no other installation has, for ids of messages begin with 1 everywhere.
        sender: the address it is sent from; its domain stands in the header.
    """
    mark = hashlib.sha256(f"{message_id}/{seed}".encode()).hexdigest()[:20]
    return f"<{message_id}.{mark}@{address(sender).rpartition('@')[2]}>"


def address(given: str) -> str:
    """An email address as SMTP wants it: trimmed, the domain in ASCII (IDNA) and lower case.

    Raises:
        BadAddress: it is none.
    """
    local, at, domain = given.strip().rpartition("@")
    if not at or not local or not domain or _BLANKS.search(given.strip()) or set('<>,;()[]"') & set(given):
        raise BadAddress(f"{given!r} is not an email address")
    try:
        ascii_domain = domain.encode("idna").decode().lower()
        if local.isascii():
            Address(addr_spec=f"{local}@{ascii_domain}")
    except (UnicodeError, ValueError, IndexError) as error:
        raise BadAddress(f"{given!r} is not an email address") from error
    return f"{local}@{ascii_domain}"


def is_address(given: str) -> bool:
    """Whether it is an email address."""
    try:
        address(given)
    except BadAddress:
        return False
    return True


def one_line(words: str) -> str:
    """Text for a header: no line break or control character."""
    return _BLANKS.sub(" ", words).strip()


def compose(envelope: Envelope, letter: Letter, attachment: Attachment, date: datetime) -> bytes:
    """The whole message: multipart/mixed of (text | HTML) and the PDF, lines ended by CRLF.

    Args:
        date: wall time, for the Date header.

    Raises:
        BadAddress: the sender, reply-to or a recipient is no email address.
    """
    everyone = (envelope.sender, envelope.reply_to, *envelope.recipients)
    message = EmailMessage(SMTP if all(each.isascii() for each in everyone) else SMTPUTF8)
    message["Subject"] = one_line(letter.subject)
    message["From"] = _mailbox(envelope.sender, one_line(envelope.sender_name))
    message["To"] = tuple(_mailbox(each) for each in envelope.recipients)
    if envelope.reply_to:
        message["Reply-To"] = _mailbox(envelope.reply_to)
    message["Date"] = date
    message["Message-ID"] = envelope.message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    message.add_attachment(attachment.content, "application", "pdf", filename=_file_name(attachment.name))
    return message.as_bytes()


def _mailbox(given: str, name: str = "") -> Address:
    local, _, domain = address(given).rpartition("@")
    return Address(display_name=name, username=local, domain=domain)


def _file_name(name: str) -> str:
    return _UNSAFE_IN_NAMES.sub("-", one_line(name)) or "invoice.pdf"
