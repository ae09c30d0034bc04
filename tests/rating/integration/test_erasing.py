"""An erased customer's calls are gone, and stay counted, on a real Postgres."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.rating.support.carriers import assignment, cdr, customer, in_february, number, tariff, tell, tell_reference

from contracts.customers import CustomerErased
from rating.service import guiding_again, retrying, storing
from rating.service.erasing import OF_CLOSES, OF_CUSTOMERS, erase_next, forget_files
from rating.service.keeping import Ledger
from rating.service.pictures import Pictures
from rating.service.retrying import retry_next
from rating.service.storing import Piece, open_partition, store_batch
from rating.store import counts
from rating.store.positions import Position
from service_kit.database import bind, reading, transaction

ROOT = Path(__file__).resolve().parents[3]
OURS, MOVED, OTHER = "442079460001", "442079460002", "442079460003"
ERASED_AT = datetime(2025, 2, 1, tzinfo=UTC)
KEPT = {"erasure"}
"""Tables with a customer id that keep it."""


@pytest.fixture
async def dsn(service_database: Callable[[str], str]) -> str:
    return service_database("rating")


@pytest.fixture
async def partition(dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Position]:
    """Customer 1 holds two numbers, of which one is customer 2's from 15 January on; each has calls of all outcomes."""
    in_february(monkeypatch, tmp_path)
    database = bind(dsn)
    pictures = Pictures()
    for module in (storing, retrying, guiding_again):
        monkeypatch.setattr(module, "pictures", pictures)
    monkeypatch.setattr(storing, "ledger", Ledger())
    tariff(dsn, [("44", 120_000)])
    await tell_reference()
    await tell(customer(1), customer(2))
    await tell(
        *(number(1, 1, OURS), assignment(1, 1, OURS), number(2, 1, MOVED)),
        assignment(2, 1, MOVED, end=date(2025, 1, 14)),
        *(number(3, 2, OTHER), assignment(3, 2, OTHER)),
    )
    await pictures.refresh()
    await storing.ledger.refresh()
    made = await open_partition("cdr.received", "the topic's id", 0, 10**6)
    yield await store(made, calls())
    await database.close()


def calls() -> list[bytes]:
    """Rated, unpriced, suspended (before, within and after whoever held the number), copies, and unreadable ones."""
    days = [(OURS, 10), (OURS, 20), (MOVED, 10), (MOVED, 20), (OTHER, 10), (OTHER, 20)]
    rated = [cdr("a", f"{digits}/{day}", digits, start=f"2025-01-{day}T09:30:00Z") for digits, day in days]
    unpriced = [cdr("a", f"{digits}/abroad", digits, other_party="+33123456789") for digits in (OURS, OTHER)]
    before = [cdr("a", f"{OURS}/2024", OURS, start="2024-12-30T09:30:00Z")]
    unread = [cdr("a", f"{digits}/unread", digits, start="never") for digits in (OURS, OTHER)]
    about = [cdr("a", f"{OTHER}/to ours", OTHER, other_party=f"+{OURS}", start="never")]
    return [*rated, *unpriced, *before, *unread, *about, rated[0], rated[4]]


async def store(at: Position, values: Sequence[bytes]) -> Position:
    """Store records from the position on."""
    end = at.position + len(values)
    await store_batch([Piece(at, [at.position + index for index in range(len(values))], values, end)])
    return replace(at, position=end)


async def rows(statement: str) -> list[dict[str, Any]]:
    """Rows of the database."""
    async with reading() as connection:
        return [dict(row) for row in (await connection.execute(text(statement))).mappings()]


async def told_erased() -> None:
    await tell(CustomerErased(customer_id=1, version=9, erased_at=ERASED_AT))


async def erase(rows_at_once: int = 5_000) -> None:
    """Customers says so, and the role works it off."""
    await told_erased()
    while await erase_next(rows_at_once):
        pass


async def left() -> dict[str, list[str]]:
    """The record ids that are left of each outcome."""
    return {
        table: [row["record_id"] for row in await rows(f"SELECT record_id FROM {table} ORDER BY record_id")]
        for table in ("usage", "held", "rejected", "duplicate")
    }


async def totals() -> dict[tuple[str, str], int]:
    """Records by outcome and reason, as the report has them."""
    async with reading() as connection:
        return {(row["outcome"], row["reason"]): row["records"] for row in await counts.totals(connection, None, None)}


@pytest.mark.parametrize("rows_at_once", [1, 5_000])
async def test_all_calls_of_the_customer_are_gone_and_others_stay(partition: Position, rows_at_once: int) -> None:
    """C17: usage, what is held, second copies and what could not be read; a number's calls are whose it was then."""
    await erase(rows_at_once)
    assert await left() == {
        "usage": [f"{OTHER}/10", f"{OTHER}/20"],
        "held": [f"{OURS}/2024", f"{OTHER}/abroad"],
        "rejected": [f"{OTHER}/to ours", f"{OTHER}/unread"],
        "duplicate": [f"{OTHER}/10"],
    }
    confirmed = await rows("SELECT payload FROM outbox WHERE type = 'erasure.confirmed'")
    assert [(each["payload"]["customer_id"], each["payload"]["service"]) for each in confirmed] == [(1, "rating")]


