"""Counts the mail where it arrived: in the Maildir, not in a table."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from pathlib import Path

from examples.demo.driver.api import Api
from examples.demo.driver.figures import Figures, Invoice


@dataclass(frozen=True)
class Letter:
    """A message in the Maildir: its Message-ID, whom it was delivered to, and the digests of the PDFs in it."""

    message_id: str
    recipients: tuple[str, ...]
    pdfs: tuple[str, ...]


@dataclass(frozen=True)
class Post:
    """What is known of the mail at the end: messages that arrived, and invoices of customers with an email address."""

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
            recipients = tuple(str(each).strip() for each in message.get_all("Delivered-To", []))
            yield Letter(str(message["Message-ID"] or "").strip(), recipients, digests)


def check(notifications: Api, maildir: Path, figures: Figures, documents: dict[int, str]) -> Post:
    """Every invoice with an address must have exactly one message, with exactly one PDF, the invoice's own.

    A message to several addresses is one file that names each recipient. Returns with it what is wrong.

    Args:
        documents: digest of each invoice's PDF by invoice id.
    """
    arrived: dict[str, list[Letter]] = defaultdict(list)
    for letter in letters(maildir):
        arrived[letter.message_id].append(letter)
    total = sum(map(len, arrived.values()))
    sent = _sent(notifications)
    problems: list[str] = []
    addressed = 0
    for account, invoice in figures.invoices.items():
        emails = figures.emails.get(account, ())
        found = [letter for message_id in sent[invoice.invoice_id] for letter in arrived.pop(message_id, [])]
        addressed += bool(emails)
        problems += _wrong(account, invoice, found, emails, documents[invoice.invoice_id])
    strangers = sum(map(len, arrived.values()))
    problems += [f"{strangers} messages in the Maildir belong to no invoice of the run"] if strangers else []
    return Post(total, addressed, problems)


def _wrong(account: str, invoice: Invoice, found: list[Letter], emails: Sequence[str], pdf: str) -> Iterator[str]:
    recipients = sorted(recipient for letter in found for recipient in letter.recipients)
    if len(found) > 1 or recipients != sorted(emails):
        yield f"{account}: invoice {invoice.number} should be mailed to {list(emails)}, is in the mail of {recipients}"
    if any(letter.pdfs != (pdf,) for letter in found):
        counts = [len(letter.pdfs) for letter in found]
        yield f"{account}: the mail of invoice {invoice.number} has {counts} PDFs, or another invoice's"


def _sent(notifications: Api) -> dict[int, list[str]]:
    """The Message-IDs of each invoice's messages, by invoice id, as the message log has them."""
    sent: dict[int, list[str]] = defaultdict(list)
    for entry in notifications.items("/messages"):
        if entry["invoice_id"] is not None and entry["message_id_header"]:
            sent[entry["invoice_id"]].append(entry["message_id_header"])
    return sent
