"""Batches stored behind the gate, on a real Postgres; the topic is played by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.rating.support.carriers import assignment, cdr, customer, in_february, number, tariff, tell, tell_reference

from rating.service import storing
from rating.service.keeping import Ledger
from rating.service.pictures import Pictures
from rating.service.retrying import retry_next
from rating.service.storing import Events, ForeignTopic, Piece, WrongPosition, events_of, open_partition, store_batch
from rating.store.positions import Position
from service_kit import clock
from service_kit.database import bind, reading

OURS, NEW = "442079460001", "442079460002"
TOPIC, TOPIC_ID = "cdr.received", "the topic's id"
FAR = 10**6


@pytest.fixture
async def partition(
    service_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Position]:
    """Partition 0, of which nothing is stored; a carrier with one number, priced 12p a minute."""
    in_february(monkeypatch, tmp_path)
    dsn = service_database("rating")
    database = bind(dsn)
    monkeypatch.setattr(storing, "pictures", Pictures())  # the process's own may be of another test's database
    monkeypatch.setattr(storing, "ledger", Ledger())
    tariff(dsn, [("44", 120_000)])
    await tell_reference()
    await tell(customer(1), number(1, 1, OURS), assignment(1, 1, OURS))
    await storing.pictures.refresh()
    await storing.ledger.refresh()
    yield await open_partition(TOPIC, TOPIC_ID, 0, FAR)
    await database.close()


async def store(at: Position, values: Sequence[bytes | None]) -> Position:
    """Store records from the position on. Returns where the partition stands then."""
    return (await store_and_tell(at, values))[0]


async def store_and_tell(at: Position, values: Sequence[bytes | None]) -> tuple[Position, Events]:
    """The same, and the events to be sent."""
    end = at.position + len(values)
    events = await store_batch([Piece(at, [at.position + index for index in range(len(values))], values, end)])
    return replace(at, position=end, events_from=at.position), events


async def rows(statement: str) -> list[dict[str, Any]]:
    """Rows of the database."""
    async with reading() as connection:
        return [dict(row) for row in (await connection.execute(text(statement))).mappings()]


async def counts() -> dict[str, int]:
    """How many records have which outcome."""
    tables = ("usage", "held", "duplicate", "rejected")
    return {name: (await rows(f"SELECT count(*) FROM {name}"))[0]["count"] for name in tables}


async def test_every_record_has_one_outcome_and_one_event_but_for_second_copies(partition: Position) -> None:
    """R3, Z22: received is the sum of the outcomes; a second copy has no event."""
    batch = [cdr("a", "1", OURS), cdr("a", "1", OURS), cdr("a", "2", NEW), b"not a record", cdr("a", "", OURS), None]
    _, events = await store_and_tell(partition, batch)
    assert await counts() == {"usage": 1, "held": 1, "duplicate": 1, "rejected": 3}
    assert [dict(headers)["ce_type"] for _, _, headers in events.usage.listed()] == [b"usage.rated"]
    assert sorted(dict(headers)["ce_type"].decode() for _, _, headers in events.exceptions) == [
        "usage.rejected",
        "usage.rejected",
        "usage.rejected",
        "usage.suspended",
    ]


async def test_after_a_crash_the_same_events_are_derived_from_what_was_stored(partition: Position) -> None:
    """DESIGN "Rating at volume": byte for byte, with their identity; no subscriber can tell that anything happened."""
    clock.freeze(datetime(2025, 2, 1, 12, tzinfo=UTC))
    before = await store(partition, [cdr("a", "0", OURS)])
    batch = [
        cdr("a", "1", OURS, other_party="", cdr_cost="0.0123"),
        cdr("a", "1", OURS),
        cdr("ä", "2", NEW),
        b"not a record",
        cdr("a", "3", OURS, duration_seconds="61.5", start="2025-01-15T09:30:00.123456+01:00"),
        cdr("a", "4", OURS, duration_seconds=0),
    ]
    after, events = await store_and_tell(before, batch)
    again = await events_of(after)
    assert (again.usage.listed(), again.exceptions) == (events.usage.listed(), events.exceptions)
    assert (len(events.usage), len(events.exceptions)) == (2, 3)


async def test_what_was_retried_before_a_crash_is_made_good_is_not_told_anew(partition: Position) -> None:
    """DESIGN "Rating at volume": the retry has told it, with a higher revision."""
    clock.freeze(datetime(2025, 2, 1, 12, tzinfo=UTC))
    after, events = await store_and_tell(partition, [cdr("a", "1", NEW), cdr("a", "2", OURS)])
    await tell(number(2, 1, NEW), assignment(2, 1, NEW))
    while await retry_next():
        pass
    assert (len(events.usage), len(events.exceptions)) == (1, 1)
    again = await events_of(after)
    assert (again.usage.listed(), again.exceptions) == (events.usage.listed(), [])


async def test_a_call_from_before_record_ids_are_kept_is_held_as_too_old(partition: Position) -> None:
    """R1: nobody can tell whether it was charged before; the first day that counts is the same of 13 months ago."""
    told = [cdr("a", "1", OURS, start="2023-12-31T12:00:00Z"), cdr("a", "2", OURS, start="2024-01-01T12:00:00Z")]
    await store(partition, told)
    found = await rows("SELECT record_id, outcome, reason FROM held ORDER BY record_id")
    assert found == [
        {"record_id": "1", "outcome": "suspended", "reason": "too_old"},
        {"record_id": "2", "outcome": "suspended", "reason": "no_active_call_plan"},
    ]


async def test_outcomes_are_counted_in_the_transaction_of_their_batch(partition: Position) -> None:
    """R3: received = rated + unpriced + suspended + ignored + duplicate + rejected, by source and day."""
    await store(partition, [cdr("a", "1", OURS), cdr("a", "1", OURS), cdr("b", "1", NEW), b"", cdr("a", "2", OURS)])
    found = await rows("SELECT source, outcome, reason, records, charge_micro FROM outcome_count ORDER BY 1, 2, 3")
    assert [tuple(row.values()) for row in found] == [
        ("a", "duplicate", "", 1, 0),
        ("a", "rated", "", 2, 240_000),
        ("b", "suspended", "unknown_number", 1, 0),
        ("unknown", "rejected", "bad_json", 1, 0),
    ]


async def test_a_usage_id_is_the_partitions_slot_and_the_offset(partition: Position) -> None:
    """R1: the same however often a batch is tried; another where the topic is another."""
    await store(partition, [cdr("a", "1", OURS), cdr("a", "2", OURS)])
    ids = [row["usage_id"] for row in await rows("SELECT usage_id FROM usage ORDER BY usage_id")]
    assert ids == [partition.slot << 48, (partition.slot << 48) + 1]


@pytest.mark.parametrize("looks_before", [True, False])
async def test_a_batch_judged_by_an_old_picture_is_judged_again(
    partition: Position, monkeypatch: pytest.MonkeyPatch, looks_before: bool
) -> None:
    """R3: what was committed before a call is stored counts for it, also when it comes while the batch is judged."""
    if not looks_before:
        monkeypatch.setattr(Pictures, "newest", Pictures.latest)
    after = await store(partition, [cdr("a", "1", NEW)])
    await tell(number(2, 1, NEW), assignment(2, 1, NEW))
    generations = await rows("SELECT generation FROM gate")
    await store(after, [cdr("a", "2", NEW)])
    assert [row["record_id"] for row in await rows("SELECT record_id FROM held")] == ["1"]
    assert await rows("SELECT record_id, generation FROM usage") == [{"record_id": "2", **generations[0]}]


async def test_a_number_taken_away_is_gone_from_the_picture_too(partition: Position) -> None:
    """R3: also what changed by ending."""
    after = await store(partition, [cdr("a", "1", OURS)])
    await tell(assignment(1, 1, OURS, version=2, end=date(2025, 1, 14)))
    await store(after, [cdr("a", "2", OURS)])
    assert [row["reason"] for row in await rows("SELECT reason FROM held")] == ["no_active_call_plan"]


async def test_an_older_version_changes_nothing(partition: Position) -> None:
    """E1: the newest state wins, in whatever order states come."""
    await tell(assignment(1, 1, OURS, version=3))
    await tell(assignment(1, 1, OURS, version=2, end=date(2025, 1, 1)))
    await store(partition, [cdr("a", "1", OURS)])
    assert await counts() == {"usage": 1, "held": 0, "duplicate": 0, "rejected": 0}


async def test_a_batch_that_another_process_has_stored_is_not_stored_again(partition: Position) -> None:
    """R1: a worker that lost its partition and does not know it yet stores nothing."""
    await store(partition, [cdr("a", "1", OURS)])
    with pytest.raises(WrongPosition):
        await store(partition, [cdr("a", "other", OURS)])
    assert await counts() == {"usage": 1, "held": 0, "duplicate": 0, "rejected": 0}


async def test_a_rejected_record_does_not_use_up_its_id(partition: Position) -> None:
    """Z21, R2: corrected and sent again it is charged."""
    await store(partition, [cdr("a", "1", OURS, duration_seconds="abc"), cdr("a", "1", OURS)])
    assert await counts() == {"usage": 1, "held": 0, "duplicate": 0, "rejected": 1}


async def test_a_held_record_has_used_up_its_id(partition: Position) -> None:
    """Z22: duplicate comes before unknown number."""
    await store(partition, [cdr("a", "1", NEW), cdr("a", "1", OURS), cdr("b", "1", OURS)])
    assert await counts() == {"usage": 1, "held": 1, "duplicate": 1, "rejected": 0}
    assert [row["conflict"] for row in await rows("SELECT conflict FROM duplicate")] == [True]


async def test_what_no_column_takes_is_stored_all_the_same(partition: Position) -> None:
    """R3: a sender cannot stop a partition; the record is kept as it came."""
    ugly = [
        cdr("a", "1\x00", OURS),
        cdr("a", "2", OURS, cdr_cost="x" * 700_000),
        cdr("a", "3", OURS, intake_error={"reason": "a\x00" * 9_000, "detail": "d", "field": "f\x00"}),
        cdr("a", "4", OURS, duration_seconds="x", origin={"file_id": 2**80, "row": -(2**80)}),
        cdr("a", "5", OURS, other_party="\\ud800").replace(b"\\\\ud", b"\\ud"),
        b'{"source": "a", "duration_seconds": ' + b"9" * 6_000 + b"}",
        b"\x00\xff",
        cdr("a", "6", "?" * 64, duration_seconds=2**53),
    ]
    _, events = await store_and_tell(partition, ugly)
    assert sum((await counts()).values()) == len(ugly)
    assert max(len(value) for _, value, _ in (*events.usage.listed(), *events.exceptions)) < 10_000


async def test_offsets_without_records_are_passed(partition: Position) -> None:
    """DESIGN "Rating at volume": markers of transactions stand in a topic as offsets, too."""
    await store_batch([Piece(partition, [3], [cdr("a", "1", OURS)], 9)])
    opened = await open_partition(TOPIC, TOPIC_ID, 0, FAR)
    assert (opened.slot, opened.position) == (partition.slot, 9)


async def test_a_topic_that_was_made_again_is_not_read(partition: Position) -> None:
    """DESIGN "Rating at volume": its records would be taken for those stored."""
    with pytest.raises(ForeignTopic, match="made again"):
        await open_partition(TOPIC, "another id", 0, FAR)


async def test_a_topic_that_ends_before_what_is_stored_is_not_read(partition: Position) -> None:
    """DESIGN "Rating at volume": it was cut short, or restored from an older copy."""
    await store(partition, [cdr("a", "1", OURS), cdr("a", "2", OURS)])
    with pytest.raises(ForeignTopic, match="ends at 1"):
        await open_partition(TOPIC, TOPIC_ID, 0, 1)


async def test_opening_a_partition_again_uses_up_no_slot(partition: Position) -> None:
    """A slot is 15 bits of every usage id: rebalances may not eat them."""
    for _ in range(5):
        assert (await open_partition(TOPIC, TOPIC_ID, 0, FAR)).slot == partition.slot
    assert (await open_partition(TOPIC, TOPIC_ID, 1, FAR)).slot == partition.slot + 1
