"""Record ids on a real database: workers side by side, in whatever order, with seals and merges in between."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.calls import Calls, Digits, Kind
from rating.domain.recordkeys import Keys, keys_of
from rating.service.auditing_keys import findings, holders_of
from rating.service.keeping import Checked, Claimed, Ledger, Raced
from rating.service.sealing_keys import drop_old_runs, forget_keys, merge_runs, seal_keys
from rating.store import keys as key_store
from service_kit.database import bind, reading, transaction

TODAY = date(2026, 1, 15)
SOURCE = Kind("northstar", "outbound", "voice", "", "GBP")


@pytest.fixture(autouse=True)
async def database(service_database: Callable[[str], str]) -> AsyncIterator[None]:
    """This process bound to an empty database."""
    database = bind(service_database("rating"), pool_size=10)
    yield
    await database.close()


async def ledger() -> Ledger:
    """What a worker that starts now knows."""
    made = Ledger()
    await made.refresh()
    return made


def batch(ids: Sequence[str], usage_ids: Sequence[int], seed: int) -> Keys:
    """The keys of a batch."""
    none = np.zeros(len(ids), dtype=np.int64)
    nobody = Digits(none, none)
    texts = [""] * len(ids)
    calls = Calls(list(ids), texts, texts, [SOURCE], none, none, none, none, none, none, none, none, nobody, nobody)
    return keys_of(calls, np.array(usage_ids, dtype=np.int64), np.zeros(len(ids), dtype=np.uint64), seed)


class Stopped(Exception):
    """The machine stops between the claim and the commit."""


async def store(by: Ledger, ids: Sequence[str], usage_ids: Sequence[int], *, fail: bool = False) -> Checked:
    """Claim a batch as the worker does; `fail` stops it once behind its claim, before the commit."""
    while True:
        try:
            async with reading() as connection:
                checked = await by.check(connection, batch(ids, usage_ids, by.seed))
            await asyncio.sleep(0)  # others go on here
            async with transaction() as tx:
                checked, claimed = await by.claim(tx.connection, checked, TODAY)
                if fail:
                    raise Stopped
            await asyncio.sleep(0)
            by.settle(claimed)
            return checked
        except Raced:
            continue
        except Stopped:
            fail = False


async def test_the_first_copy_counts_and_later_ones_know_who_has_it() -> None:
    """R1, Z21: within a batch, across batches, and across workers."""
    one, other = await ledger(), await ledger()
    first = await store(one, ["a", "b", "a"], [1, 2, 3])
    assert first.is_first.tolist() == [True, True, False]
    assert first.holder["usage_id"].tolist()[2] == 1
    again = await store(other, ["c", "b"], [4, 5])
    assert again.is_first.tolist() == [True, False]
    assert again.holder["usage_id"].tolist()[1] == 2


async def test_what_was_rolled_back_leaves_no_trace() -> None:
    """R1: a batch that failed is stored again, and its ids are new."""
    one = await ledger()

    async def stop() -> None:
        async with transaction() as tx:
            checked = await one.check(tx.connection, batch(["a"], [1], one.seed))
            await one.claim(tx.connection, checked, TODAY)
            raise Stopped

    with pytest.raises(Stopped):
        await stop()
    assert (await store(one, ["a"], [2])).is_first.tolist() == [True]
    assert (await store(await ledger(), ["a"], [3])).is_first.tolist() == [False]


async def test_what_others_have_claimed_since_the_check_is_looked_at_before_the_claim() -> None:
    """R1: a copy in the batch is one of the other's record too."""
    one, other = await ledger(), await ledger()
    async with reading() as connection:
        checked = await one.check(connection, batch(["a", "b", "a"], [1, 2, 3], one.seed))
    await store(other, ["a"], [4])
    async with transaction() as tx:
        checked, claimed = await one.claim(tx.connection, checked, TODAY)
    assert checked.is_first.tolist() == [False, True, False]
    assert checked.holder["usage_id"].tolist()[::2] == [4, 4]
    assert claimed is not None
    assert claimed.keys["usage_id"].tolist() == [2]


async def test_a_batch_that_is_read_again_after_a_crash_finds_its_own_claims() -> None:
    """R1: its records count, under the usage ids that they had; copies of them still do not."""
    await store(await ledger(), ["a", "b", "a"], [1, 2, 3])
    again = await store(await ledger(), ["a", "b", "a", "c"], [1, 2, 3, 4])
    assert again.is_first.tolist() == [True, True, False, True]
    elsewhere = await store(await ledger(), ["b"], [9])
    assert elsewhere.is_first.tolist() == [False]


