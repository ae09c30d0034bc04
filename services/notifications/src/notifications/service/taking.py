"""Requests to send an invoice become messages, one each (SPEC N1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from contracts.billing import InvoiceSent
from notifications import store
from notifications.domain.delivery import NO_ADDRESS
from notifications.domain.letters import occasion_of
from notifications.domain.mime import BadAddress, message_id_of
from service_kit import clock
from service_kit.database import Transaction, transaction
from service_kit.erasures import admitted
from service_kit.faults import crash_point
from service_kit.kafka import Received
from service_kit.logs import logger

CONSUMER = "notifications"
_log = logger(__name__)


async def take_in_sent(received: Sequence[Received]) -> None:
    """A message for every request that has none yet; without an address it is kept as not emailed (SPEC Z10).

    What is asked for an erased customer is dropped (SPEC C17).
    """
    async with transaction() as tx:
        fresh = await tx.take_in(CONSUMER, [each.id for each in received])
        events = [each.event for each in received if each.id in fresh and isinstance(each.event, InvoiceSent)]
        known = await admitted(tx.connection, {each.customer_id for each in events})
        await add_requests(tx, [each for each in events if each.customer_id in known])
        crash_point("notifications.taken")


async def add_requests(tx: Transaction, events: Sequence[InvoiceSent]) -> None:
    """Messages for requests, in this transaction; a request that has one keeps it."""
    now = clock.wall_now()
    ids = await store.new_ids(tx.connection, len(events))
    rows = [new_message(each, event, now) for each, event in zip(ids, events, strict=True)]
    added = await store.add_messages(tx.connection, rows)
    if len(added) < len(rows):
        _log.warning("requests that have a message already", count=len(rows) - len(added))
    kept = [(each, event) for each, event in zip(ids, events, strict=True) if each in added]
    for each, event in kept:
        await add_addresses(tx, each, event.recipients, now)


def new_message(message_id: int, event: InvoiceSent, now: datetime, **other: Any) -> Mapping[str, Any]:
    """A message's row, due at once where it has an address."""
    recipients = unique(event.recipients)
    return {
        "message_id": message_id,
        "request_id": event.request_id,
        "resend_of": None,
        "customer_id": event.customer_id,
        "invoice_id": event.invoice_id,
        "occasion": occasion_of(event),
        "about": event.model_dump(mode="json"),
        "message_id_header": _header(message_id, event),
        "state": "queued" if recipients else "not_emailed",
        "reason": "" if recipients else NO_ADDRESS,
        "next_try_at": now,
        "created_at": now,
        **other,
    }


async def add_addresses(tx: Transaction, message_id: int, addresses: Iterable[str], now: datetime) -> None:
    """The recipients of a new message, and the first line of each in the delivery log."""
    wanted = unique(addresses)
    rows = [
        {"message_id": message_id, "position": position, "address": address, "state": "waiting"}
        for position, address in enumerate(wanted)
    ]
    await store.add_recipients(tx.connection, rows)
    await store.add_attempts(tx.connection, [log_line(message_id, each, "queued", "", now) for each in wanted])


def log_line(
    message_id: int, recipient: str, outcome: str, answer: str, at: datetime, next_try_at: datetime | None = None
) -> dict[str, Any]:
    """A row of the delivery log."""
    return {
        "message_id": message_id,
        "at": at,
        "recipient": recipient,
        "outcome": outcome,
        "server_answer": answer,
        "next_try_at": next_try_at,
    }


def unique(addresses: Iterable[str]) -> list[str]:
    """Addresses in their order, each once whatever its case, blanks left out."""
    found: dict[str, str] = {}
    for each in addresses:
        if each.strip():
            found.setdefault(each.strip().lower(), each.strip())
    return list(found.values())


def _header(message_id: int, event: InvoiceSent) -> str:
    seed = f"{event.request_id}/{event.document_sha256}"
    try:
        return message_id_of(message_id, seed, event.bill_style.email_from)
    except BadAddress:  # the message will be put off, with that reason in its log
        return message_id_of(message_id, seed, "unknown@invalid")
