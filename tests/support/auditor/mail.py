"""Messages: one for each request, and each address at most one that was accepted (SPEC N1)."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.auditor.checks import Books, Check

CHECKS = (
    Check(
        "notifications",
        """
        SELECT request_id, count(*) AS messages FROM message WHERE request_id IS NOT NULL
        GROUP BY request_id HAVING count(*) > 1
        """,
        "request {request_id} became {messages} messages",
    ),
    Check(
        "notifications",
        """
        SELECT message_id, recipient, count(*) AS times FROM attempt WHERE outcome = 'sent'
        GROUP BY message_id, recipient HAVING count(*) > 1
        """,
        "message {message_id} was accepted {times} times for {recipient}",
    ),
    Check(
        "notifications",
        """
        SELECT m.message_id, m.state, r.address FROM message m JOIN recipient r USING (message_id)
        WHERE r.state = 'sent' AND NOT EXISTS (
            SELECT FROM attempt a
            WHERE a.message_id = m.message_id AND a.recipient = r.address AND a.outcome = 'sent')
        """,
        "message {message_id} is called sent to {address}, but no server accepted it",
    ),
    Check(
        "notifications",
        """
        SELECT message_id, state FROM message WHERE state = 'sent'
        AND NOT EXISTS (SELECT FROM recipient r WHERE r.message_id = message.message_id AND r.state = 'sent')
        """,
        "message {message_id} is {state}, but to nobody",
    ),
)
_ASKED = "SELECT DISTINCT (payload ->> 'request_id')::bigint AS request_id FROM outbox WHERE type = 'invoice.sent'"
_MESSAGES = "SELECT request_id, state FROM message WHERE request_id IS NOT NULL"


def every_request_has_its_message(books: Books) -> Iterator[str]:
    """At rest: what invoicing sent is a message, and one that invoicing never asked for is none."""
    if not ("invoicing" in books and "notifications" in books):
        return
    asked = {row["request_id"] for row in books.rows("invoicing", _ASKED)}
    made = {row["request_id"]: row["state"] for row in books.rows("notifications", _MESSAGES)}
    for request in sorted(asked - made.keys()):
        yield f"request {request} to send an invoice has no message"
    for request in sorted(made.keys() - asked):
        yield f"the message of request {request} was never asked for"
