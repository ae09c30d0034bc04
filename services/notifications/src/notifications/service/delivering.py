"""A message on its way: claimed, marked just before the server gets it, and what became of it (SPEC N1, N2).

The order is what keeps a message from going out twice: `mark_sending` is committed before the first byte of the message
leaves. A process that dies before it has sent nothing; one that dies between it and `record` leaves a message whose
outcome nobody knows, which is held or sent again as `FARTHING_UNCONFIRMED` says (docs/decisions/0005).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from contracts.billing import InvoiceSent
from contracts.notifications import AddressSuspended, NotificationFailed, NotificationSent
from notifications import store
from notifications.domain.delivery import Answer, Delivery, Outcome, Patience, Verdict, message_state, verdicts
from notifications.service.taking import log_line
from service_kit import clock
from service_kit.database import Transaction, transaction
from service_kit.logs import logger

_log = logger(__name__)
Unconfirmed = Literal["hold", "resend"]
_POSTPONED_LEAST, _POSTPONED_MOST = timedelta(seconds=1), timedelta(minutes=5)
HELD = "the mail server may have it: the sender ended before its answer was kept"


@dataclass(frozen=True, slots=True)
class Job:
    """A message in a sender's hands. `suspended` are waiting recipients that get no mail, with the reason."""

    delivery: Delivery
    sender: int
    message_id_header: str
    event: InvoiceSent
    occasion: str
    recipients: tuple[str, ...]
    suspended: Mapping[str, str] = field(default_factory=dict)

    @property
    def message_id(self) -> int:
        """Of the message."""
        return self.delivery.message_id


async def claim(sender: int) -> Job | None:
    """Take the next message that is due. Returns None where there is none."""
    async with transaction() as tx:
        row = await store.claim(tx.connection, sender, clock.wall_now())
        if row is None:
            return None
        people = await store.recipients_of(tx.connection, [row.message_id])
        waiting = tuple(each.address for each in people if each.state == "waiting")
        suspended = await store.suspended_among(tx.connection, waiting)
        return Job(
            delivery=Delivery(row.message_id, row.tries, row.created_at, waiting),
            sender=sender,
            message_id_header=row.message_id_header,
            event=InvoiceSent.model_validate(row.about),
            occasion=row.occasion,
            recipients=tuple(each.address for each in people),
            suspended={each: suspended[each.lower()] for each in waiting if each.lower() in suspended},
        )


async def release(job: Job) -> None:
    """Give a message back untried: what it needs is away."""
    async with transaction() as tx:
        await store.change_in_hand(tx.connection, job.message_id, job.sender, sender_id=None)


async def postpone(job: Job, reason: str) -> None:
    """Give a message back untried: what it alone needs is away. It lets others pass, the longer the older it is."""
    now = clock.wall_now()
    age = now - job.delivery.created_at
    again_at = now + min(max(age / 8, _POSTPONED_LEAST), _POSTPONED_MOST)
    async with transaction() as tx:
        values = {"sender_id": None, "next_try_at": again_at, "reason": reason}
        await store.change_in_hand(tx.connection, job.message_id, job.sender, **values)


async def mark_sending(job: Job) -> bool:
    """Commit that the server is about to get the message. Returns whether it is still in this sender's hands."""
    async with transaction() as tx:
        tries = job.delivery.tries + 1
        return await store.change_in_hand(tx.connection, job.message_id, job.sender, state="sending", tries=tries)


async def record(job: Job, answers: Mapping[str, Answer], patience: Patience) -> None:
    """Keep what became of a try: the log, the recipients, the message, suspended addresses and the events."""
    async with transaction() as tx:
        row = await store.lock(tx.connection, job.message_id)
        if row is None or (row.sender_id != job.sender and row.state != "unconfirmed"):
            _log.error("another sender has this message: its result is not kept", answers=str(dict(answers)))
            return
        now = clock.wall_now()
        delivery = Delivery(row.message_id, max(row.tries, 1), row.created_at, job.delivery.waiting)
        results = verdicts(delivery, answers, patience, now)
        await _log_results(tx, row, results)
        await _suspend_bounced(tx, row, results)
        await _save_state(tx, row, results)
        await tx.publish_many([event for each in results if (event := _event(row, each)) is not None])


async def _log_results(tx: Transaction, row: store.Found, results: Sequence[Verdict]) -> None:
    now = clock.wall_now()
    lines = [
        log_line(row.message_id, each.recipient, each.logged, each.answer, now, each.next_try_at) for each in results
    ]
    await store.add_attempts(tx.connection, lines)
    states = {each.recipient: each.outcome for each in results if each.outcome in ("sent", "failed")}
    await store.save_recipients(tx.connection, row.message_id, states)


