"""Numbers with their call plans, and features."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from tests.customers.integration.waiting import until

from customers.domain import uk
from customers.domain.numbers import NumberOrder, new_line
from customers.domain.reference import Book
from customers.store.numbers import insert_lines
from customers.store.rows import take_ids
from service_kit.database import Database, Transaction, reading, transaction

NUMBER = {"number": "020 7946 0123", "call_plan": "standard", "start": "2025-01-01"}


async def add(api: AsyncClient, customer: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await api.post(f"/customers/{customer['customer_id']}/numbers", json={**NUMBER, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_number_is_added_with_its_call_plan_and_active_period(
    api: AsyncClient, add_customer: Any, outbox: Any
) -> None:
    """C9, R3"""
    customer = await add_customer()
    charge = {"kind": "recurring", "description": "Voicemail", "amount": "1.333333", "frequency_months": 1}
    agreed = {"amount": "12.00", "frequency_months": 3, "in_advance": False}
    made = await add(api, customer, number_type="sip", charges=[charge], call_plan_charge=agreed, label="Reception")
    assert made["number"]["number"] == made["assignment"]["number"] == "+442079460123"
    assert made["number"]["charges"][0]["amount"] == "1.333333"
    assert made["call_plan"]["charges"][0]["frequency_months"] == 3
    assert made["assignment"]["number_id"] == made["call_plan"]["number_id"] == made["number"]["number_id"]
    listed = (await api.get(f"/customers/{customer['customer_id']}/numbers")).json()["items"]
    assert listed == [made]
    rows = await outbox("number.created", "feature.created", "assignment.created")
    assert [row["payload"] for row in rows] == [made["number"], made["call_plan"], made["assignment"]]
    assert {row["partition_key"] for row in rows} == {str(customer["customer_id"])}


async def test_a_number_held_by_another_names_the_holder_and_the_days(api: AsyncClient, add_customer: Any) -> None:
    """C9: a number is active for at most one customer on any day; an overlap is a clear error."""
    holder, other = await add_customer(name="Fenwick Tiles"), await add_customer()
    await add(api, holder, end="2025-03-31")
    answer = await api.post(f"/customers/{other['customer_id']}/numbers", json={**NUMBER, "start": "2025-03-31"})
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"].endswith("number-taken")
    assert (problem["customer_id"], problem["start"], problem["end"]) == (
        holder["customer_id"],
        "2025-01-01",
        "2025-03-31",
    )
    assert "Fenwick Tiles" in problem["detail"]
    await add(api, other, start="2025-04-01")


async def test_of_two_that_add_a_number_at_the_same_time_one_is_told_who_has_it(
    api: AsyncClient, add_customer: Any, outbox: Any
) -> None:
    """C9: impossible in the database, whatever the order of things."""
    customers = [await add_customer() for _ in range(6)]
    answers = await asyncio.gather(
        *(api.post(f"/customers/{each['customer_id']}/numbers", json=NUMBER) for each in customers)
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    winner = next(answer.json()["number"]["customer_id"] for answer in answers if answer.status_code == 201)
    assert {answer.json()["customer_id"] for answer in answers if answer.status_code == 409} == {winner}
    assert len(await outbox("assignment.created")) == 1


async def test_who_loses_a_deadlock_over_a_number_is_told_who_has_it(
    api: AsyncClient, add_customer: Any, database: Database
) -> None:
    """C9: two that wait for each other over one number; Postgres ends one, which then finds the other's number."""
    holder, other = await add_customer(name="Fenwick Tiles"), await add_customer()
    async with transaction() as tx:
        await _hold(tx, holder["customer_id"], "2025-01-01", "2025-01-31")
        url = f"/customers/{other['customer_id']}/numbers"
        adding = asyncio.create_task(api.post(url, json={**NUMBER, "start": "2025-01-15"}))
        await until(lambda: _somebody_waits())
        await _hold(tx, holder["customer_id"], "2025-06-01", "2025-06-30")
    answer = await adding
    assert (answer.status_code, answer.json()["customer_id"]) == (409, holder["customer_id"])


async def _hold(tx: Transaction, customer_id: int, start: str, end: str) -> None:
    ids = iter(await take_ids(tx.connection, 3))
    days = (date.fromisoformat(start), date.fromisoformat(end))
    order = NumberOrder("+442079460123", "standard", *days, number_type="sip")
    await insert_lines(tx.connection, [new_line(order, customer_id, Book(uk.defaults()), ids)])


