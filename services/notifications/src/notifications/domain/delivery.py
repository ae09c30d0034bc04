"""What a mail server's answers mean for a message and its recipients (SPEC N1, N2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

MessageState = Literal["queued", "sending", "sent", "deferred", "failed", "unconfirmed", "not_emailed"]
RecipientState = Literal["waiting", "sent", "failed"]
Outcome = Literal["queued", "sent", "deferred", "failed", "unconfirmed"]

STATES: tuple[MessageState, ...] = ("queued", "sending", "sent", "deferred", "failed", "unconfirmed", "not_emailed")
NO_ADDRESS = "not emailed: no address"
_ENHANCED = re.compile(r"^\s*(\d\.\d{1,3}\.\d{1,3})\b")
_NO_SUCH_MAILBOX = {550, 551, 553}
_UNKNOWN_FIRST = timedelta(seconds=1)
_OURS_LATER, _OURS_NEVER = 0, 599


@dataclass(frozen=True, slots=True)
class Answer:
    """What the mail server said for one recipient, or what we know without asking it. `code` is SMTP's."""

    code: int
    text: str

    @classmethod
    def later(cls, why: str) -> Answer:
        """Our own: it cannot be sent now."""
        return cls(_OURS_LATER, why)

    @classmethod
    def never(cls, why: str) -> Answer:
        """Our own: it can never be sent to this recipient."""
        return cls(_OURS_NEVER, why)

    @property
    def accepted(self) -> bool:
        """The server took it."""
        return 200 <= self.code < 300

    @property
    def refused(self) -> bool:
        """The server will never take it."""
        return 500 <= self.code < 600

    def __str__(self) -> str:
        return self.text if self.code in (_OURS_LATER, _OURS_NEVER) else f"{self.code} {self.text}".strip()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a message that is put off is tried again: pauses double from `first` to `longest`."""

    first: timedelta = timedelta(minutes=1)
    longest: timedelta = timedelta(hours=1)
    give_up: timedelta = timedelta(hours=72)

    def pause(self, tries: int, message_id: int) -> timedelta:
        """The pause after that many tries; up to a quarter more by message, so that a crowd does not come at once."""
        pause = _doubled(self.first, tries, self.longest)
        return pause + pause * (message_id % 16) / 64

    def pause_unknown(self, tries: int) -> timedelta:
        """The pause before a message whose outcome is not known is sent again: short, for it is likely there."""
        return _doubled(_UNKNOWN_FIRST, tries, self.longest)


def _doubled(first: timedelta, tries: int, longest: timedelta) -> timedelta:
    doublings = min(max(tries - 1, 0), 40)
    return min(first * (1 << doublings), longest)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way. `waiting` are the recipients that have not got it yet; instants are wall time."""

    message_id: int
    tries: int
    created_at: datetime
    waiting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one answer means for one recipient. `bounced`: the address does not exist and gets no more mail."""

    recipient: str
    outcome: Outcome
    answer: str
    next_try_at: datetime | None = None
    bounced: bool = False

    @property
    def logged(self) -> str:
        """The outcome as the delivery log has it (SPEC N2)."""
        return "bounced" if self.bounced else self.outcome


def verdicts(
    delivery: Delivery, answers: Mapping[str, Answer], patience: Patience, now: datetime
) -> tuple[Verdict, ...]:
    """What the answers mean, recipient by recipient: 2xx sent, 5xx failed, all else deferred until patience ends."""
    return tuple(_verdict(delivery, recipient, answers[recipient], patience, now) for recipient in answers)


def _verdict(delivery: Delivery, recipient: str, answer: Answer, patience: Patience, now: datetime) -> Verdict:
    if answer.accepted:
        return Verdict(recipient, "sent", str(answer))
    if answer.refused:
        return Verdict(recipient, "failed", str(answer), bounced=is_hard_bounce(answer))
    if now - delivery.created_at >= patience.give_up:
        return Verdict(recipient, "failed", f"given up: {answer}")
    return Verdict(recipient, "deferred", str(answer), now + patience.pause(delivery.tries, delivery.message_id))


def is_hard_bounce(answer: Answer) -> bool:
    """Whether the server said that there is no such mailbox (RFC 3463: 5.1.x, or 5.2.1, disabled).

    A refusal for another reason (policy, size, spam) says nothing about the address. Without an enhanced status code
    550, 551 and 553 are taken as "no such mailbox".
    """
    if not answer.refused:
        return False
    enhanced = _ENHANCED.match(answer.text)
    if enhanced is None:
        return answer.code in _NO_SUCH_MAILBOX
    return enhanced[1].startswith("5.1.") or enhanced[1] == "5.2.1"


def message_state(recipients: Iterable[RecipientState]) -> MessageState:
    """Where a message stands after a try: deferred while anyone waits, sent if it reached anyone, else failed."""
    states = set(recipients)
    if "waiting" in states:
        return "deferred"
    return "sent" if "sent" in states else "failed"
