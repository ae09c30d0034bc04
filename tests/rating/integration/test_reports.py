"""Reports and queues by HTTP (SPEC R3, Z3, Z21, Z22)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from contracts.topics import CDR_BACKFILL, CDR_RECEIVED
from rating.store.counts import recount
from service_kit.database import reading
from service_kit.kafka import end_offsets, topic_id

Put = Callable[..., None]
CALL = {
    "revision": 1,
    "source": "northstar",
    "charged_number": "442079460001",
    "other_party": "441614960123",
    "direction": "outbound",
    "service_type": "voice",
    "started": "2025-01-15T09:30:00Z",
    "local_date": "2025-01-15",
    "band": "peak",
    "seconds": 62,
    "units": 0,
    "volume_bytes": 0,
    "cdr_cost_micro": 12_500,
    "currency": "GBP",
    "received_on": "2025-01-16",
    "generation": 5,
}
USAGE = CALL | {
    "customer_id": 1,
    "number_id": 11,
    "call_class": "National",
    "destination": "UK Geographic",
    "tariff": "HOME",
    "prefix": "441",
    "step": 1,
    "billed_seconds": 62,
    "charge_micro": 100_001,
    "cost_micro": 12_500,
}
HELD = CALL | {"outcome": "suspended", "reason": "unknown_number", "detail": "nobody holds +442079460001"}
SECOND = {"source": "northstar", "record_id": "A", "raw": b'{"source": "northstar"}', "received_on": "2025-01-16"}


@pytest.fixture
def put(rating_database: Any, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Stores a row: `put("usage", USAGE, charge_micro=5)`; its usage id and record id count up, and it is counted."""
    dsn = rating_database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    count = iter(range(1, 1000))

    def store(table: str, row: dict[str, Any], **changed: Any) -> None:
        values = row | changed
        if "received_on" in row:
            number = next(count)
            values = {"usage_id": number, "record_id": f"R{number}"} | values
        with psycopg.connect(dsn) as connection:
            _insert(connection, table, values)
            if "received_on" in row:
                _insert(connection, "outcome_count", {"slot": number, **_counted(table, values)})

    return store


def _insert(connection: psycopg.Connection, table: str, values: dict[str, Any]) -> None:
    names, places = ", ".join(values), ", ".join(["%s"] * len(values))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(values.values()))


def _counted(table: str, values: dict[str, Any]) -> dict[str, Any]:
    """How a record is counted in the transaction that stores it."""
    reason = "conflict" if values.get("conflict") else values.get("reason", "")
    return {
        "source": values["source"],
        "received_on": values["received_on"],
        "outcome": values.get("outcome", {"usage": "rated"}.get(table, table)),
        "reason": reason,
        "records": 1,
        "charge_micro": values.get("charge_micro", 0),
    }


async def test_every_record_is_accounted_for(rating_api: httpx.AsyncClient, put: Put) -> None:
    """R3, Z22: received = rated + unpriced + suspended + ignored + duplicate + rejected, for each source and day."""
    put("usage", USAGE)
    put("usage", USAGE, charge_micro=1)
    put("usage", USAGE, received_on="2025-01-17", charge_micro=7)
    put("held", HELD)
    put("held", HELD, outcome="unpriced", reason="no_rate")
    put("held", HELD, source="livewire", outcome="ignored", reason="ignored_number_type")
    put("duplicate", SECOND, first_usage_id=1, conflict=True)
    put("duplicate", SECOND, first_usage_id=1, conflict=False)
    put("rejected", SECOND | {"source": "unknown"}, reason="bad_json", detail="no JSON")
    report = (await rating_api.get("/reports/outcomes")).json()
    assert [(each["source"], each["day"], each["received"]) for each in report["items"]] == [
        ("livewire", "2025-01-16", 1),
        ("northstar", "2025-01-16", 6),
        ("northstar", "2025-01-17", 1),
        ("unknown", "2025-01-16", 1),
    ]
    assert report["items"][1] == {
        "source": "northstar",
        "day": "2025-01-16",
        "received": 6,
        "rated": 2,
        "unpriced": 1,
        "suspended": 1,
        "ignored": 0,
        "duplicate": 2,
        "rejected": 0,
        "charge": "0.100002",
        "by_reason": {"unknown_number": 1, "no_rate": 1, "conflict": 1},
    }
    assert (report["total"]["received"], report["total"]["charge"]) == (9, "0.100009")
    by_source = (await rating_api.get("/reports/outcomes", params={"group": "source"})).json()["items"]
    assert [(each["source"], each["received"]) for each in by_source] == [
        ("livewire", 1),
        ("northstar", 7),
        ("unknown", 1),
    ]
    one_day = (await rating_api.get("/reports/outcomes", params={"group": "all", "first": "2025-01-17"})).json()
    assert [each["received"] for each in one_day["items"]] == [1]


