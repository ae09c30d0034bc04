"""Prices by date, and bulk increases: previewed, applied once, gone on with after a kill."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from customers.service.increases import CUSTOMERS_TOGETHER
from customers.worker import step
from service_kit import clock
from service_kit.database import reading

Json = dict[str, Any]
PRICES = "/reference/standard_features/seat/prices"
ASKED = {"scope": {"codes": ["seat"]}, "percentage": "5", "effective_from": "2025-04-01", "also_existing": True}


def seat(amount: str) -> Json:
    return {"kind": "recurring", "description": "Seat", "amount": amount, "frequency_months": 1}


@pytest.fixture
async def desk(api: AsyncClient) -> AsyncClient:
    """It is 10 March 2025, and a seat costs 6.00 a month."""
    clock.freeze(datetime(2025, 3, 10, 9, tzinfo=UTC))
    body = {"name": "Hosted seat", "standard_feature": {"charges": [seat("6.00")]}}
    assert (await api.put("/reference/standard_features/seat", json=body)).status_code == 200
    return api


async def give(desk: AsyncClient, customer: Json, **more: Any) -> Json:
    body = {"code": "seat", "start": "2025-01-20", **more}
    answer = await desk.post(f"/customers/{customer['customer_id']}/features", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def preview(desk: AsyncClient, **more: Any) -> Json:
    answer = await desk.post("/increases", json={**ASKED, "dry_run": True, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def ask(desk: AsyncClient, token: str, **more: Any) -> Json:
    answer = await desk.post("/increases", json={**ASKED, "token": token, **more})
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def work() -> None:
    """All that the role `prices` has to do now."""
    while await step():
        pass


async def charges_of(desk: AsyncClient, feature: Json) -> list[tuple[str, str, str | None]]:
    listed = (await desk.get(f"/customers/{feature['customer_id']}/features")).json()["items"]
    (found,) = [each for each in listed if each["feature_id"] == feature["feature_id"]]
    assert len({charge["anchor"] for charge in found["charges"]}) == 1
    return [(charge["amount"], charge["start"], charge["end"]) for charge in found["charges"]]


async def test_a_price_from_a_day_is_taken_by_features_that_start_from_then_on(
    desk: AsyncClient, add_customer: Any, outbox: Any
) -> None:
    """C9: the entry shows what holds today; the day turns it, and tells the other services."""
    made = await desk.post(PRICES, json={"valid_from": "2025-04-01", "charges": [seat("7.00")]})
    assert (made.status_code, made.json()["state"]) == (201, "scheduled")
    customer = await add_customer()
    before = await give(desk, customer, start="2025-03-31")
    after = await give(desk, customer, start="2025-04-01")
    assert [each["charges"][0]["amount"] for each in (before, after)] == ["6.00", "7.00"]
    told = len(await outbox("reference.updated"))
    await work()
    assert len(await outbox("reference.updated")) == told
    clock.freeze(datetime(2025, 3, 31, 23, 30, tzinfo=UTC))  # 1 April in London
    await work()
    await work()
    (event,) = (await outbox("reference.updated"))[told:]
    assert event["payload"]["standard_feature"]["charges"][0]["amount"] == "7.00"
    assert (await desk.get("/reference/standard_features/seat")).json()["version"] == 2
    items = (await desk.get(PRICES)).json()["items"]
    assert [(each["valid_from"], each["valid_to"], each["state"]) for each in items] == [
        (None, "2025-03-31", "past"),
        ("2025-04-01", None, "current"),
    ]


async def test_an_edit_with_a_day_is_a_version_and_can_be_taken_back_until_then(desk: AsyncClient) -> None:
    """C9"""
    body = {"name": "Seat", "standard_feature": {"charges": [seat("7.00")]}, "valid_from": "2025-04-01"}
    entry = (await desk.put("/reference/standard_features/seat", json=body, headers={"If-Match": "*"})).json()
    assert (entry["name"], entry["standard_feature"]["charges"][0]["amount"]) == ("Seat", "6.00")
    assert len((await desk.get(PRICES)).json()["items"]) == 2
    first = (await desk.get(PRICES, params={"limit": 1})).json()
    rest = (await desk.get(PRICES, params={"limit": 1, "after": first["next"]})).json()
    assert ([each["valid_from"] for each in rest["items"]], rest["next"]) == (["2025-04-01"], None)
    assert (await desk.delete(f"{PRICES}/2025-04-02")).status_code == 404
    assert (await desk.delete(f"{PRICES}/2025-04-01")).status_code == 204
    assert [each["charges"][0]["amount"] for each in (await desk.get(PRICES)).json()["items"]] == ["6.00"]
    await desk.post(PRICES, json={"valid_from": "2025-03-10", "charges": [seat("6.50")]})
    assert (await desk.delete(f"{PRICES}/2025-03-10")).status_code == 409
    now = (await desk.get("/reference/standard_features/seat")).json()
    assert now["standard_feature"]["charges"][0]["amount"] == "6.50"


@pytest.mark.parametrize(
    ("url", "body", "status", "field"),
    [
        (PRICES, {"valid_from": "2025-04-01", "charges": [{**seat("7.00"), "frequency_months": None}]}, 422, "charges"),
        (PRICES, {"valid_from": "0025-04-01", "charges": [seat("7.00")]}, 422, "valid_from"),
        (PRICES.replace("seat", "gold"), {"valid_from": None, "charges": []}, 404, ""),
        ("/increases", {**ASKED, "dry_run": True, "effective_from": "9999-12-31"}, 422, "effective_from"),
        ("/increases", {**ASKED, "dry_run": True, "amount": "1"}, 422, "percentage"),
        ("/increases", {**ASKED, "dry_run": True, "percentage": None, "amount": "-6.01"}, 422, "amount"),
        ("/increases", {**ASKED, "dry_run": True, "percentage": None, "amount": "1E+99999999"}, 422, "amount"),
        ("/increases", {**ASKED, "dry_run": True, "scope": {"codes": ["gold"]}}, 422, "scope"),
        ("/increases", {**ASKED, "dry_run": True, "scope": {"codes": ["broadband"]}}, 422, "scope"),
        ("/increases", ASKED, 428, ""),
        ("/increases", {**ASKED, "token": "guessed"}, 412, ""),
    ],
)
async def test_what_is_wrong_with_a_price_or_an_increase_is_said(
    desk: AsyncClient, url: str, body: Json, status: int, field: str
) -> None:
    answer = await desk.post(url, json=body)
    assert answer.status_code == status, answer.text
    assert any(error["field"].startswith(field) for error in answer.json().get("errors", [{"field": ""}]))


async def test_what_was_previewed_is_what_happens(desk: AsyncClient, add_customer: Any, outbox: Any) -> None:
    """C12, Z5: customers at the standard price change from the day on, those with a price of their own do not."""
    one, other = await add_customer(), await add_customer()
    shared = {**seat("6.00"), "quantity": "12"}
    many, own = await give(desk, one, charges=[shared]), await give(desk, other, charges=[seat("5.50")])
    single, ended = await give(desk, other), await give(desk, other, end="2025-03-31")
    seen = await preview(desk)
    (item,) = seen["items"]
    assert [(each["old"], each["new"]) for each in item["charges"]] == [("6.00", "6.30")]
    assert item["reach"] == seen["total"] == {"customers": 2, "features": 2, "charges": 2, "monthly_difference": "3.90"}
    assert len((await desk.get(PRICES)).json()["items"]) == 1

    before = len(await outbox())
    made = await ask(desk, seen["token"])
    assert made["items"] == [{name: item[name] for name in ("code", "name", "charges")}]
    await work()
    done = (await desk.get(f"/increases/{made['increase_id']}")).json()
    assert (done["state"], done["customers"], done["features"], done["charges"]) == ("scheduled", 2, 2, 2)
    assert await charges_of(desk, many) == [("6.00", "2025-01-20", "2025-03-31"), ("6.30", "2025-04-01", None)]
    assert await charges_of(desk, single) == [("6.00", "2025-01-20", "2025-03-31"), ("6.30", "2025-04-01", None)]
    assert await charges_of(desk, own) == [("5.50", "2025-01-20", None)]
    assert await charges_of(desk, ended) == [("6.00", "2025-01-20", "2025-03-31")]
    events = (await outbox())[before:]
    assert [(each["type"], each["payload"]["feature_id"], each["payload"]["version"]) for each in events] == [
        ("feature.updated", many["feature_id"], 2),
        ("feature.updated", single["feature_id"], 2),
    ]
    assert {charge["quantity"] for charge in events[0]["payload"]["charges"]} == {"12"}
    audit = (await desk.get(f"/customers/{one['customer_id']}/audit")).json()["items"]
    assert (audit[-1]["entity"], audit[-1]["field"], audit[-1]["actor"]) == ("feature", "charges", "ann")


async def test_an_increase_that_is_asked_for_twice_is_made_once(
    desk: AsyncClient, add_customer: Any, outbox: Any
) -> None:
    """C12: also when both come at once, and when the first is done already."""
    feature = await give(desk, await add_customer())
    token = (await preview(desk))["token"]
    answers = await asyncio.gather(*(ask(desk, token) for _ in range(4)))
    await work()
    answers.append(await ask(desk, token))
    await work()
    assert len({answer["increase_id"] for answer in answers}) == 1
    assert len((await desk.get("/increases")).json()["items"]) == 1
    assert [amount for amount, _, _ in await charges_of(desk, feature)] == ["6.00", "6.30"]
    assert len(await outbox("feature.updated")) == 1
    assert len((await desk.get(PRICES)).json()["items"]) == 2


@pytest.mark.parametrize("meanwhile", ["a customer", "a price", "other terms", "an increase"])
async def test_what_is_no_longer_what_was_previewed_is_refused(
    desk: AsyncClient, add_customer: Any, meanwhile: str
) -> None:
    """C12: the token stands for prices, customers and terms."""
    token, terms = (await preview(desk))["token"], dict(ASKED)
    if meanwhile == "a customer":
        await give(desk, await add_customer())
    elif meanwhile == "a price":
        await desk.post(PRICES, json={"valid_from": "2025-03-20", "charges": [seat("7.00")]})
    elif meanwhile == "other terms":
        terms["percentage"] = "50"
    else:
        other = {"effective_from": "2025-06-01", "also_existing": False}
        await ask(desk, (await preview(desk, **other))["token"], **other)
    answer = await desk.post("/increases", json={**terms, "token": token})
    assert answer.status_code == 412, answer.text
    assert "preview it again" in answer.json()["detail"]


async def test_features_that_are_added_before_the_day_are_raised_on_the_day(
    desk: AsyncClient, add_customer: Any, outbox: Any
) -> None:
    """C12: what was changed once is never changed by the same increase again, whatever its price is then."""
    customer = await add_customer()
    first = await give(desk, customer)
    made = await ask(desk, (await preview(desk))["token"])
    await work()
    late = await give(desk, customer, start="2025-03-15")
    later = await give(desk, customer, start="2025-05-01")
    assert [each["charges"][0]["amount"] for each in (late, later)] == ["6.00", "6.30"]
    clock.freeze(datetime(2025, 4, 1, 9, tzinfo=UTC))
    await work()
    assert [amount for amount, _, _ in await charges_of(desk, first)] == ["6.00", "6.30"]
    assert await charges_of(desk, late) == [("6.00", "2025-03-15", "2025-03-31"), ("6.30", "2025-04-01", None)]
    assert await charges_of(desk, later) == [("6.30", "2025-05-01", None)]
    assert len(await outbox("feature.updated")) == 2
    assert (await desk.get(f"/increases/{made['increase_id']}")).json()["state"] == "applied"
    assert not await step()


async def test_an_increase_can_be_cancelled_until_it_did_something(desk: AsyncClient, add_customer: Any) -> None:
    """C12"""
    plain = {"also_existing": False}
    made = await ask(desk, (await preview(desk, **plain))["token"], **plain)
    assert made["state"] == "scheduled"
    assert (await desk.delete(f"{PRICES}/2025-04-01")).status_code == 409
    body = {"valid_from": "2025-04-01", "charges": [seat("9.00")]}
    assert (await desk.post(PRICES, json=body)).status_code == 422
    for _ in range(2):
        cancelled = await desk.post(f"/increases/{made['increase_id']}/cancel")
        assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert len((await desk.get(PRICES)).json()["items"]) == 1

    await give(desk, await add_customer())
    made = await ask(desk, (await preview(desk))["token"])
    await work()
    refused = await desk.post(f"/increases/{made['increase_id']}/cancel")
    assert refused.status_code == 409
    assert "1 charges" in refused.json()["detail"]
    assert (await desk.post("/increases/999/cancel")).status_code == 404


async def test_a_price_that_begins_later_is_warned_of(desk: AsyncClient) -> None:
    """C12"""
    await desk.post(PRICES, json={"valid_from": "2025-06-01", "charges": [seat("8.00")]})
    (warning,) = (await preview(desk))["warnings"]
    assert "seat has a price from 2025-06-01" in warning
    assert "in the past" in (await preview(desk, effective_from="2025-02-01"))["warnings"][0]
    taken = await desk.post("/increases", json={**ASKED, "dry_run": True, "effective_from": "2025-06-01"})
    assert taken.status_code == 422


@pytest.mark.parametrize(
    "place", ["customers.increase.changed", pytest.param("customers.increase.committed", marks=pytest.mark.faults)]
)
async def test_an_increase_killed_between_groups_goes_on_where_it_was(
    desk: AsyncClient, outbox: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    """C12: every customer is changed, each once."""
    count = 2 * CUSTOMERS_TOGETHER + 5
    row = {"name": "Fenwick Tiles", "features": [{"code": "seat", "start": "2025-01-20"}]}
    lines = "\n".join(json.dumps(row) for _ in range(count))
    assert (await desk.post("/imports/customers", content=lines)).status_code == 200
    made = await ask(desk, (await preview(desk))["token"])
    monkeypatch.setenv("FARTHING_CRASH_POINTS", f"{place}=1")
    for _ in range(2):
        assert await asyncio.to_thread(_work_in_a_process, tmp_path / "log") == -signal.SIGKILL
    expected = 0 if place.endswith("changed") else 2 * CUSTOMERS_TOGETHER
    assert await _changed() == expected
    monkeypatch.delenv("FARTHING_CRASH_POINTS")
    await work()
    done = (await desk.get(f"/increases/{made['increase_id']}")).json()
    assert (done["state"], done["charges"]) == ("scheduled", count)
    told = [each["aggregateid"] for each in await outbox("feature.updated")]
    assert len(told) == len(set(told)) == count
    assert await _changed() == count


async def _changed() -> int:
    async with reading() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM charge WHERE amount = 6.30")) or 0)


def _work_in_a_process(log: Path) -> int:
    """Play the role until the process dies. Returns its exit code, that of a signal negative."""
    with log.open("wb") as output:
        command = [sys.executable, "-m", "customers", "--roles", "prices"]
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            return process.wait(120)
        finally:
            process.kill()
            process.wait()