async def test_ids_are_known_after_sealing_and_merging_to_old_and_new_workers() -> None:
    """R1: runs hold what blocks held, and a worker that knew the blocks goes on."""
    one = await ledger()
    for number in range(9):
        await store(one, [f"{number}-{each}" for each in range(200)], range(number * 1_000, number * 1_000 + 200))
        assert await seal_keys(least=1)
    assert await merge_runs()
    assert not await merge_runs()
    for worker, first in ((one, 10_000), (await ledger(), 20_000)):
        ids = [f"{number}-{each}" for number in range(9) for each in range(200)]
        checked = await store(worker, [*ids, "new"], range(first, first + len(ids) + 1))
        expected = [number * 1_000 + each for number in range(9) for each in range(200)]
        assert checked.holder["usage_id"].tolist()[:-1] == expected
        assert checked.is_first.tolist() == [False] * len(ids) + [worker is one]


async def test_a_run_that_goes_while_it_is_asked_is_noticed() -> None:
    """R1: runs older than record ids are kept are dropped; a worker that has their filters reads them anew."""
    one = await ledger()
    await store(one, ["a"], [1])
    assert await seal_keys(least=1)
    assert (await store(one, ["a", "b"], [2, 3])).is_first.tolist() == [False, True]
    assert not await drop_old_runs(TODAY)
    assert await drop_old_runs(date(2026, 1, 16))
    assert (await store(one, ["a"], [4])).is_first.tolist() == [True]


async def test_ids_are_forgotten_a_month_after_calls_of_that_age_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """R1: kept for 13 months at least, and as long as a call of that time could still be charged."""
    one = await ledger()
    await store(one, ["a"], [1])
    assert await seal_keys(least=1)
    for today, is_forgotten in ((date(2027, 2, 16), False), (date(2027, 3, 15), False), (date(2027, 3, 16), True)):
        monkeypatch.setattr("service_kit.clock.today", lambda today=today: today)
        assert await forget_keys() is is_forgotten


async def test_an_id_is_found_by_name_in_blocks_and_runs() -> None:
    """R9: where a record went is asked by its source and id, exactly as written."""
    one = await ledger()
    await store(one, ["a", "b"], [17, 18])
    assert await seal_keys(least=1)
    await store(one, ["c"], [19])
    asked = [("northstar", "c"), ("northstar", "a"), ("northstar", "A"), ("southstar", "a")]
    async with reading() as connection:
        assert await holders_of(connection, asked) == [19, 17, None, None]