async def test_what_came_to_nought_is_left_out(rating_api: httpx.AsyncClient, put: Put) -> None:
    """R3: a record counts in its present state; what it was before is taken off again."""
    put("held", HELD)
    moved = {"source": "northstar", "received_on": "2025-01-16"}
    put(
        "outcome_count",
        {"slot": 0, "outcome": "suspended", "reason": "unknown_number", "records": -1, "charge_micro": 0},
        **moved,
    )
    put("outcome_count", {"slot": 0, "outcome": "rated", "reason": "", "records": 1, "charge_micro": 5}, **moved)
    (item,) = (await rating_api.get("/reports/outcomes")).json()["items"]
    assert (item["received"], item["rated"], item["suspended"], item["by_reason"]) == (1, 1, 0, {})


async def test_counts_that_differ_from_the_records_are_found(put: Put) -> None:
    """R3: the account is proved by the records themselves."""
    put("usage", USAGE)
    put("held", HELD)
    put("duplicate", SECOND, first_usage_id=1, conflict=True)
    put("rejected", SECOND, reason="bad_json", detail="no JSON")
    async with reading() as connection:
        assert await recount(connection) == []
    put(
        "outcome_count",
        {"slot": 0, "outcome": "rated", "reason": "", "records": 0, "charge_micro": 7},
        source="northstar",
        received_on="2025-01-16",
    )
    put(
        "outcome_count",
        {"slot": 0, "outcome": "ignored", "reason": "x", "records": 2, "charge_micro": 0},
        source="livewire",
        received_on="2025-01-17",
    )
    async with reading() as connection:
        found = await recount(connection)
    assert [(row["source"], row["outcome"], row["records"], row["stored_records"]) for row in found] == [
        ("livewire", "ignored", 2, 0),
        ("northstar", "rated", 1, 1),
    ]
    assert (found[1]["charge_micro"], found[1]["stored_micro"]) == (100_008, 100_001)


async def test_an_empty_account_is_all_noughts(rating_api: httpx.AsyncClient) -> None:
    report = (await rating_api.get("/reports/outcomes")).json()
    assert (report["items"], report["total"]["received"], report["total"]["charge"]) == ([], 0, "0.000000")


async def test_what_is_held_can_be_looked_at_page_by_page(rating_api: httpx.AsyncClient, put: Put) -> None:
    """R3: by reason, never lost."""
    for _ in range(3):
        put("held", HELD)
    put("held", HELD, reason="no_active_call_plan")
    put("rejected", SECOND, reason="bad_duration", field="Duration", detail="'x'", file_id=3, file_row=7)
    first = (await rating_api.get("/held", params={"limit": 3})).json()
    assert [each["usage_id"] for each in first["items"]] == [1, 2, 3]
    assert first["items"][0]["charged_number"] == "+442079460001"
    assert first["items"][0]["cdr_cost"] == "0.012500"
    rest = (await rating_api.get("/held", params={"limit": 3, "after": first["next"]})).json()
    assert ([each["reason"] for each in rest["items"]], rest["next"]) == (["no_active_call_plan"], None)
    chosen = (await rating_api.get("/held", params={"reason": "no_active_call_plan"})).json()
    assert [each["usage_id"] for each in chosen["items"]] == [4]
    (rejected,) = (await rating_api.get("/held", params={"outcome": "rejected"})).json()["items"]
    assert (rejected["file_id"], rejected["file_row"], rejected["raw"]) == (3, 7, '{"source": "northstar"}')


