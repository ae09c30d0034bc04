"""Usage out, in pages and as streams, by HTTP (SPEC R9)."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from tests.rating.support.carriers import number, tell, tell_reference

from rating.api.usage import FIELDS, Streamed
from rating.service import usage
from rating.service.usage import stream_customer
from service_kit.database import reading, transaction
from service_kit.errors import DatabaseAway
from service_kit.http import Problem

Select = Callable[[str], Any]
DEADLINE_S = 20
SEGMENT = 1 << 20
MANY = 60_000
_INSERT = text(
    """
    INSERT INTO usage (usage_id, revision, customer_id, number_id, call_class, destination, band, tariff, prefix, step,
        billed_seconds, charge_micro, cost_micro, source, record_id, charged_number, other_party, direction,
        service_type, started, local_date, seconds, units, volume_bytes, retail_micro, cdr_cost_micro, currency,
        received_on, generation)
    VALUES (:usage_id, 1, :customer_id, :number_id, :call_class, 'UK, "Geographic"', 'peak', :tariff, '44113', 1, 78,
        :charge_micro, 12500, 'northstar', :record_id, '442079460123', :other_party, 'outbound', 'voice', :started,
        :local_date, 77, 0, 0, NULL, 12500, 'GBP', '2025-01-16', :generation)
    """
)
_MANY = text(
    f"""
    INSERT INTO usage (usage_id, revision, customer_id, number_id, call_class, destination, band, step, billed_seconds,
        charge_micro, source, record_id, charged_number, other_party, direction, service_type, started, local_date,
        seconds, units, volume_bytes, currency, received_on, generation)
    SELECT n, 1, 1, 11, 'National', 'Leeds', 'peak', 1, 60, 5, 'northstar', n::text, '442079460123', '441134960000',
        'outbound', 'voice', '2025-01-10T12:00:00Z', '2025-01-10', 60, 0, 0, 'GBP', '2025-01-10', {SEGMENT}
    FROM generate_series(1, {MANY}) AS n
    """
)


async def put(usage_id: int, started: str = "2025-01-15T09:30:00", **changed: Any) -> None:
    """Store a call that began at a time of UTC."""
    instant = datetime.fromisoformat(started).replace(tzinfo=UTC)
    usual = {
        "usage_id": usage_id,
        "customer_id": 1,
        "number_id": 11,
        "call_class": "National",
        "tariff": "HOME",
        "charge_micro": 156_000,
        "record_id": f"R{usage_id}",
        "other_party": "441134960000",
        "started": instant,
        "local_date": instant.date(),
        "generation": SEGMENT,
    }
    async with transaction() as tx:
        await tx.connection.execute(_INSERT, usual | changed)


async def put_many() -> None:
    """More calls than any buffer on their way holds."""
    async with transaction() as tx:
        await tx.connection.execute(_MANY)


async def lines(api: httpx.AsyncClient, path: str, **params: str) -> list[dict[str, Any]]:
    """What a stream of JSON lines holds."""
    answer = await api.get(path, params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/jsonl")
    return [json.loads(line) for line in answer.text.splitlines()]


async def at_rest(select: Select) -> None:
    """Wait until no query is running and no stream is counted."""
    running = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%'"
    deadline = time.monotonic() + DEADLINE_S
    while usage._running or await select(f"{running} AND state = 'active'"):
        assert time.monotonic() < deadline, "a stream goes on"
        await asyncio.sleep(0.01)


async def test_streams_tell_a_call_as_pages_do(rating_api: httpx.AsyncClient) -> None:
    """R9: one call, one answer: exact amounts, E.164 numbers, instants; texts of any kind, and what is missing."""
    await put(1, "2025-01-15T09:30:00.250000", call_class='a "quoted", one\nof \\ two lines', charge_micro=-1)
    await put(2, "2025-01-15T09:31:00", tariff=None, other_party="", record_id="a\tb\x01c,é")
    items = (await rating_api.get("/customers/1/usage")).json()["items"]
    assert [each["charge"] for each in items] == ["-0.000001", "0.156000"]
    assert items[0]["started"] == "2025-01-15T09:30:00.250000Z"
    assert await lines(rating_api, "/customers/1/usage.jsonl") == items
    answer = await rating_api.get("/customers/1/usage.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert rows == [{name: "" if value is None else str(value) for name, value in each.items()} for each in items]
    assert tuple(rows[0]) == FIELDS


async def test_streams_are_in_the_order_of_start_whatever_the_segment(rating_api: httpx.AsyncClient) -> None:
    """R9: from a local day to a local day, both included; late calls stand where they belong."""
    await put(9, "2025-01-01T00:00:00")
    await put(8, "2025-01-31T23:59:59", generation=5)
    await put(7, "2025-01-15T12:00:00")
    await put(6, "2025-01-15T12:00:00", generation=5)
    await put(5, "2025-01-15T11:00:00", generation=2 * SEGMENT)
    await put(4, "2025-02-01T00:00:00")
    await put(3, "2024-12-31T00:00:00")
    await put(2, customer_id=2)
    period = {"from": "2025-01-01", "to": "2025-01-31"}
    assert [each["usage_id"] for each in await lines(rating_api, "/customers/1/usage.jsonl", **period)] == [
        9,
        5,
        6,
        7,
        8,
    ]
    whole = await lines(rating_api, "/customers/1/usage.jsonl")
    assert [each["usage_id"] for each in whole] == [3, 9, 5, 6, 7, 8, 4]


async def test_a_numbers_usage_is_that_of_all_who_had_it(rating_api: httpx.AsyncClient) -> None:
    """R9: a number that has changed hands; what nobody knows has no usage."""
    await tell_reference()
    await tell(number(11, 1, "442079460123"))
    await put(1)
    await put(2, "2025-01-15T09:29:00", number_id=12)
    await put(3, customer_id=2)
    assert [each["usage_id"] for each in await lines(rating_api, "/numbers/11/usage.jsonl")] == [1]
    async with transaction() as tx:
        await tx.connection.execute(
            text(
                "INSERT INTO assignment (assignment_id, version, number_id, customer_id, number, start_date, removed,"
                " changed_in) VALUES (110, 1, 11, 2, '442079460123', '2025-01-01', false, 5)"
            )
        )
    assert [each["usage_id"] for each in await lines(rating_api, "/numbers/11/usage.jsonl")] == [1, 3]
    answer = await rating_api.get("/numbers/99/usage.csv")
    assert answer.text == ",".join(FIELDS) + "\n"


async def test_a_client_that_goes_away_ends_the_query(rating_api: httpx.AsyncClient, select: Select) -> None:
    """R9: nothing is left behind, and the connection can be used again."""
    await put_many()
    stream = await stream_customer(1, None, None, "csv", FIELDS)
    taken = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await taken.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message.get("body"):
            taken.set()
            await asyncio.Event().wait()

    scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
    await Streamed(stream, "text/csv", "usage.csv")(scope, receive, send)  # type: ignore[arg-type]
    await at_rest(select)
    async with reading() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


async def test_streams_leave_connections_for_everybody_else(
    rating_api: httpx.AsyncClient, select: Select, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R9: what is too much is refused, with when to come back."""
    monkeypatch.setattr(usage, "MOST_STREAMS", 1)
    await put_many()
    stream = await stream_customer(1, None, None, "csv", FIELDS)
    refused = await rating_api.get("/customers/1/usage.csv")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
    assert refused.json()["type"].endswith(":busy")
    with pytest.raises(Problem):
        await stream_customer(1, None, None, "jsonl", FIELDS)
    stream.close()
    await at_rest(select)
    answer = await rating_api.get("/customers/1/usage.csv")
    assert len(answer.text.splitlines()) == MANY + 1


