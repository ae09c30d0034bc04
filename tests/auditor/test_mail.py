"""The auditor on messages: never twice for one request, never none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.auditor.loosened import Ledger, ledger_of, loosened
from tests.support.platform import Databases

ASKED = """
INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, subject, time, sent_at)
    SELECT gen_random_uuid(), 'billing', n, 'invoice.sent', jsonb_build_object('request_id', n, 'invoice_id', 500 + n,
           'document_sha256', 'abc'), n, now(), now() FROM generate_series(1, 2) AS n;
INSERT INTO document (invoice_id, length, sha256) VALUES (501, 'long', 'abc'), (502, 'long', 'abc');
"""
MAILED = """
INSERT INTO message (message_id, request_id, customer_id, state) VALUES (71, 1, 1, 'sent'), (72, 2, 2, 'not_emailed');
INSERT INTO recipient (message_id, position, address, state) VALUES (71, 1, 'a@brightwater.example', 'sent');
INSERT INTO attempt (message_id, recipient, outcome) VALUES
    (71, 'a@brightwater.example', 'deferred'), (71, 'a@brightwater.example', 'sent');
"""
BROKEN = {
    "two messages for a request": (
        "INSERT INTO message (message_id, request_id, customer_id, state) VALUES (73, 1, 1, 'queued')",
        "request 1 became 2 messages",
    ),
    "a message sent twice": (
        "INSERT INTO attempt (message_id, recipient, outcome) VALUES (71, 'a@brightwater.example', 'sent')",
        "message 71 was accepted 2 times for a@brightwater.example",
    ),
    "a message that no server took": (
        "DELETE FROM attempt WHERE outcome = 'sent'",
        "message 71 is called sent to a@brightwater.example, but no server accepted it",
    ),
    "a message sent to nobody": ("UPDATE message SET state = 'sent'", "message 72 is sent, but to nobody"),
    "a request without a message": (
        "DELETE FROM message WHERE message_id = 72",
        "request 2 to send an invoice has no message",
    ),
    "a message that nobody asked for": (
        "INSERT INTO message (message_id, request_id, customer_id, state) VALUES (73, 9, 1, 'queued')",
        "the message of request 9 was never asked for",
    ),
}


@pytest.fixture(scope="module")
def sound(databases: Databases) -> Iterator[dict[str, str]]:
    """Two requests: one message sent at the second try, one without an address."""
    with loosened(databases, {"invoicing": ASKED, "notifications": MAILED}) as dsns:
        yield dsns


@pytest.fixture
def ledger(sound: dict[str, str]) -> Iterator[Ledger]:
    """The same, to be broken by one test."""
    with ledger_of(sound) as each:
        yield each


def test_one_message_for_each_request_has_nothing_to_tell(ledger: Ledger) -> None:
    """N1."""
    assert ledger.findings() == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_message_too_many_or_too_few_is_told(ledger: Ledger, name: str) -> None:
    """N1: never twice for one request, whatever is redelivered or restarted."""
    script, words = BROKEN[name]
    ledger.execute("notifications", script)
    assert words in ledger.findings()
