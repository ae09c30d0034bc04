"""Events: written once, sent, and taken in once by everyone who takes such events in (STYLE 6, DESIGN "Outbox")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.support.auditor.checks import Books, Check


def checks_of(service: str) -> tuple[Check, ...]:
    """What must hold in the outbox and inbox of a service."""
    return (
        Check(
            service,
            """
            SELECT type, count(*) AS events, min(seq) AS first FROM outbox WHERE sent_at IS NULL GROUP BY type
            """,
            service + ": {events} {type} events are in the outbox and not sent, the first has seq {first}",
            at_rest=True,
        ),
        Check(
            service,
            "SELECT id, count(*) AS times FROM outbox GROUP BY id HAVING count(*) > 1",
            service + ": event {id} stands {times} times in the outbox",
        ),
        Check(
            service,
            """
            SELECT consumer, event_id, count(*) AS times FROM inbox GROUP BY consumer, event_id HAVING count(*) > 1
            """,
            service + ": {consumer} took event {event_id} in {times} times",
        ),
    )


def not_taken_in(books: Books) -> Iterator[str]:
    """Who has taken in events of a type has, at rest, taken in every one that was written to an outbox.

    Which types a consumer is for is seen from what it has taken in, so a consumer that never took in any is not found.
    Compacted topics are left out, for Kafka may leave out older states: `readmodels` sees to them.
    """
    written = {row["id"]: row["type"] for service in books.services for row in books.rows(service, _WRITTEN)}
    by_type: dict[str, set[Any]] = defaultdict(set)
    for event, kind in written.items():
        by_type[kind].add(event)
    for service in books.services:
        for consumer, taken in _inbox(books, service).items():
            for kind in sorted({written[event] for event in taken if event in written}):
                missed = by_type[kind] - taken
                if missed:
                    yield f"{service}: {consumer} has not taken in {len(missed)} of {len(by_type[kind])} {kind} events"


_WRITTEN = "SELECT id, type FROM outbox WHERE aggregatetype NOT IN ('customers', 'reference')"


def _inbox(books: Books, service: str) -> dict[str, set[Any]]:
    taken: dict[str, set[Any]] = defaultdict(set)
    for row in books.rows(service, "SELECT consumer, event_id FROM inbox"):
        taken[row["consumer"]].add(row["event_id"])
    return taken
