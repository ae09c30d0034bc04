"""Segments of usage on a real database: begun, sealed and indexed, whatever comes between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from rating.domain.segments import first_generation
from rating.service import cuts, sealing
from rating.service.sealing import begin_segment, index_sealed, seal_step
from rating.store import gate
from rating.store import segments as store
from rating.store.close_calls import OF_LINES
from rating.store.guiding_again import GUIDING_LOCK
from service_kit.database import Transaction, reading, transaction

Select = Callable[[str], Any]
OPEN = 1
"""The open segment of a fresh database."""
DEADLINE_S = 20
_INSERT = text(
    """
    INSERT INTO usage (usage_id, revision, customer_id, number_id, call_class, destination, band, step, billed_seconds,
        charge_micro, source, record_id, charged_number, other_party, direction, service_type, started, local_date,
        seconds, units, volume_bytes, currency, received_on, generation)
    VALUES (:usage_id, 1, 1, 10, 'National', 'Leeds', 'peak', 1, 60, 5, 'northstar', CAST(:usage_id AS text),
        '442079460001', '441134960000', 'outbound', 'voice', '2025-01-10T12:00:00Z', '2025-01-10', 60, 0, 0, 'GBP',
        '2025-01-10', :generation)
    """
)


@pytest.fixture(autouse=True)
def nothing_known_of_segments(rating_database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a database of its own, so also a process that knows nothing of its segments."""
    monkeypatch.setattr(sealing, "_unsound", set())
    monkeypatch.setattr(sealing, "_vacuumed", set())


async def put(tx: Transaction, usage_id: int) -> None:
    """Store a call as a worker does, under the gate."""
    generation = await gate.pass_shared(tx.connection)
    await tx.connection.execute(_INSERT, {"usage_id": usage_id, "generation": generation})


async def stored(*usage_ids: int) -> None:
    """Store calls, each in a transaction of its own."""
    for usage_id in usage_ids:
        async with transaction() as tx:
            await put(tx, usage_id)


async def flushed() -> None:
    """Have all commits on disk: Postgres marks no row as seen by everyone before, and tests commit without waiting."""
    async with transaction() as tx:
        await tx.connection.execute(text("SET LOCAL synchronous_commit TO on"))
        await tx.connection.execute(text("SELECT pg_current_xact_id()"))


async def seal(least_bytes: int = 1) -> None:
    """Do all steps that are due."""
    while await seal_step(least_bytes):
        pass


async def generation() -> int:
    """The gate's."""
    async with reading() as connection:
        return await gate.generation(connection)


async def indexes(select: Select, leaf: str) -> list[str]:
    """The names of a leaf's indexes."""
    found = await select(f"SELECT indexname FROM pg_indexes WHERE tablename = '{leaf}' ORDER BY indexname")
    return [row["indexname"] for row in found]


async def test_a_segment_that_has_grown_is_sealed_and_a_small_one_is_not(select: Select) -> None:
    """DESIGN "Rating at volume": COPY goes into a leaf without an index; a sealed leaf has both."""
    await seal()
    assert await generation() == first_generation(OPEN)
    await stored(1, 2)
    assert not await seal_step()
    await seal()
    await stored(3)
    assert await generation() == first_generation(OPEN + 1)
    where = await select("SELECT usage_id, tableoid::regclass::text AS leaf FROM usage ORDER BY usage_id")
    assert [(row["usage_id"], row["leaf"]) for row in where] == [(1, "usage_1"), (2, "usage_1"), (3, "usage_2")]
    assert await indexes(select, "usage_1") == ["usage_1_customer", "usage_1_id"]
    assert await indexes(select, "usage_2") == []
    assert await select("SELECT * FROM segment ORDER BY segment") == [
        {"segment": 0, "sealed": True, "indexed": True},
        {"segment": 1, "sealed": True, "indexed": True},
        {"segment": 2, "sealed": False, "indexed": False},
        {"segment": 3, "sealed": False, "indexed": False},
    ]


