"""What people ask of the delivery log, and do: resend, release an address (SPEC N1, N2)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.billing import InvoiceSent
from notifications import store
from notifications.domain.delivery import STATES, MessageState
from notifications.domain.mime import BadAddress, address
from notifications.service.taking import add_addresses, log_line, new_message, unique
from service_kit import clock
from service_kit.database import Transaction, reading, transaction
from service_kit.erasures import admitted
from service_kit.problems import Conflict, Invalid, NotFound

BY_HAND = "sent again by hand"
AGAIN = ("unconfirmed", "failed", "deferred")
"""States in which the same message goes on its way again, under its Message-ID."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A line of the delivery log; instants are wall time."""

    at: datetime
    recipient: str
    outcome: str
    server_answer: str
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message with its recipients and its delivery log."""

    message_id: int
    request_id: int | None
    resend_of: int | None
    invoice_id: int | None
    customer_id: int
    occasion: str
    recipients: list[str]
    state: str
    reason: str
    message_id_header: str
    created_at: datetime
    next_try_at: datetime | None
    attempts: list[Attempt]


@dataclass(frozen=True, slots=True)
class SuspendedAddress:
    """An address that gets no mail, since a wall time."""

    address: str
    customer_id: int
    reason: str
    since: datetime


async def list_messages(
    *, invoice_id: int | None, customer_id: int | None, state: str | None, limit: int, after: int
) -> list[Message]:
    """Messages by id, filtered."""
    filters = {"invoice_id": invoice_id, "customer_id": customer_id, "state": state}
    async with reading() as connection:
        rows = await store.messages(connection, filters, limit, after)
        return await _told(connection, rows)


async def get_message(message_id: int) -> Message:
    """One message. Raises NotFound."""
    async with reading() as connection:
        row = await store.message_by_id(connection, message_id)
        if row is None:
            raise NotFound(f"there is no message {message_id}")
        return (await _told(connection, [row]))[0]


async def _told(connection: AsyncConnection, rows: Sequence[store.Found]) -> list[Message]:
    ids = [row.message_id for row in rows]
    people = _by_message(await store.recipients_of(connection, ids), ids)
    lines = _by_message(await store.attempts_of(connection, ids), ids)
    return [_message(row, people[row.message_id], lines[row.message_id]) for row in rows]


def _by_message(rows: Sequence[store.Found], ids: Collection[int]) -> dict[int, list[store.Found]]:
    found: dict[int, list[store.Found]] = {each: [] for each in ids}
    for row in rows:
        found[row.message_id].append(row)
    return found


def _message(row: store.Found, people: Sequence[store.Found], lines: Sequence[store.Found]) -> Message:
    return Message(
        message_id=row.message_id,
        request_id=row.request_id,
        resend_of=row.resend_of,
        invoice_id=row.invoice_id,
        customer_id=row.customer_id,
        occasion=row.occasion,
        recipients=[each.address for each in people],
        state=row.state,
        reason=row.reason,
        message_id_header=row.message_id_header,
        created_at=row.created_at,
        next_try_at=row.next_try_at if row.state in store.DUE_STATES else None,
        attempts=[
            Attempt(each.at, each.recipient, each.outcome, each.server_answer, each.next_try_at) for each in lines
        ],
    )


async def count_messages() -> dict[MessageState, int]:
    """How many messages are in each state; every state is named."""
    async with reading() as connection:
        counts = await store.counts_by_state(connection)
    return {state: counts.get(state, 0) for state in STATES}


async def resend(message_id: int, recipients: Sequence[str] | None) -> Message:
    """Send a message again (SPEC N1).

    One that has not arrived goes on its way again, to those who have not got it, under its Message-ID. One that was
    sent, or that is to go to others, becomes a new message with a Message-ID of its own.

    Args:
        recipients: addresses for this time only; None for the message's own.

    Raises:
        NotFound: there is no such message.
        Invalid: a recipient is no email address.
        Conflict: it is on its way, or has no address.
    """
    wanted = _checked(recipients)
    async with transaction() as tx:
        row = await store.lock(tx.connection, message_id)
        if row is None or not await admitted(tx.connection, [row.customer_id]):
            raise NotFound(f"there is no message {message_id}")
        if wanted is None and (row.state in ("queued", "sending") or row.sender_id is not None):
            raise Conflict(f"message {message_id} is on its way: wait for its outcome")
        if wanted is None and row.state == "not_emailed":
            raise Conflict(f"message {message_id} has no address: say to whom with 'recipients'")
        again = wanted is None and row.state in AGAIN
        changed = await _queue_again(tx, row) if again else await _copy(tx, row, wanted)
        return (await _told(tx.connection, [changed]))[0]


def _checked(recipients: Sequence[str] | None) -> list[str] | None:
    if recipients is None:
        return None
    wanted, errors = unique(recipients), []
    for position, each in enumerate(wanted):
        try:
            address(each)
        except BadAddress as error:
            errors.append({"field": f"recipients.{position}", "message": str(error)})
    if errors or not wanted:
        raise Invalid(errors[0]["message"] if errors else "recipients: name at least one address", errors=errors)
    return wanted


async def _queue_again(tx: Transaction, row: store.Found) -> store.Found:
    now = clock.wall_now()
    people = await store.recipients_of(tx.connection, [row.message_id])
    open_ones = [each.address for each in people if each.state != "sent"]
    await store.save_recipients(tx.connection, row.message_id, dict.fromkeys(open_ones, "waiting"))
    await store.add_attempts(
        tx.connection, [log_line(row.message_id, each, "queued", BY_HAND, now) for each in open_ones]
    )
    fresh = {"state": "queued", "reason": "", "tries": 0, "next_try_at": now, "created_at": now}
    return await store.change(tx.connection, row.message_id, **fresh)


async def _copy(tx: Transaction, row: store.Found, recipients: Sequence[str] | None) -> store.Found:
    now = clock.wall_now()
    people = recipients or [each.address for each in await store.recipients_of(tx.connection, [row.message_id])]
    event = InvoiceSent.model_validate(row.about).model_copy(update={"recipients": tuple(people)})
    (new_id,) = await store.new_ids(tx.connection, 1)
    message = new_message(new_id, event, now, request_id=None, resend_of=row.message_id)
    await store.add_messages(tx.connection, [message])
    await add_addresses(tx, new_id, people, now)
    made = await store.lock(tx.connection, new_id)
    assert made is not None
    return made


async def list_suspended(limit: int, after: str) -> list[SuspendedAddress]:
    """The addresses that get no mail, by name."""
    async with reading() as connection:
        rows = await store.suspended(connection, limit, after)
    return [SuspendedAddress(row.address, row.customer_id, row.reason, row.since) for row in rows]


async def release_address(wanted: str) -> None:
    """Mail to an address again. Raises NotFound where it was not suspended."""
    async with transaction() as tx:
        if not await store.release_address(tx.connection, wanted):
            raise NotFound(f"{wanted} is not suspended")
