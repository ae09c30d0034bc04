"""The long run: twice the customers, more calls, every service killed at every one of its points, servers crashed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.auditor import assert_sound
from tests.support.kills import KillPlan
from tests.support.month import Month, drive
from tests.support.platform import temporary_state
from tests.support.published import usage_published
from tests.support.seeds import seeds

from local_platform.options import Options
from local_platform.platform import Platform

CUSTOMERS, CDRS = 60, 10_000
TAKING_IN = ["rating.retried", "rating.retried", *["rating.file.sending", "rating.file.sent"] * 2]
STORING = ["rating.copied", "rating.stored", "rating.emitting", "rating.emitted", "rating.committed"]
BILLING = ["rating.cut", "rating.cut", "rating.closed", "rating.closed"]
POINTS = {
    "customers": ["relay-before-mark", "relay-before-mark"],
    "rating": [*TAKING_IN, *STORING, *STORING, *BILLING],
    "invoicing": [
        "invoicing.requested",
        "invoicing.started",
        "invoicing.group",
        "invoicing.numbered",
        "invoicing.rendered",
        "invoicing.sent",
    ],
    "notifications": ["notifications.taken", "notifications.sending", "notifications.sent"],
}
OUTAGES = {"rating.file.sent": "postgres", "rating.stored": "kafka", "rating.committed": "postgres"}
"""Which server is killed too, when a service has died at a point for the first time: all while calls come in."""


class Storm(KillPlan):
    """Kills, and with some of them a server that the service cannot do without."""

    platform: Platform

    def __init__(self) -> None:
        super().__init__(POINTS)
        self.outages = dict(OUTAGES)
        self.crashed: list[str] = []

    def report(self, message: str) -> None:
        """As of `KillPlan`; then the outage that goes with it."""
        before = len(self.killed)
        super().report(message)
        for _, point in self.killed[before:]:
            server = self.outages.pop(point, None)
            if server is not None:
                self.crashed.append(server)
                self.platform.kill(server)


@pytest.fixture(scope="module", params=seeds(11, 12))
def storm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Month, Storm]]:
    """A month that went through a storm, on a platform of its own."""
    carrier = tmp_path_factory.mktemp("storm") / "carrier"
    storm = Storm()
    with temporary_state() as state:
        options = Options(
            state=state,
            durable=True,  # without it a crash of Postgres alone loses what was committed last
            restart_delays_seconds=(0.05,),
            report=storm.report,
            service_environment=storm.first(),
        )
        storm.platform = Platform(options)
        storm.environment = storm.platform.service_environment
        with storm.platform:
            yield drive(storm.platform, carrier, seed=request.param, customers=CUSTOMERS, cdrs=CDRS), storm


@pytest.mark.faults
def test_a_month_in_a_storm_comes_out_to_the_penny(storm: tuple[Month, Storm]) -> None:
    """STYLE, "Tests that prove it": all of it equals the slow, independent reference."""
    month, plan = storm
    assert plan.left == {}
    assert sorted(plan.crashed) == ["kafka", "postgres", "postgres"]
    assert month.differences() == []


@pytest.mark.faults
def test_the_books_of_the_storm_are_sound(storm: tuple[Month, Storm]) -> None:
    """STYLE, "Things that must always hold"."""
    month, _ = storm
    platform = month.platform
    assert_sound({name: platform.postgres_dsn(name) for name in platform.service_names}, received=month.found.received)


@pytest.mark.faults
def test_subscribers_read_each_call_of_the_storm_once(storm: tuple[Month, Storm]) -> None:
    """E1, DESIGN "Rating at volume": exactly once into Postgres and Kafka."""
    month, _ = storm
    published = usage_published(month.platform.kafka)
    assert len(published) == month.found.total("rated")
    assert sum(published.values()) == month.expected.rated_charge
