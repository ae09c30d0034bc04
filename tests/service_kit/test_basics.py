"""Clock, settings, database, migrations and the rule that Kafka is reached through service_kit only."""

from __future__ import annotations

import ast
import asyncio
import socket
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
import sqlalchemy as sa
from aiokafka import TopicPartition
from tests.service_kit import toy

from service_kit import clock
from service_kit.database import Database, bind, reading, transaction
from service_kit.errors import ConfigurationError, DatabaseAway, TryAgain, Unstorable
from service_kit.kafka import end_offsets, group_offsets, make_producer, partition_for, partitions_of, topic_id
from service_kit.migrations import SchemaBehind, check_revision
from service_kit.settings import ServiceSettings

ROOT = Path(__file__).resolve().parents[2]


class ToySettings(ServiceSettings):
    service: ClassVar[str] = "toy"


@pytest.fixture
def clock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "clock.json"
    monkeypatch.setenv("FARTHING_CLOCK", str(path))
    return path


def test_a_moved_clock_runs_on_and_a_frozen_one_stands(clock_file: Path) -> None:
    """DESIGN clock: one movable business clock, shared through a file."""
    january = datetime(2025, 1, 31, 23, 59, tzinfo=UTC)
    clock.move_to(january)
    first, second = clock.now(), clock.now()
    assert january <= first < second < january + timedelta(minutes=1)
    clock.freeze(january)
    assert clock.now() == clock.now() == january
    clock.reset()
    assert abs(clock.now() - clock.wall_now()) < timedelta(seconds=1)


def test_wall_time_is_never_moved(clock_file: Path) -> None:
    """DESIGN events: Kafka's timestamps are wall time, retention would delete January's calls."""
    clock.freeze(datetime(2001, 1, 1, tzinfo=UTC))
    assert clock.wall_now().year > 2001


def test_the_business_day_is_local_to_london(clock_file: Path) -> None:
    """SPEC introduction: dates of charge are local dates in Europe/London."""
    clock.freeze(datetime(2025, 6, 30, 23, 30, tzinfo=UTC))
    assert clock.today() == date(2025, 7, 1)
    clock.freeze(datetime(2025, 1, 31, 23, 30, tzinfo=UTC))
    assert clock.today() == date(2025, 1, 31)


def test_a_clock_is_not_set_without_a_zone_or_without_a_file(clock_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN time: no naive datetimes."""
    with pytest.raises(ValueError, match="no time zone"):
        clock.move_to(datetime(2025, 1, 1))
    monkeypatch.delenv("FARTHING_CLOCK")
    with pytest.raises(ConfigurationError, match="FARTHING_CLOCK"):
        clock.move_to(datetime(2025, 1, 1, tzinfo=UTC))


def test_a_service_reads_its_own_database_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN: one database per service."""
    monkeypatch.setenv("FARTHING_POSTGRES", "postgresql://everyones")
    monkeypatch.delenv("FARTHING_POSTGRES_TOY", raising=False)
    assert ToySettings().postgres == ""
    monkeypatch.setenv("FARTHING_POSTGRES_TOY", "postgresql://mine")
    assert ToySettings().postgres == "postgresql://mine"
    assert ToySettings(postgres="postgresql://given").postgres == "postgresql://given"


def test_a_missing_database_is_named() -> None:
    """HTTP conventions, errors: naming what, where, why and what to do."""
    with pytest.raises(ConfigurationError, match="FARTHING_POSTGRES_<SERVICE>"):
        bind("")


async def test_a_database_that_is_away_is_told_apart() -> None:
    """DESIGN FastStream: trouble that passes must be known as such."""
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        database = bind(f"postgresql://postgres@127.0.0.1:{nobody_listens.getsockname()[1]}/x")
        with pytest.raises(DatabaseAway):
            await _read_one()
        await database.close()


async def test_a_lost_connection_is_told_apart_and_the_pool_recovers(database: Database) -> None:
    """DESIGN FastStream: a database restarted under a service is trouble that passes."""
    with pytest.raises(DatabaseAway):
        await _cut_off_in_a_transaction()
    await _read_one()


async def test_a_connection_lost_in_a_copy_is_told_apart_too(database: Database) -> None:
    """DESIGN SQLAlchemy: the rating path writes by COPY through the driver itself."""
    with pytest.raises(DatabaseAway):
        await _cut_off_in_a_copy()
    await _read_one()


@pytest.mark.parametrize("statement", ["SELECT CAST(:sent AS text)", "SELECT CAST(:sent AS jsonb) ->> 0"])
async def test_a_text_that_postgres_cannot_keep_is_told_apart(database: Database, statement: str) -> None:
    """HTTP conventions: a NUL in what was sent is no fault of the service."""
    sent = '["\\u0000"]' if "jsonb" in statement else "a\0b"
    with pytest.raises(Unstorable):
        async with transaction() as tx:
            await tx.connection.execute(sa.text(statement), {"sent": sent})


async def test_a_deadlock_is_told_apart(database: Database) -> None:
    """DESIGN FastStream: the loser of a deadlock is to try again."""
    async with transaction() as tx:
        await tx.connection.execute(toy.tick.insert(), [{"n": n, "customer_id": 1} for n in (1, 2)])
    both = asyncio.Barrier(2)

    async def lock(*order: int) -> None:
        async with transaction() as tx:
            for n in order:
                await tx.connection.execute(sa.select(toy.tick).where(toy.tick.c.n == n).with_for_update())
                if n == order[0]:
                    await both.wait()

    outcomes = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome] == [TryAgain]


