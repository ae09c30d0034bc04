"""Fixtures for all tests: one real Kafka and one real Postgres a test run, started when a test first asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.support.kills import KillPlan
from tests.support.month import Month, drive
from tests.support.platform import Databases, create_topics, kafka_server, postgres_server, temporary_state
from xdist.scheduler import LoadScopeScheduling

from local_platform.options import Options
from local_platform.platform import Platform

PLATFORM = pytest.StashKey[ExitStack]()
"""The one whole platform while it runs."""
OF_THE_PLATFORM = ("tests/scenarios/", "tests/faults/")
"""Tests that share the one whole platform."""


class TwoHalves(LoadScopeScheduling):  # type: ignore[misc]
    """How processes share the tests (`--numprocesses`): a file is run by one of them, so that what its tests share is
    made once; the whole platform's are all one's."""

    def _split_scope(self, nodeid: str) -> str:
        return "platform" if nodeid.startswith(OF_THE_PLATFORM) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TwoHalves:
    """Tests are shared in two halves."""
    return TwoHalves(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The whole platform comes first: it takes longest, and the other process has the rest meanwhile."""
    items.sort(key=lambda item: (not item.nodeid.startswith(OF_THE_PLATFORM), not _needs_platform(item)))


def _needs_platform(item: pytest.Item | None) -> bool:
    return "platform" in getattr(item, "fixturenames", ())


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """The whole platform ends with the last test that needs it: idle, it takes a third of a core from the others."""
    running = item.config.stash.get(PLATFORM, None)
    if running is not None and not _needs_platform(nextitem):
        running.close()


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[str]:
    """host:port of a real broker, without our topics."""
    with kafka_server() as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def kafka(kafka_broker: str) -> str:
    """host:port of a real broker that has every topic of the contracts."""
    create_topics(kafka_broker)
    return kafka_broker


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The superuser's DSN of a real Postgres."""
    with postgres_server() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def databases(postgres: str) -> Iterator[Databases]:
    """Makes fresh databases; prefer `service_database` and `empty_database`, which drop them after the test."""
    made = Databases(postgres)
    yield made
    made.drop_all()


@pytest.fixture
def service_database(databases: Databases) -> Iterator[Callable[[str], str]]:
    """A factory: `service_database("customers")` gives the DSN of a fresh, migrated database of this test."""
    made: list[str] = []

    def make(service: str) -> str:
        made.append(databases.migrated(service))
        return made[-1]

    yield make
    for dsn in made:
        databases.drop(dsn)


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[str]:
    """The DSN of a fresh database without tables, with the extensions."""
    dsn = databases.empty()
    yield dsn
    databases.drop(dsn)


POINTS = {
    "customers": ["relay-before-mark"],
    "rating": ["rating.file.sent", "rating.copied", "rating.stored", "rating.emitted", "rating.closed"],
    "invoicing": ["invoicing.started", "invoicing.group", "invoicing.numbered", "invoicing.sent"],
    "notifications": ["notifications.taken", "notifications.sending", "notifications.sent"],
}
"""Where each service is killed while it is busy with the month that the scenarios look at."""


@pytest.fixture(scope="session")
def kills() -> KillPlan:
    """The kills of the scenarios' month: used up when it is billed."""
    return KillPlan(POINTS)


@pytest.fixture(scope="session")
def platform(kills: KillPlan, pytestconfig: pytest.Config) -> Iterator[Platform]:
    """The one whole platform of a test run."""
    with ExitStack() as running:
        options = Options(
            state=running.enter_context(temporary_state()),
            durable=False,
            restart_delays_seconds=(0.05,),
            report=kills.report,
            service_environment=kills.first(),
        )
        made = Platform(options)
        kills.environment = made.service_environment
        pytestconfig.stash[PLATFORM] = running
        yield running.enter_context(made)


@pytest.fixture(scope="session")
def month(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Month:
    """January of a small carrier, billed on that platform while every service was killed at work."""
    return drive(platform, tmp_path_factory.mktemp("carrier") / "january", seed=1)
