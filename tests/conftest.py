"""Fixtures for all tests: one real Kafka and one real Postgres a test run, started when a test first asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.support.platform import Databases, create_topics, kafka_server, postgres_server


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