async def test_reading_cannot_write(database: Database) -> None:
    """DESIGN transactions: writes go through transaction() only."""
    with pytest.raises(sa.exc.DBAPIError, match="read-only"):
        await _write_while_reading()


async def test_the_inbox_knows_each_consumer_by_itself(database: Database) -> None:
    """DESIGN inbox: (consumer, event id) inserted in the transaction of the effect."""
    ids = [uuid4() for _ in range(3)]
    async with transaction() as tx:
        assert await tx.take_in("a", [*ids[:2], ids[0]]) == set(ids[:2])
    async with transaction() as tx:
        assert await tx.take_in("a", ids) == {ids[2]}
        assert await tx.take_in("b", ids) == set(ids)
        assert await tx.take_in("b", []) == set()


async def test_a_schema_that_is_behind_is_refused_with_the_command_to_run(database: Database) -> None:
    """DESIGN migrations: a service whose schema is behind says so and does not start."""
    with pytest.raises(
        SchemaBehind, match=r"revision none, .* needs 0002_more: run 'python -m service_kit migrate toy'"
    ):
        await check_revision(database.engine, "toy", "0002_more")
    async with transaction() as tx:
        await tx.connection.execute(sa.text("CREATE TABLE alembic_version (version_num text)"))
        await tx.connection.execute(sa.text("INSERT INTO alembic_version VALUES ('0001_first')"))
    with pytest.raises(SchemaBehind, match="0001_first"):
        await check_revision(database.engine, "toy", "0002_more")
    await check_revision(database.engine, "toy", "0001")


def test_customers_have_the_partition_that_other_kafka_clients_give_them() -> None:
    """E1: murmur2 of the id's text, as Kafka's own default partitioner (figures from its reference vectors)."""
    from aiokafka.partitioner import DefaultPartitioner

    everyone = list(range(12))
    for customer in (1, 42, 1_000_000, 2**62):
        assert partition_for(customer, 12) == DefaultPartitioner()(str(customer).encode(), everyone, everyone)
    assert partition_for(21, 2**31) == 0x7FFFFFFF & -973932308  # murmur2("21"), from Kafka's UtilsTest


async def test_a_topic_knows_its_partitions_and_its_own_id(topic: str) -> None:
    """DESIGN rating: a topic made again has another id."""
    assert await partitions_of(topic) == toy.PARTITIONS
    assert await end_offsets(topic) == dict.fromkeys(range(toy.PARTITIONS), 0)
    assert (await topic_id(topic)).int != 0
    assert await topic_id(topic) == await topic_id(topic)


async def test_offsets_of_a_transaction_that_has_ended_are_never_overlooked(topic: str) -> None:
    """Kafka acknowledges a transaction before its offsets can be read; every other plain request misses them."""
    group, where = f"stable.{uuid4().hex}", TopicPartition(topic, 0)
    producer = make_producer(group, linger_ms=0)
    await producer.start()
    try:
        for reached in range(1, 13):
            async with producer.transaction():
                await producer.send(topic, b"{}")
                await producer.send_offsets_to_transaction({where: reached}, group)
            assert await group_offsets(group, topic) == {0: reached}
    finally:
        await producer.stop()


def test_kafka_is_reached_through_service_kit_only() -> None:
    """DESIGN FastStream: one factory; a subscriber or consumer made elsewhere fails this test."""
    assert _made_elsewhere("broker.subscriber('x')\nAIOKafkaConsumer()\naiokafka.AIOKafkaProducer()") == [1, 2, 3]
    sources = [path for top in ("services", "deploy", "examples") for path in (ROOT / top).rglob("*.py")]
    sources += [path for path in (ROOT / "libs").rglob("*.py") if "service_kit" not in path.parts]
    offenders = {str(path): lines for path in sources if (lines := _made_elsewhere(path.read_text()))}
    assert not offenders, "use service_kit.kafka: Subscriptions, make_consumer, make_producer"


def _made_elsewhere(source: str) -> list[int]:
    makers = {"subscriber", "AIOKafkaConsumer", "AIOKafkaProducer", "KafkaBroker"}
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [
        call.lineno
        for call in calls
        if (isinstance(call.func, ast.Name) and call.func.id in makers)
        or (isinstance(call.func, ast.Attribute) and call.func.attr in makers)
    ]


async def _read_one() -> None:
    async with reading() as connection:
        await connection.scalar(sa.text("SELECT 1"))


async def _cut_off_in_a_transaction() -> None:
    async with transaction() as tx:
        pid = await tx.connection.scalar(sa.text("SELECT pg_backend_pid()"))
        async with transaction() as other:
            await other.connection.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        await tx.connection.scalar(sa.text("SELECT 1"))


async def _cut_off_in_a_copy() -> None:
    async with transaction() as tx:
        driver: Any = (await tx.connection.get_raw_connection()).driver_connection
        async with driver.cursor() as cursor, cursor.copy("COPY tick (n, customer_id) FROM STDIN") as copy:
            await copy.write_row((1, 1))
            async with transaction() as other:
                await other.connection.execute(
                    sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": driver.info.backend_pid}
                )


async def _write_while_reading() -> None:
    async with reading() as connection:
        await connection.execute(toy.tick.insert().values(n=1, customer_id=1))
