"""The auditor on events and read models: sent once, taken in once, and every reader up to date."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.auditor.loosened import Ledger, ledger_of, loosened
from tests.support.platform import Databases

EVENTS = """
    INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, subject, time, sent_at)
    SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, 'billing', n, 'invoice.approved', '{}', n, now(), now()
    FROM generate_series(1, 3) AS n
"""
TAKEN = "INSERT INTO inbox SELECT 'credit', ('00000000-0000-0000-0000-00000000000' || n)::uuid FROM generate_series"


@pytest.fixture(scope="module")
def sound(databases: Databases) -> Iterator[dict[str, str]]:
    """Two services: invoicing has written three events, customers has taken them in."""
    with loosened(databases, {"invoicing": EVENTS, "customers": f"{TAKEN}(1, 3) AS n"}) as dsns:
        yield dsns


@pytest.fixture
def ledger(sound: dict[str, str]) -> Iterator[Ledger]:
    """The same, to be broken by one test."""
    with ledger_of(sound) as each:
        yield each


def test_events_that_all_have_taken_in_have_nothing_to_tell(ledger: Ledger) -> None:
    """STYLE 6: every committed change has one outbox row, all are delivered, each is taken in once."""
    assert ledger.findings() == []


@pytest.mark.parametrize(
    ("service", "broken", "words"),
    [
        ("invoicing", "UPDATE outbox SET sent_at = NULL", "invoicing: 3 invoice.approved events are in the outbox"),
        ("invoicing", "INSERT INTO outbox SELECT * FROM outbox", "stands 2 times in the outbox"),
        ("customers", "INSERT INTO inbox SELECT * FROM inbox", "customers: credit took event"),
        (
            "customers",
            "DELETE FROM inbox WHERE event_id::text LIKE '%3'",
            "customers: credit has not taken in 1 of 3 invoice.approved events",
        ),
    ],
)
def test_an_event_that_is_lost_or_doubled_is_told(ledger: Ledger, service: str, broken: str, words: str) -> None:
    """STYLE 6."""
    ledger.execute(service, broken)
    assert any(words in finding for finding in ledger.findings())


def test_what_is_under_way_is_no_violation_before_it_is_at_rest(ledger: Ledger) -> None:
    """An event not yet sent or taken in is sound while the platform works."""
    ledger.execute("invoicing", "UPDATE outbox SET sent_at = NULL")
    ledger.execute("customers", "DELETE FROM inbox")
    assert ledger.findings(at_rest=False) == []


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("UPDATE customer SET version = 2", "customer 1 is at version 3, invoicing holds 2"),
        ("DELETE FROM customer", "customer 1 is at version 3, invoicing holds None"),
        ("UPDATE number SET removed = true", "number 10 is at version 1, invoicing holds None"),
        ("UPDATE feature SET version = 9", "feature 11 is at version 1, invoicing holds 9"),
        ("DELETE FROM reference", "reference entry statuses/active is at version 1, invoicing holds None"),
    ],
)
def test_a_reader_that_is_behind_is_told(ledger: Ledger, broken: str, words: str) -> None:
    """DESIGN "State, not commands": at rest a reader holds the newest state of everything."""
    ledger.execute(
        "customers",
        """
        INSERT INTO customer (customer_id, version) VALUES (1, 3);
        INSERT INTO number (number_id, customer_id, version) VALUES (10, 1, 1);
        INSERT INTO feature (feature_id, customer_id, version) VALUES (11, 1, 1);
        INSERT INTO reference_entry (list, code, version) VALUES ('statuses', 'active', 1);
        """,
    )
    ledger.execute(
        "invoicing",
        """
        INSERT INTO customer (customer_id, version, state) VALUES (1, 3, '{}');
        INSERT INTO number (number_id, customer_id, version, removed) VALUES (10, 1, 1, false);
        INSERT INTO feature (feature_id, customer_id, version, removed) VALUES (11, 1, 1, false);
        INSERT INTO reference (list, code, version, state) VALUES ('statuses', 'active', 1, '{}');
        """,
    )
    assert ledger.findings() == []
    ledger.execute("invoicing", broken)
    assert words in ledger.findings()
