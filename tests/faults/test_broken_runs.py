"""Billing runs that are broken on purpose: what a storm's run is audited with must notice each (SPEC I3, I6)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.support.auditor import audit
from tests.support.courses.desk import Apis
from tests.support.courses.made import JANUARY, OPENED
from tests.support.courses.playing import Player, own_platform
from tests.support.courses.raging import StubbornApi
from tests.support.kills import KillPlan
from tests.support.reference.steps import Bill, Charge, Course

BROKEN = Path(__file__).parent / "broken"
CUSTOMERS = 5


@contextmanager
def broken(variant: str, point: str) -> Iterator[Player]:
    """Customers to be billed by an invoicing service that is broken until it dies at a point; its next life is sound.

    The database's last line of defence, one invoice of a run for a customer, is taken away.
    """
    kills = KillPlan({"invoicing": [point]})
    path = os.pathsep.join(filter(None, [f"{BROKEN / variant}", os.environ.get("PYTHONPATH")]))
    environment = {"invoicing": {**kills.first()["invoicing"], "PYTHONPATH": path}}
    with own_platform(report=kills.report, service_environment=environment) as platform:
        kills.environment = platform.service_environment
        with psycopg.connect(platform.postgres_dsn("invoicing")) as connection:
            connection.execute("DROP INDEX invoice_one_per_run")
        player = Player(platform, Apis(platform, StubbornApi))
        player.open_for_business()
        yield player
        assert kills.left == {}


def _billed(player: Player) -> list[str]:
    """What the auditor finds when five customers with a line each are billed and approved."""
    platform = player.platform
    made = [Course(f"Customer {each}", OPENED, {"low_invoice": {"policy": "create"}}) for each in range(CUSTOMERS)]
    accounts = player.open(made)
    for account in accounts:
        account.do(Charge("Line", "31.00", OPENED))
    player.at_rest()
    player.go_to(JANUARY)
    player.approve_run(player.run(Bill(JANUARY, JANUARY), accounts))
    return audit({name: platform.postgres_dsn(name) for name in platform.service_names})


@pytest.mark.faults
def test_numbers_that_are_taken_apart_from_their_invoices_leave_gaps() -> None:
    """I6: gapless; approval and its numbers are one transaction."""
    with broken("numbers_taken_apart", "invoicing.numbered") as player:
        assert "invoice number 1 of the series is missing, or was given beyond the series' last" in _billed(player)


@pytest.mark.faults
def test_drafts_that_are_noted_apart_are_made_twice() -> None:
    """I3: one invoice for each customer of a run; a group and what became of it are one transaction."""
    with broken("drafts_noted_apart", "drafts-noted-apart") as player:
        assert any("made 2 invoices for customer" in each for each in _billed(player))