async def test_a_reader_that_takes_nothing_is_given_up(select: Select, monkeypatch: pytest.MonkeyPatch) -> None:
    """R9: it holds no connection for ever, and what it has is not made to look whole."""
    monkeypatch.setattr(usage, "PATIENCE_S", 0.05)
    await put_many()
    stream = await stream_customer(1, None, None, "csv", FIELDS)
    await at_rest(select)
    with pytest.raises(TimeoutError):
        _ = [piece async for piece in stream]


async def test_a_stream_whose_query_is_ended_is_broken_off(select: Select) -> None:
    """R9: a database that goes away does not end a stream as if that were all."""
    await put_many()
    stream = await stream_customer(1, None, None, "csv", FIELDS)
    async with transaction() as tx:
        await tx.connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE 'COPY%' AND pid <> pg_backend_pid()"
            )
        )
    with pytest.raises(DatabaseAway):
        _ = [piece async for piece in stream]
    await at_rest(select)


async def test_pages_are_in_the_order_of_start_and_leave_nothing_out(rating_api: httpx.AsyncClient) -> None:
    """R9: calls of one instant, in several segments, page by page."""
    for usage_id, minute in ((1, 30), (2, 10), (3, 30), (4, 10), (5, 20)):
        await put(usage_id, f"2025-01-15T09:{minute}:00", generation=SEGMENT * (usage_id % 3))
    await put(6, "2025-01-14T23:00:00")
    seen, after = [], None
    while True:
        params = {"limit": 2, **({"after": after} if after else {})}
        page = (await rating_api.get("/customers/1/usage", params=params)).json()
        seen += [each["usage_id"] for each in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == [6, 2, 4, 5, 1, 3]
    behind = (await rating_api.get("/customers/1/usage", params={"after": 4})).json()
    assert [each["usage_id"] for each in behind["items"]] == [5, 1, 3]
    day = {"from": "2025-01-15", "to": "2025-01-15", "after": f"{date(2025, 1, 14)}_0_0"}
    assert len((await rating_api.get("/customers/1/usage", params=day)).json()["items"]) == 5
    for nonsense in (
        "77",
        "2025-01-15_x_1",
        "2025-01-15_1",
        "2025-99-15_1_1",
        "-1",
        "9" * 30,
        f"2025-01-15_{'9' * 30}_1",
    ):
        refused = await rating_api.get("/customers/1/usage", params={"after": nonsense})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "after"), nonsense
