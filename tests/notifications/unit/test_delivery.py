"""What a mail server's answers mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from notifications.domain.delivery import Answer, Delivery, Patience, is_hard_bounce, message_state, verdicts

NOW = datetime(2025, 2, 1, 9, 0, tzinfo=UTC)
PATIENCE = Patience()
HERE = Delivery(message_id=16, tries=1, created_at=NOW - timedelta(minutes=1), waiting=("a@x.example", "b@x.example"))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(250, "2.0.0 OK"), "sent"),
        (Answer(451, "4.7.1 later"), "deferred"),
        (Answer(552, "5.2.2 full"), "failed"),
        (Answer.later("no document"), "deferred"),
        (Answer.never("no address"), "failed"),
    ],
)
def test_an_answer_decides_what_becomes_of_a_recipient(answer: Answer, outcome: str) -> None:
    """N2: 2xx sent, 4xx deferred, 5xx failed."""
    (verdict,) = verdicts(HERE, {"a@x.example": answer}, PATIENCE, NOW)
    assert verdict.outcome == outcome
    assert (verdict.next_try_at is None) == (outcome != "deferred")


def test_each_recipient_has_its_own_outcome() -> None:
    """N2: the log is per message and recipient."""
    answers = {"a@x.example": Answer(250, "OK"), "b@x.example": Answer(450, "busy")}
    assert [each.outcome for each in verdicts(HERE, answers, PATIENCE, NOW)] == ["sent", "deferred"]


def test_pauses_double_up_to_the_longest() -> None:
    """N2: retry with back-off."""
    minutes = [PATIENCE.pause(tries, message_id=0) // timedelta(minutes=1) for tries in range(1, 10)]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert PATIENCE.pause(10**9, message_id=0) == timedelta(hours=1)


def test_messages_do_not_all_come_back_at_once() -> None:
    """N2: the pause is spread by message, and the same for the same one."""
    pauses = {PATIENCE.pause(1, each) for each in range(100)}
    assert len(pauses) == 16
    assert min(pauses) == timedelta(minutes=1)
    assert max(pauses) < timedelta(seconds=75)


def test_patience_ends() -> None:
    """N2: what is put off for three days has failed."""
    old = Delivery(1, 50, NOW - timedelta(hours=72), ("a@x.example",))
    (verdict,) = verdicts(old, {"a@x.example": Answer(451, "busy")}, PATIENCE, NOW)
    assert verdict.outcome == "failed"
    assert "given up" in verdict.answer


@pytest.mark.parametrize(
    ("code", "text", "bounced"),
    [
        (550, "5.1.1 no such user", True),
        (550, "no such user", True),
        (551, "moved", True),
        (550, "5.2.1 mailbox disabled", True),
        (550, "5.7.1 looks like spam", False),
        (552, "5.2.2 mailbox full", False),
        (554, "refused", False),
        (450, "4.1.1 not now", False),
        (250, "OK", False),
        (599, "ours", False),
    ],
)
def test_only_a_mailbox_that_is_not_there_suspends_the_address(code: int, text: str, bounced: bool) -> None:
    """N2: a hard bounce suspends the address; policy, size and spam say nothing about it."""
    assert is_hard_bounce(Answer(code, text)) is bounced


def test_a_message_is_what_its_recipients_are() -> None:
    """N2: deferred while anyone waits, sent if it reached anyone."""
    assert message_state(["sent", "waiting"]) == "deferred"
    assert message_state(["sent", "failed"]) == "sent"
    assert message_state(["failed", "failed"]) == "failed"