async def test_what_was_received_stays_counted(partition: Position) -> None:
    """R3: received = the sum of the outcomes, for every source and day, also when records were erased."""
    before = await totals()
    await erase(1)
    assert await totals() == before
    async with reading() as connection:
        assert await counts.recount(connection) == []


async def test_no_table_knows_the_customer_any_more(partition: Position) -> None:
    """C17: every table with a customer id is erased, and no row of any holds one of its numbers."""
    found = await rows(
        "SELECT table_name, column_name FROM information_schema.columns JOIN pg_class ON relname = table_name"
        " WHERE table_schema = 'public' AND column_name IN ('customer_id', 'close_id') AND NOT relispartition"
    )
    of_customers = {row["table_name"] for row in found if row["column_name"] == "customer_id"}
    of_closes = {row["table_name"] for row in found if row["column_name"] == "close_id"} - of_customers
    assert of_customers - KEPT - {"usage", "held", "assignment"} == set(OF_CUSTOMERS)
    assert of_closes == set(OF_CLOSES)
    await erase()
    for table in of_customers - KEPT:
        assert await rows(f"SELECT * FROM {table} WHERE customer_id = 1") == [], table
    assert await rows(f"SELECT * FROM assignment WHERE number = '{OURS}'") == []


async def test_a_call_that_comes_later_is_one_of_a_number_that_nobody_has(partition: Position) -> None:
    """C17, Z22: also for a worker that has not looked since the customer left."""
    await erase()
    await store(partition, [cdr("a", "late", OURS)])
    (late,) = await rows("SELECT reason, customer_id FROM held WHERE record_id = 'late'")
    assert late == {"reason": "unknown_number", "customer_id": None}


async def test_a_second_copy_that_comes_later_is_one_still(partition: Position) -> None:
    """R1: a record id is charged once, ever; its key is a hash that names nobody."""
    await erase()
    await store(partition, [calls()[0]])
    assert f"{OURS}/10" in (await left())["duplicate"]
    assert await rows(f"SELECT * FROM held WHERE record_id = '{OURS}/10'") == []


async def test_what_comes_late_about_an_erased_customer_is_dropped(partition: Position) -> None:
    """C17: a state with a higher version brings nothing back."""
    await erase()
    await tell(customer(1, version=50), number(1, 1, OURS, version=50), assignment(1, 1, OURS, version=50))
    while await retry_next():
        pass
    assert [row["customer_id"] for row in await rows("SELECT customer_id FROM customer")] == [2]
    assert [row["number"] for row in await rows("SELECT number FROM assignment")] == [OTHER]


async def test_a_number_that_another_customer_gets_is_his(partition: Position) -> None:
    """R3: what comes for it from then on is guided to him."""
    await erase()
    await tell(number(9, 2, OURS, start=date(2025, 1, 15)), assignment(9, 2, OURS, start=date(2025, 1, 15)))
    await store(partition, [cdr("a", "his", OURS, start="2025-01-20T09:30:00Z")])
    assert await rows("SELECT customer_id FROM usage WHERE record_id = 'his'") == [{"customer_id": 2}]


async def test_an_erasure_that_is_killed_goes_on(partition: Position, dsn: str) -> None:
    """C17: each step is a transaction that looks at what is left."""
    await told_erased()
    await erase_next(1)
    script = (
        "import asyncio\nfrom rating.service.erasing import erase_next\nfrom service_kit.database import bind\n"
        f"async def main():\n    bind({dsn!r})\n    await erase_next(1)\nasyncio.run(main())"
    )
    environment = {**os.environ, "FARTHING_CRASH_POINTS": "rating.erasing=1"}
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    while await erase_next(1):
        pass
    assert len((await left())["usage"]) == 2
    async with reading() as connection:
        assert await counts.recount(connection) == []


async def test_contents_of_files_are_forgotten_after_their_days(partition: Position) -> None:
    """C17: a file holds many customers' calls; what it was, and its hash, stay, so that it is accepted once."""
    async with transaction() as tx:
        await tx.connection.execute(
            text("INSERT INTO mapping VALUES ('m', 1, CAST(:d AS jsonb))"), {"d": json.dumps({})}
        )
        for name, state, days in (("old", "published", 91), ("new", "published", 89), ("open", "received", 200)):
            values = {"name": name, "state": state, "at": datetime(2025, 2, 1, 12, tzinfo=UTC) - timedelta(days=days)}
            await tx.connection.execute(
                text(
                    "WITH file AS (INSERT INTO cdr_file (name, source, mapping, sha256, bytes, state, uploaded_by,"
                    " received_at, published_at) VALUES (:name, 'a', 'm', :name, 1, :state, 'ann', :at,"
                    " CASE WHEN :state = 'published' THEN CAST(:at AS timestamptz) END) RETURNING file_id)"
                    " INSERT INTO cdr_file_chunk SELECT file_id, 1, 'calls' FROM file"
                ),
                values,
            )
    assert await forget_files(timedelta(days=90))
    assert not await forget_files(timedelta(days=90))
    kept = await rows("SELECT name FROM cdr_file_chunk JOIN cdr_file USING (file_id) ORDER BY name")
    assert [row["name"] for row in kept] == ["new", "open"]
    assert len(await rows("SELECT * FROM cdr_file")) == 3
