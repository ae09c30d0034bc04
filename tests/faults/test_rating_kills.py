"""A short storm over two workers, killed at every seam; and the same checks on what is broken on purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests.rating.support.carriers import in_february
from tests.rating.support.fleet import Fleet
from tests.support.platform import Databases
from tests.support.storm.checks import Found
from tests.support.storm.run import BATCHES, OUTSIDE, Plan, Storm
from tests.support.storm.servers import TOPICS, Servers, make_topics_again, own_servers

from service_kit.database import Database, bind

SHORT = Plan(
    seed=1,
    records=6_000,
    kills=(*BATCHES, "rating.assigned", "rating.guided-again", OUTSIDE, "rating.sealing", "rating.retried", OUTSIDE),
    batch=100,
    seal=1_000,
    change_every_s=0.1,
)


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
    database: Database = bind(dsn)
    fleet = Fleet(own.kafka.bootstrap, dsn, tmp_path / "workers.log")
    yield lambda plan: Storm(plan, fleet, own)
    fleet.kill()
    await database.close()
    databases.drop(dsn)


async def test_a_short_storm_does_no_harm(storm_of: Callable[[Plan], Storm]) -> None:
    """R1, R3, B5, E1: stored = distinct = told, as the holder of each number says."""
    storm = storm_of(SHORT)
    await storm.prepare()
    await storm.rage()
    print(storm.figures())
    assert (await Found.of(storm.fleet, storm.carrier)).findings() == []
