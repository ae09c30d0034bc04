"""The role `sender`: some lanes side by side, each with its own connection to the mail server; and the role `eraser`.

Several processes may play them. Each sender holds a lock in the database for as long as it lives; the messages of one
whose lock is free are taken over by the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from prometheus_client import Counter
from sqlalchemy import text

from notifications import store
from notifications.config import NotificationsSettings, settings
from notifications.domain.delivery import Answer, Patience
from notifications.domain.letters import bill_letter
from notifications.domain.mime import Attachment, BadAddress, Envelope, address, compose, is_address
from notifications.library import Library, LibraryAway, NotTheDocument
from notifications.post import OutcomeUnknown, Post, post_address
from notifications.service import delivering
from notifications.service.delivering import Job
from notifications.service.erasing import erase_next
from notifications.templating import write
from service_kit import clock, erasures
from service_kit.database import bound
from service_kit.errors import Transient
from service_kit.faults import crash_point
from service_kit.logs import bind_context, logger
from service_kit.repeating import repeat, rest

_log = logger(__name__)
TRIES = Counter("farthing_mail_tries_total", "What mail servers answered, by recipient", ["outcome"])
IDLE_S = 0.25
RECOVER_EVERY_S = 5.0
_AWAY_FIRST_S, _AWAY_LONGEST_S = 0.5, 15.0


def patience_of(given: NotificationsSettings) -> Patience:
    """How long this installation keeps trying."""
    return Patience(
        first=timedelta(seconds=given.mail_retry_first_seconds),
        longest=timedelta(seconds=given.mail_retry_longest_seconds),
        give_up=timedelta(hours=given.mail_give_up_hours),
    )


class Lane:
    """One connection to the mail server, and the messages that go over it one after another."""

    def __init__(self, sender: int, given: NotificationsSettings, library: Library) -> None:
        self._sender = sender
        self._settings = given
        self._library = library
        self._patience = patience_of(given)
        self.post = Post(post_address(given.smtp), given.mail_timeout_seconds)

    async def step(self) -> bool:
        """Deliver the next message that is due. Returns whether there is reason to go on at once.

        Raises:
            Transient: the mail server or the database is away; the message is as it was.
        """
        job = await delivering.claim(self._sender)
        if job is None:
            return False
        with bind_context(message_id=job.message_id, customer_id=job.event.customer_id):
            try:
                await self._deliver(job)
            except LibraryAway as error:
                _log.warning("its document cannot be had now", error=str(error))
                await delivering.postpone(job, str(error))
                return False
            except Transient:
                await delivering.release(job)
                raise
            except Exception as error:
                expected = isinstance(error, (NotTheDocument, BadAddress, OutcomeUnknown))
                _log.error("a try broke off", error=repr(error), exc_info=None if expected else error)
                reason = str(error) or type(error).__name__
                await delivering.abandon(job, reason, self._settings.unconfirmed, self._patience)
        return True

    async def _deliver(self, job: Job) -> None:
        answers = _known_without_asking(job)
        wanted = [each for each in job.delivery.waiting if each not in answers]
        if wanted:
            envelope = _envelope(job)
            content = await self._content(job, envelope)
            answers |= await self._sent(job, envelope, wanted, content)
        if answers:
            await self._record(job, answers)

    async def _content(self, job: Job, envelope: Envelope) -> bytes:
        event = job.event
        document = await self._library.fetch(event.document_url, event.document_sha256)
        letter = write(job.occasion, bill_letter(event))
        return compose(envelope, letter, Attachment(event.document_name, document), clock.wall_now())

    async def _sent(self, job: Job, envelope: Envelope, wanted: Sequence[str], content: bytes) -> dict[str, Answer]:
        """The server's answers; none where another sender has the message by now."""
        by_smtp = {address(each): each for each in wanted}
        utf8 = not all(each.isascii() for each in by_smtp)
        given = await self.post.open_envelope(address(envelope.sender), list(by_smtp), utf8=utf8)
        answers = {by_smtp[each]: answer for each, answer in given.items()}
        accepted = [each for each, answer in answers.items() if answer.accepted]
        if not accepted:
            return answers
        if not await delivering.mark_sending(job):
            _log.warning("another sender has this message")
            await self.post.give_up_envelope()
            return {}
        crash_point("notifications.sending")
        answer = await self.post.hand_over(content)
        crash_point("notifications.sent")
        return answers | dict.fromkeys(accepted, answer)

    async def _record(self, job: Job, answers: Mapping[str, Answer]) -> None:
        """Kept for as long as it takes: what the server answered must not be forgotten."""
        while True:
            try:
                await delivering.record(job, answers, self._patience)
                break
            except Transient as error:
                _log.warning("cannot keep an outcome yet", error=repr(error))
                await asyncio.sleep(_AWAY_FIRST_S)
        for each in answers.values():
            TRIES.labels("sent" if each.accepted else "failed" if each.refused else "deferred").inc()


def _known_without_asking(job: Job) -> dict[str, Answer]:
    waiting = job.delivery.waiting
    malformed = {each: Answer.never(f"{each!r} is not an email address") for each in waiting if not is_address(each)}
    return malformed | {each: Answer.never(f"address suspended: {why}") for each, why in job.suspended.items()}


def _envelope(job: Job) -> Envelope:
    style = job.event.bill_style
    readable = tuple(each for each in job.recipients if is_address(each))
    return Envelope(style.brand, style.email_from, readable, job.message_id_header, style.reply_to)


async def sender(stop: asyncio.Event) -> None:
    """The role `sender`: deliver until `stop`; begins anew where its lock was lost with its connection."""
    while not stop.is_set():
        try:
            await _live(stop, settings())
        except Exception as error:
            _log.warning("sender interrupted", error=repr(error))
            await rest(_AWAY_FIRST_S, stop)


async def _live(stop: asyncio.Event, given: NotificationsSettings) -> None:
    """One sender, from taking its lock to losing it."""
    library, ended = Library(given), asyncio.Event()
    async with store.living_sender(bound().engine) as (mine, connection):
        lanes = [Lane(mine, given, library) for _ in range(given.mail_connections)]
        running = [asyncio.create_task(_run(lane, ended)) for lane in lanes]
        try:
            while not stop.is_set():
                await connection.execute(text("SELECT 1"))
                if found := await delivering.recover(mine, given.unconfirmed):
                    _log.warning("took messages over from a sender that died", count=found)
                await rest(RECOVER_EVERY_S, stop)
        finally:
            ended.set()
            await asyncio.gather(*running)
            await library.close()


async def _run(lane: Lane, ended: asyncio.Event) -> None:
    """One lane until `ended`; rests while there is nothing to do, longer and longer while something is away."""
    away = 0
    while not ended.is_set():
        pause_s = IDLE_S
        try:
            if await lane.step():
                away = 0
                continue
        except Exception as error:
            pause_s = min(_AWAY_FIRST_S * 2 ** min(away, 10), _AWAY_LONGEST_S)
            away += 1
            _log.warning("mail has to wait", error=repr(error), pause_s=pause_s)
        await rest(pause_s, ended)
    await lane.post.close()


async def eraser(stop: asyncio.Event) -> None:
    """The role `eraser`: erase customers step by step (SPEC C17)."""
    await repeat(erase_next, stop, idle_s=erasures.IDLE_S)
