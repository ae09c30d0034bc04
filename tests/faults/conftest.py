"""Storms over rating's workers: servers of their own, fresh databases, empty topics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests.rating.support.carriers import in_february
from tests.rating.support.fleet import Fleet
from tests.support.platform import Databases
from tests.support.storm.run import Plan, Storm
from tests.support.storm.servers import TOPICS, Servers, make_topics_again, own_servers

from service_kit.database import bind


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Servers, Databases]]:
    """Servers of their own: the worker's group is one of its kind, and the servers may be crashed."""
    with own_servers() as made:
        yield made


@pytest.fixture
async def storm_of(
    servers: tuple[Servers, Databases], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[Plan], Storm]]:
    """Makes a storm over a fresh database and empty topics."""
    in_february(monkeypatch, tmp_path)
    own, databases = servers
    dsn = databases.migrated("rating")
    await make_topics_again(own.kafka.bootstrap, *TOPICS)
    database = bind(dsn)
    fleet = Fleet(own.kafka.bootstrap, dsn, tmp_path / "workers.log")
    yield lambda plan: Storm(plan, fleet, own)
    fleet.kill()
    await database.close()
    databases.drop(dsn)
