"""A relay that is broken on purpose: the audit that passes everywhere else must fail here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from tests.support.auditor import audit
from tests.support.month import Month

from local_platform.platform import Platform

BROKEN = Path(__file__).parent / "broken" / "relay_marks_first"
CRASH = {"FARTHING_CRASH_POINTS": "relay-marked-first=1"}
TIMEOUT_SECONDS = 60.0


def test_the_audit_notices_a_relay_that_marks_before_it_sends(month: Month) -> None:
    """STYLE, "Tests must be able to fail"; DESIGN "Outbox": rows are marked only after the broker has them."""
    platform = month.platform
    databases = {service: platform.postgres_dsn(service) for service in platform.service_names}
    _until(lambda: audit(databases) == [], "all is sound before")
    newest = _newest(databases["customers"])
    with _broken_relay(platform):
        first_life = platform.pid("customers")
        customer = month.apis.customers.post("/customers", {"name": "Lost Letters Ltd", "billing_cycle": "manual"})
        _until(lambda: platform.pid("customers") != first_life, "the broken relay died")
        platform.wait_ready("customers")
        _until(lambda: _unsent(databases["customers"]) == 0, "the row is marked as sent")
        found = audit(databases)
    lost = f"customer {customer['customer_id']} is at version {customer['version']}"
    assert f"{lost}, rating holds None" in found
    assert f"{lost}, invoicing holds None" in found
    _send_again(databases["customers"], newest)
    _until(lambda: audit(databases) == [], "all is sound again")


@contextmanager
def _broken_relay(platform: Platform) -> Iterator[None]:
    """The customers service with a relay that loses events when it dies; afterwards with its own again."""
    before = platform.service_environment.get("customers", {})
    path = os.pathsep.join(filter(None, [str(BROKEN), os.environ.get("PYTHONPATH")]))
    platform.service_environment["customers"] = {**before, "PYTHONPATH": path, **CRASH}
    try:
        platform.restart("customers")
        yield
    finally:
        platform.service_environment["customers"] = before
        platform.restart("customers")


def _newest(dsn: str) -> int:
    """The last row of an outbox."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT coalesce(max(seq), 0) FROM outbox").fetchone()
    assert row is not None
    return int(row[0])


def _unsent(dsn: str) -> int:
    """How many rows of an outbox are not marked as sent."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM outbox WHERE sent_at IS NULL").fetchone()
    assert row is not None
    return int(row[0])


def _send_again(dsn: str, after: int) -> None:
    """Take the false marks off the rows behind that one: a right relay sends them."""
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE outbox SET sent_at = NULL WHERE seq > %s", (after,))


def _until(reached: Callable[[], bool], what: str) -> None:
    """Ask until something is so."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not reached():
        assert time.monotonic() < deadline, f"not within {TIMEOUT_SECONDS:.0f} s: {what}"
        time.sleep(0.1)