async def _somebody_waits() -> bool:
    async with reading() as connection:
        return bool(await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


async def test_the_database_itself_refuses_an_overlap(api: AsyncClient, add_customer: Any) -> None:
    """C9"""
    await add(api, await add_customer(), end="2025-03-31")
    again = text(
        """
        INSERT INTO assignment (assignment_id, customer_id, version, number_id, feature_id, number, call_plan, start)
        SELECT 999999, customer_id, 1, number_id, feature_id, number, call_plan, CAST(:start AS date) FROM assignment
        """
    )
    with pytest.raises(IntegrityError, match="assignment_number_period"):
        async with transaction() as tx:
            await tx.connection.execute(again, {"start": "2025-03-31"})
    async with transaction() as tx:
        await tx.connection.execute(again, {"start": "2025-04-01"})


async def test_ending_a_number_ends_its_call_plan_and_frees_it(
    api: AsyncClient, add_customer: Any, outbox: Any
) -> None:
    """C9"""
    first, second = await add_customer(), await add_customer()
    charge = {"kind": "recurring", "description": "Voicemail", "amount": "1.50", "frequency_months": 1}
    made = await add(api, first, charges=[charge])
    url = f"/numbers/{made['number']['number_id']}"
    ended = (await api.patch(url, json={"end": "2025-02-28"}, headers={"If-Match": '"1"'})).json()
    parts = [ended[part] for part in ("number", "call_plan", "assignment")]
    assert [(part["end"], part["version"]) for part in parts] == [("2025-02-28", 2)] * 3
    assert ended["number"]["charges"][0]["end"] == "2025-02-28"
    assert (await api.get(url)).json() == ended
    assert len(await outbox("number.updated", "feature.updated", "assignment.updated")) == 3
    await add(api, second, start="2025-03-01")
    reopened = await api.patch(url, json={"end": None})
    assert (reopened.status_code, reopened.json()["customer_id"]) == (409, second["customer_id"])
    assert (await api.get(url)).json() == ended


async def test_a_number_changes_only_where_it_was_seen(api: AsyncClient, add_customer: Any, outbox: Any) -> None:
    """C20, C10"""
    made = await add(api, await add_customer())
    url = f"/numbers/{made['number']['number_id']}"
    changed = await api.patch(url, json={"tariff": "uk-home", "number_type": "sip"}, headers={"If-Match": '"1"'})
    assert (changed.json()["number"]["version"], changed.json()["assignment"]["version"]) == (2, 1)
    assert changed.json()["number"]["rating"]["tariff"] == "uk-home"
    assert (await api.patch(url, json={"label": "x"}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await api.patch(url, json={"number_type": "odd"})).status_code == 422
    assert (await api.patch(url, json={"end": "2024-12-31"})).status_code == 422
    assert [row["type"] for row in await outbox("number.updated", "feature.updated")] == ["number.updated"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"number": "ring me"}, "number"),
        ({"call_plan": "gold"}, "call_plan"),
        ({"number_type": "gold"}, "number_type"),
        ({"end": "2024-12-31"}, "end"),
        ({"charges": [{"kind": "recurring", "description": "x", "amount": "1.00"}]}, "charges.0.frequency_months"),
        ({"charges": [{"kind": "one_off", "description": "x", "amount": 1.5}]}, "charges.0.amount"),
        ({"unknown": 1}, "unknown"),
    ],
)
async def test_what_is_wrong_with_a_number_is_said(
    api: AsyncClient, add_customer: Any, wrong: dict[str, Any], field: str
) -> None:
    customer = await add_customer()
    answer = await api.post(f"/customers/{customer['customer_id']}/numbers", json={**NUMBER, **wrong})
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json()["errors"]]


async def test_a_call_plan_and_a_feature_take_their_charges_from_the_price_list(
    api: AsyncClient, add_customer: Any
) -> None:
    """C9"""
    plan = {"name": "Plus", "call_plan": {"charge": {"amount": "9.50"}}}
    seat_charge = {"kind": "recurring", "description": "Seat", "amount": "6.00", "frequency_months": 1}
    seat = {"name": "Seat", "standard_feature": {"charges": [seat_charge]}}
    assert (await api.put("/reference/call_plans/plus", json=plan)).status_code == 200
    assert (await api.put("/reference/standard_features/seat", json=seat)).status_code == 200
    customer = await add_customer()
    made = await add(api, customer, call_plan="plus")
    assert made["call_plan"]["charges"][0]["amount"] == "9.50"
    body = {"code": "seat", "start": "2025-01-01", "number_id": made["number"]["number_id"]}
    feature = (await api.post(f"/customers/{customer['customer_id']}/features", json=body)).json()
    assert (feature["description"], feature["charges"][0]["amount"]) == ("Seat", "6.00")
    features = (await api.get(f"/customers/{customer['customer_id']}/features")).json()["items"]
    assert [each["kind"] for each in features] == ["call_plan", "feature"]


async def test_a_feature_cannot_hang_on_another_customers_number(api: AsyncClient, add_customer: Any) -> None:
    made = await add(api, await add_customer())
    other = await add_customer()
    body = {"description": "Care", "start": "2025-01-01", "number_id": made["number"]["number_id"]}
    answer = await api.post(f"/customers/{other['customer_id']}/features", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "number_id")


async def test_there_is_no_such_number(api: AsyncClient) -> None:
    assert (await api.get("/numbers/999")).status_code == 404
    assert (await api.patch("/numbers/999", json={"label": "x"})).status_code == 404
    assert (await api.post("/customers/999/numbers", json=NUMBER)).status_code == 404