async def test_a_block_that_is_settled_while_another_partition_reads_everything_anew_hides_no_other_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R1: partitions of a worker share what it knows, and a commit may be told late."""
    one, other = await ledger(), await ledger()
    await store(other, ["a"], [1])
    async with transaction() as tx:
        checked = await one.check(tx.connection, batch(["b"], [2], one.seed))
        _, claimed = await one.claim(tx.connection, checked, TODAY)
    news = key_store.news

    async def settled_meanwhile(connection: AsyncConnection, block: int) -> Any:
        one.settle(claimed)
        return await news(connection, block)

    monkeypatch.setattr(key_store, "news", settled_meanwhile)
    await one.refresh()
    monkeypatch.setattr(key_store, "news", news)
    assert (await store(one, ["a", "b"], [3, 4])).is_first.tolist() == [False, False]


async def test_a_block_is_not_settled_where_one_before_it_is_not_known() -> None:
    """R1: what this process knows has no gap; the block is read with those before it."""
    one, other = await ledger(), await ledger()
    before = one._known
    await store(other, ["a"], [1])
    async with transaction() as tx:
        checked = await one.check(tx.connection, batch(["b"], [2], one.seed))
        _, claimed = await one.claim(tx.connection, checked, TODAY)
    one._known = type(before)(0, {})  # as another partition left it that had read the runs a moment before
    one.settle(claimed)
    assert (await store(one, ["a", "b"], [3, 4])).is_first.tolist() == [False, False]


@pytest.mark.parametrize("seed", range(4))
async def test_each_id_is_claimed_once_whoever_meets_it_when(seed: int) -> None:
    """R1: three workers of two partitions each, overlapping batches in random orders, sealing and merging all the
    while, and batches that fail behind their claim."""
    claims = await storm(seed, Ledger)
    assert {each: len(usage_ids) for each, usage_ids in claims.items() if len(usage_ids) != 1} == {}
    assert len(claims) == 400


async def test_a_worker_that_does_not_look_again_under_the_lock_claims_twice() -> None:
    """R1: the test above can fail."""

    class Blind(Ledger):
        async def claim(
            self, connection: AsyncConnection, checked: Checked, received_on: date
        ) -> tuple[Checked, Claimed | None]:
            new = checked.new
            if not len(new):
                return checked, None
            return checked, Claimed(await key_store.add_block(connection, new.tobytes(), received_on), -1, new)

    claims = await storm(0, Blind)
    assert any(len(usage_ids) > 1 for usage_ids in claims.values())


async def storm(seed: int, kind: type[Ledger]) -> dict[str, list[int]]:
    """The usage ids under which each of 400 record ids was claimed; later copies must name the one that has it."""
    chance = random.Random(seed)
    claims: dict[str, list[int]] = defaultdict(list)
    told: list[tuple[str, int]] = []
    usage_id = iter(range(1, 1_000_000))
    done = asyncio.Event()

    async def work(by: Ledger) -> None:
        ids = [str(each) for each in range(400)] * 2
        chance.shuffle(ids)
        for begin in range(0, len(ids), 40):
            mine = ids[begin : begin + 40]
            usage_ids = [next(usage_id) for _ in mine]
            checked = await store(by, mine, usage_ids, fail=chance.random() < 0.2)
            for place in np.flatnonzero(checked.is_first).tolist():
                claims[mine[place]].append(usage_ids[place])
            told.extend(
                (mine[place], int(checked.holder["usage_id"][place])) for place in np.flatnonzero(~checked.is_first)
            )

    async def seal() -> None:
        while not done.is_set():
            await seal_keys(least=50)
            await merge_runs(merged=2)
            await asyncio.sleep(0.01)

    ledgers = []
    for _ in range(3):
        ledgers.append(kind())
        await ledgers[-1].refresh()
    sealing = asyncio.create_task(seal())
    await asyncio.gather(*(work(each) for each in ledgers * 2))
    done.set()
    await sealing
    if kind is Ledger:
        assert all(holder in claims[record_id] for record_id, holder in told)
    return claims


CALL = """
    INSERT INTO held (usage_id, revision, outcome, reason, detail, local_date, band, received_on, generation,
        source, record_id,
        charged_number, other_party, direction, service_type, started, seconds, units, volume_bytes, currency)
    VALUES (:usage_id, 1, 'suspended', 'unknown_number', '', :received_on, 'peak', :received_on, 1, 'northstar',
        :record_id,
        '442079460001', '442079460002', 'outbound', 'voice', '2026-01-15 10:00Z', 60, 0, 0, 'GBP')
"""


async def keep(usage_id: int, record_id: str) -> None:
    """Store a call, as a batch does beside its keys."""
    async with transaction() as tx:
        await tx.connection.execute(text(CALL), {"usage_id": usage_id, "record_id": record_id, "received_on": TODAY})


async def told_by_auditor(oldest: date | None = None) -> list[str]:
    """What the auditor finds."""
    async with reading() as connection:
        return await findings(connection, oldest)


async def test_the_auditor_tells_calls_without_keys_keys_without_calls_and_doubled_keys() -> None:
    """R1: every stored call has one key, and every key one call, in blocks and in runs."""
    one = await ledger()
    await store(one, ["a", "b", "c"], [1, 2, 3])
    for usage_id, record_id in enumerate(["a", "b", "c"], 1):
        await keep(usage_id, record_id)
    assert await seal_keys(least=1)
    await store(one, ["d"], [1 << 48])
    await keep(1 << 48, "d")
    assert await told_by_auditor() == []
    await keep(4, "e")
    assert await told_by_auditor() == ["record northstar/e is stored as 4, and has no key"]
    assert await told_by_auditor(oldest=date(2026, 1, 16)) == []
    async with transaction() as tx:
        await tx.connection.execute(text("DELETE FROM held WHERE usage_id = 4"))
        await key_store.add_block(tx.connection, batch(["a"], [9], one.seed).tobytes(), TODAY)
    assert await told_by_auditor() == [
        "the record id of usage 9 has another key, too",
        "usage 9 has a key, and no such call",
    ]
