"""Counts the mail where it arrived: in the Maildir, not in a table."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from pathlib import Path

from examples.demo.driver.api import Api
from examples.demo.driver.figures import Figures


@dataclass(frozen=True)
class Letter:
    """A message in the Maildir: its Message-ID and the digests of the PDFs in it."""

    message_id: str
    pdfs: tuple[str, ...]


@dataclass(frozen=True)
class Post:
    """What is known of the mail at the end. `addressed` counts invoices of customers that have an email address."""

    letters: int
    addressed: int
    problems: list[str]


def letters(maildir: Path) -> Iterator[Letter]:
    """Every message that arrived."""
    for folder in ("new", "cur"):
        for path in sorted((maildir / folder).glob("*")):
            with path.open("rb") as file:
                message = BytesParser(policy=policy.default).parse(file)
            pdfs = [part for part in message.iter_attachments() if part.get_content_type() == "application/pdf"]
            digests = tuple(hashlib.sha256(part.get_content()).hexdigest() for part in pdfs)
            yield Letter((message["Message-ID"] or "").strip(), digests)


def check(notifications: Api, maildir: Path, figures: Figures, documents: dict[int, str]) -> Post:
    """Every invoice with an address must have exactly one message with exactly one PDF, the invoice's own.

    Args:
        documents: digest of each invoice's PDF by invoice id.
    """
    arrived: dict[str, list[Letter]] = defaultdict(list)
    for letter in letters(maildir):
        arrived[letter.message_id].append(letter)
    problems, addressed, expected = [], 0, set()
    sent = _sent(notifications)
    for account, invoice in figures.invoices.items():
        message_ids = sent[invoice.invoice_id]
        expected |= set(message_ids)
        found = [letter for message_id in message_ids for letter in arrived[message_id]]
        wanted = [(documents[invoice.invoice_id],)] if account in figures.addressed else []
        addressed += len(wanted)
        if [letter.pdfs for letter in found] != wanted:
            pdfs = [len(letter.pdfs) for letter in found]
            problems.append(f"{account}: invoice {invoice.number} has {len(found)} messages, with {pdfs} PDFs")
    strangers = sum(len(found) for message_id, found in arrived.items() if message_id not in expected)
    if strangers:
        problems.append(f"{strangers} messages in the Maildir belong to no invoice of the run")
    return Post(sum(map(len, arrived.values())), addressed, problems)


def _sent(notifications: Api) -> dict[int, list[str]]:
    """The Message-IDs of each invoice's messages, by invoice id, as the message log has them."""
    sent: dict[int, list[str]] = defaultdict(list)
    for entry in notifications.items("/messages"):
        if entry["invoice_id"] is not None and entry["message_id_header"]:
            sent[entry["invoice_id"]].append(entry["message_id_header"])
    return sent