async def _save_state(tx: Transaction, row: store.Found, results: Sequence[Verdict]) -> None:
    people = await store.recipients_of(tx.connection, [row.message_id])
    state = message_state(each.state for each in people)
    values: dict[str, Any] = {"state": state, "sender_id": None, "tries": max(row.tries, 1), "reason": ""}
    if row.state != "sending":  # nothing was handed over, but it was a try
        values["tries"] = row.tries + 1
    if state == "deferred":
        values["next_try_at"] = min(each.next_try_at for each in results if each.next_try_at is not None)
    if state in ("deferred", "failed"):
        values["reason"] = next(each.answer for each in results if each.outcome == state)
    await store.change(tx.connection, row.message_id, **values)


async def _suspend_bounced(tx: Transaction, row: store.Found, results: Sequence[Verdict]) -> None:
    for each in results:
        if not each.bounced:
            continue
        reason, now = each.answer, clock.wall_now()
        if await store.suspend(tx.connection, each.recipient, row.customer_id, reason, now):
            event = AddressSuspended(customer_id=row.customer_id, address=each.recipient, reason=reason, at=clock.now())
            await tx.publish(event)


def _event(row: store.Found, result: Verdict) -> NotificationSent | NotificationFailed | None:
    if result.outcome not in ("sent", "failed"):
        return None
    kind = NotificationSent if result.outcome == "sent" else NotificationFailed
    return kind(
        customer_id=row.customer_id,
        message_id=row.message_id,
        request_id=row.request_id,
        invoice_id=row.invoice_id,
        occasion=row.occasion,
        recipient=result.recipient,
        at=clock.now(),
        server_answer=result.answer,
    )


async def abandon(job: Job, reason: str, unconfirmed: Unconfirmed, patience: Patience) -> None:
    """A try broke off. Where the server may have the message its outcome is unknown, else it is tried again later."""
    async with transaction() as tx:
        row = await store.lock(tx.connection, job.message_id)
        if row is None or row.sender_id != job.sender:
            return
        if row.state == "sending":
            await _unknown(tx, row, reason, unconfirmed, patience.pause_unknown(row.tries))
            return
        again_at = clock.wall_now() + patience.pause(row.tries + 1, row.message_id)
        await _put_off(tx, row, "deferred", reason, again_at, tries=row.tries + 1)


async def recover(mine: int, unconfirmed: Unconfirmed) -> int:
    """Take the messages of senders that died: those not handed over yet are queued again, the others are held or
    sent again. Returns how many there were."""
    async with transaction() as tx:
        count = 0
        for sender in await store.in_other_hands(tx.connection, mine):
            if await store.sender_is_dead(tx.connection, sender):
                for row in await store.take_from(tx.connection, sender):
                    count += 1
                    await _orphaned(tx, row, unconfirmed)
        return count


async def _orphaned(tx: Transaction, row: store.Found, unconfirmed: Unconfirmed) -> None:
    if row.state == "sending":
        await _unknown(tx, row, HELD, unconfirmed, timedelta(0))
    else:
        await store.change(tx.connection, row.message_id, sender_id=None)


async def _unknown(tx: Transaction, row: store.Found, reason: str, unconfirmed: Unconfirmed, pause: timedelta) -> None:
    again_at = clock.wall_now() + pause if unconfirmed == "resend" else None
    await _put_off(tx, row, "unconfirmed", reason, again_at)
    _log.warning("outcome unknown", message_id=row.message_id, unconfirmed=unconfirmed, reason=reason)


async def _put_off(
    tx: Transaction, row: store.Found, outcome: Outcome, reason: str, again_at: datetime | None, **values: Any
) -> None:
    """Log it for everyone who waits; out of this sender's hands, and due again at that time if there is one."""
    now = clock.wall_now()
    people = await store.recipients_of(tx.connection, [row.message_id])
    waiting = [each.address for each in people if each.state == "waiting"]
    lines = [log_line(row.message_id, each, outcome, reason, now, again_at) for each in waiting]
    await store.add_attempts(tx.connection, lines)
    changes = {"sender_id": None, "reason": reason, **values}
    due = {"state": "unconfirmed"} if again_at is None else {"state": "deferred", "next_try_at": again_at}
    await store.change(tx.connection, row.message_id, **changes, **due)