async def test_sealing_waits_for_what_is_being_stored_and_is_waited_for() -> None:
    """DESIGN "Rating at volume", the gate: nothing is stored by an old picture, or into a segment that is sealed."""
    async with transaction() as first:
        await put(first, 1)
        sealing_now = asyncio.create_task(seal())
        await until_somebody_waits(first)
        late = asyncio.create_task(stored(2))
        await until_somebody_waits(first, waiting=2)
        assert not sealing_now.done()
    await asyncio.gather(sealing_now, late)
    async with reading() as connection:
        rows = await connection.execute(text("SELECT usage_id, generation >> 20 FROM usage ORDER BY usage_id"))
        assert [tuple(row) for row in rows] == [(1, OPEN), (2, OPEN + 1)]


async def until_somebody_waits(tx: Transaction, waiting: int = 1) -> None:
    """Wait until so many transactions of this database wait at the gate."""
    statement = text(
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
        " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
    )
    deadline = time.monotonic() + DEADLINE_S
    while (await tx.connection.execute(statement)).scalar_one() < waiting:
        assert time.monotonic() < deadline, "nobody waits at the gate"
        await asyncio.sleep(0.01)


class Crash(Exception):
    """What a crash leaves of a transaction: nothing."""


@pytest.mark.parametrize("point", ["rating.sealing", "rating.sealed", "rating.segment-added"])
async def test_a_crash_between_any_two_steps_is_made_good(
    select: Select, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """DESIGN "Rating at volume": every step is one transaction, so it is done or to be done."""
    crashed: list[str] = []

    def crash_once(name: str) -> None:
        if name == point and not crashed:
            crashed.append(name)
            raise Crash

    monkeypatch.setattr(sealing, "crash_point", crash_once)
    await stored(1)
    with pytest.raises(Crash):
        await seal()
    await stored(2)
    await seal()
    assert {row["usage_id"] for row in await select("SELECT usage_id FROM usage")} == {1, 2}
    assert await indexes(select, "usage_1") == ["usage_1_customer", "usage_1_id"]
    newest = await select("SELECT max(segment) AS newest FROM segment")
    assert newest[0]["newest"] == (await generation() >> 20) + 1


async def test_a_leaf_that_is_there_already_is_taken_as_it_is(select: Select) -> None:
    """DESIGN "Rating at volume": one leaf is always ahead, whoever made it."""
    async with transaction() as tx:
        await tx.connection.execute(text("CREATE TABLE usage_3 (LIKE usage INCLUDING DEFAULTS)"))
        await store.add(tx.connection, OPEN + 2)
        await store.add(tx.connection, OPEN + 2)
    async with transaction() as tx:
        await gate.start_segment(tx.connection, OPEN + 2)
    await stored(1)
    assert (await select("SELECT count(*) AS calls FROM usage_3"))[0]["calls"] == 1


async def test_a_leaf_is_made_while_calls_are_being_stored() -> None:
    """DESIGN "Rating at volume": attaching a leaf waits for no writer."""
    async with transaction() as storing:
        await put(storing, 1)
        async with transaction() as tx:
            await store.add(tx.connection, OPEN + 2)
        await put(storing, 2)


async def test_a_usage_id_stored_twice_is_told_loudly_and_stops_nothing_else(select: Select) -> None:
    """R1: a usage id is one record's; a leaf in which it is not stays unsealed until somebody has looked."""
    await stored(1, 1)
    with capture_logs() as logs:
        await seal()
    told = [each for each in logs if each["log_level"] == "critical"]
    assert [each["segment"] for each in told] == [OPEN]
    assert "(usage_id)=(1)" in told[0]["error"]
    assert await indexes(select, "usage_1") == ["usage_1_customer"]
    await stored(2)
    await seal()
    assert await indexes(select, "usage_2") == ["usage_2_customer", "usage_2_id"]
    flags = await select("SELECT segment FROM segment WHERE sealed AND NOT indexed")
    assert flags == [{"segment": OPEN}]


async def test_segments_follow_each_other_also_when_generations_are_used_up(select: Select) -> None:
    """DESIGN "Rating at volume", the gate: the generation only grows; it enters a segment that has its leaf."""
    last = first_generation(OPEN + 1) - 1
    async with transaction() as tx:
        await tx.connection.execute(text("UPDATE gate SET generation = :last"), {"last": last})
        assert await gate.pass_alone(tx.connection) == last + 1
        assert await gate.pass_alone(tx.connection) == last + 2
    assert await select("SELECT sealed FROM segment WHERE segment = 1") == [{"sealed": True}]
    with pytest.raises(gate.NoSegmentAhead, match="usage_3"):
        async with transaction() as tx:
            await gate.start_segment(tx.connection, OPEN + 2)
    assert await generation() == last + 2


async def test_two_that_would_begin_a_segment_begin_it_once() -> None:
    """DESIGN "Rating at volume": the role and a cut may both find the open leaf large."""
    for expected in (first_generation(OPEN + 1), first_generation(OPEN + 1) + 1):
        async with transaction() as tx:
            assert await gate.start_segment(tx.connection, OPEN + 1) == expected


async def test_a_cut_seals_a_large_open_segment_before_it_is_answered(
    select: Select, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DESIGN "A billing run": a cut is a number; all stored before it is the run's, found by index."""
    monkeypatch.setattr(cuts, "CUT_BYTES", 1)
    await stored(1)
    async with transaction() as tx:
        await tx.connection.execute(
            text("INSERT INTO cut (run_id, bill_to, ends, settled) VALUES (7, '2025-01-31', '{}', :now)"),
            {"now": first_generation(OPEN)},
        )
    assert await cuts.take_cut(7)
    await stored(2)
    (cut,) = await select("SELECT generation FROM cut")
    assert cut["generation"] == first_generation(OPEN + 1) - 1
    within = await select(f"SELECT usage_id FROM usage WHERE generation <= {cut['generation']}")
    assert within == [{"usage_id": 1}]
    assert await indexes(select, "usage_1") == ["usage_1_customer", "usage_1_id"]


async def test_whoever_needs_the_indexes_waits_for_another_that_makes_them(select: Select) -> None:
    """DESIGN "A billing run": a close is answered from indexed leaves."""
    await stored(1)
    async with transaction() as tx:
        assert await begin_segment(tx, 1) == first_generation(OPEN + 1) - 1
    async with transaction() as other:
        assert await store.only_one(other.connection)
        assert not await seal_step()
        waiting = asyncio.create_task(index_sealed())
        await until_somebody_waits(other)
    await waiting
    assert await indexes(select, "usage_1") == ["usage_1_customer", "usage_1_id"]


async def test_a_leaf_is_indexed_while_nothing_takes_calls_out_of_it(select: Select) -> None:
    """DESIGN "Rating at volume", the gate: nobody waits for an index with the gate in hand."""
    await stored(1)
    async with transaction() as tx:
        await begin_segment(tx, 1)
    async with transaction() as guiding:
        assert await gate.only_one(guiding.connection, GUIDING_LOCK)
        waiting = asyncio.create_task(index_sealed())
        await until_somebody_waits(guiding)
        assert await indexes(select, "usage_1") == []
    await waiting
    assert await indexes(select, "usage_1") == ["usage_1_customer", "usage_1_id"]


async def test_closing_reads_the_index_of_a_sealed_leaf_and_none_of_its_rows(select: Select) -> None:
    """I4: a customer's calls lie far apart, so what the lines are made of is in the index, and Postgres trusts it."""
    await stored(*range(1, 200))
    await flushed()
    await seal()
    (leaf,) = await select("SELECT relpages, relallvisible FROM pg_class WHERE relname = 'usage_1'")
    assert leaf["relallvisible"] > leaf["relpages"] / 2  # a page that is just being written out is passed over
    async with transaction() as tx:
        for kind in ("seqscan", "bitmapscan"):
            await tx.connection.execute(text(f"SET LOCAL enable_{kind} TO off"))
        asked = f"SELECT {', '.join(OF_LINES)} FROM usage_1 WHERE customer_id = 1 AND local_date > '2025-01-01'"
        plan = (await tx.connection.execute(text(f"EXPLAIN {asked} AND generation < 9"))).scalars().all()
    assert "Index Only Scan using usage_1_customer" in plan[0]


async def test_a_sealed_leaf_is_vacuumed_once_and_not_again_and_again(select: Select) -> None:
    """DESIGN "Rating at volume": an old transaction that keeps rows from being seen by everyone stops nothing."""
    async with reading() as old:
        await old.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        await old.execute(text("SELECT pg_current_xact_id()"))
        await stored(1)
        await asyncio.wait_for(seal(), DEADLINE_S)
    (leaf,) = await select("SELECT relallvisible FROM pg_class WHERE relname = 'usage_1'")
    assert leaf["relallvisible"] == 0