async def test_second_copies_and_conflicts(rating_api: httpx.AsyncClient, put: Put) -> None:
    """Z21: one with other content is shown as a conflict."""
    put("duplicate", SECOND, first_usage_id=9, conflict=False)
    put("duplicate", SECOND, first_usage_id=9, conflict=True)
    assert len((await rating_api.get("/duplicates")).json()["items"]) == 2
    (conflict,) = (await rating_api.get("/duplicates", params={"conflict": True})).json()["items"]
    assert (conflict["first_usage_id"], conflict["raw"]) == (9, '{"source": "northstar"}')


async def test_a_customers_usage_between_two_days(rating_api: httpx.AsyncClient, put: Put) -> None:
    """R9: each call carries its charge and its cost."""
    put("usage", USAGE)
    put("usage", USAGE, local_date="2025-02-01")
    put("usage", USAGE, customer_id=2)
    period = {"from": "2025-01-01", "to": "2025-01-31"}
    (call,) = (await rating_api.get("/customers/1/usage", params=period)).json()["items"]
    assert (call["charge"], call["cost"], call["call_class"], call["step"]) == ("0.100001", "0.012500", "National", 1)
    assert len((await rating_api.get("/customers/1/usage")).json()["items"]) == 2


async def test_charges_are_closed_or_not_to_the_millionth(rating_api: httpx.AsyncClient, put: Put) -> None:
    """I4, Z3: a close covers what was stored up to its generation and began up to its day; a released one nothing."""
    put("usage", USAGE, charge_micro=1)
    put("usage", USAGE, charge_micro=20, generation=6)
    put("usage", USAGE, charge_micro=300, local_date="2025-02-01")
    put("usage", USAGE, charge_micro=4_000, customer_id=2)
    put("usage", USAGE, charge_micro=50_000, customer_id=3, local_date="2025-02-01")
    close = {"bill_to": "2025-01-31", "generation": 5, "calls": 1, "seconds": 62, "net_micro": 1, "unpriced": 0}
    put("usage_close", close, run_id=1, customer_id=1, state="billed")
    put("usage_close", close, run_id=1, customer_id=2, state="released")
    put("usage_close", close, run_id=2, customer_id=1, generation=6, state="released")
    answer = (await rating_api.get("/reports/charges", params={"bill_to": "2025-01-31", "limit": 2})).json()
    assert answer == {
        "items": [
            {
                "customer_id": 1,
                "calls": 3,
                "rated_charge": "0.000321",
                "closed_charge": "0.000001",
                "unbilled_to_date": "0.000020",
                "unbilled_after": "0.000300",
            },
            {
                "customer_id": 2,
                "calls": 1,
                "rated_charge": "0.004000",
                "closed_charge": "0.000000",
                "unbilled_to_date": "0.004000",
                "unbilled_after": "0.000000",
            },
        ],
        "next": 2,
    }
    rest = (await rating_api.get("/reports/charges", params={"bill_to": "2025-01-31", "after": 2})).json()
    assert [each["unbilled_after"] for each in rest["items"]] == ["0.050000"]


async def test_positions_are_those_of_the_topics_that_exist_now(
    rating_api: httpx.AsyncClient, put: Put, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R3: a topic made again under the same name starts at nothing."""
    monkeypatch.setenv("FARTHING_KAFKA", kafka)
    identity = str(await topic_id(CDR_RECEIVED, kafka=kafka))
    put("input_position", {"topic": CDR_RECEIVED, "topic_id": identity, "partition": 2, "position": 41})
    put("input_position", {"topic": CDR_RECEIVED, "topic_id": "another", "partition": 3, "position": 99})
    items = (await rating_api.get("/positions")).json()["items"]
    ends = await end_offsets(CDR_RECEIVED, kafka=kafka)
    received = {each["partition"]: each for each in items if each["topic"] == CDR_RECEIVED}
    assert {number: each["end"] for number, each in received.items()} == ends
    assert {number: each["position"] for number, each in received.items()} == dict.fromkeys(ends, 0) | {2: 41}
    assert {each["topic"] for each in items} == {CDR_RECEIVED, CDR_BACKFILL}


async def test_a_retry_of_everything_can_be_asked_for(rating_api: httpx.AsyncClient, select: Any) -> None:
    """R3."""
    assert (await rating_api.post("/retry")).status_code == 202
    assert [row["kind"] for row in await select("SELECT kind FROM retry_request")] == ["everything"]
