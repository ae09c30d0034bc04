"""Delete: marked for thirty days, then erased with all that tells of it (SPEC C17, Z24)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from httpx import ASGITransport, AsyncClient
from sqlalchemy import text
from tests.customers.integration.courses import NUMBERS, RENTAL, Desk

from contracts.billing import AccountBalanceChanged
from contracts.erasures import ErasureConfirmed
from contracts.topics import BILLING, ERASURES
from customers.main import app
from customers.service.accounts import take_in
from customers.service.erasing import take_in_confirmed
from customers.store.increases import next_customers
from customers.worker import lifecycle_step
from service_kit import clock
from service_kit.database import reading
from service_kit.kafka import Received
from service_kit.tokens import generate_issuer, issue_token

MARKED_ON = datetime(2025, 2, 10, 9, tzinfo=UTC)


@pytest.fixture
def desk(api: AsyncClient) -> Desk:
    clock.freeze(MARKED_ON)
    return Desk(api)


async def _dropped(desk: Desk, **fields: Any) -> int:
    customer = await desk.customer(**fields)
    await desk.act(customer, "drop", drop_date="2025-01-31")
    return customer


async def _erased_after_thirty_days() -> None:
    clock.freeze(MARKED_ON + timedelta(days=29))
    assert not await lifecycle_step()
    clock.freeze(MARKED_ON + timedelta(days=30))
    while await lifecycle_step():
        pass


async def test_only_a_dropped_customer_is_marked_and_the_mark_can_be_taken_back(desk: Desk, outbox: Any) -> None:
    """C17"""
    customer = await desk.customer()
    assert (await desk.refused("POST", f"/customers/{customer}/deletion", {}))["type"].endswith("customer-not-dropped")
    await desk.act(customer, "drop", drop_date="2025-01-31")
    marked = await desk.act(customer, "deletion", reason="asked for it")
    again = await desk.act(customer, "deletion")
    assert marked["deletion_due"] == again["deletion_due"] == "2025-03-12"
    assert marked["version"] == again["version"]
    back = await desk.withdraw(customer, "deletion")
    assert (back["deletion_due"], back["status"]) == (None, "dropped")
    told = await outbox("customer.deletion_requested", "customer.deletion_cancelled")
    assert [row["payload"]["deletion_due"] for row in told] == ["2025-03-12", None]
    assert (await desk.refused("DELETE", f"/customers/{customer}/deletion"))["type"].endswith("customer-not-marked")
    clock.freeze(MARKED_ON + timedelta(days=60))
    assert not await lifecycle_step()


async def test_a_marked_customer_can_be_seen_and_un_marked_and_nothing_else(desk: Desk) -> None:
    """Z24"""
    customer, other = await desk.customer(), await desk.customer(name="Brightwater Tiles")
    number, feature = await desk.number(customer, charges=[RENTAL]), await desk.feature(customer)
    elsewhere = await desk.number(other, NUMBERS[1])
    charge = (await desk.get(f"/numbers/{number}/charges"))["items"][0]["charge_id"]
    await desk.act(customer, "drop", drop_date="2025-01-31")
    await desk.act(customer, "deletion")
    mine = f"/customers/{customer}"
    new = {"number": NUMBERS[2], "call_plan": "standard", "start": "2025-01-01", "end": "2025-01-10"}
    for method, path, body in (
        ("POST", f"{mine}/reinstate", {"reinstate_date": "2025-02-01"}),
        ("POST", f"{mine}/final-bill", {"final_bill_date": "2025-02-01"}),
        ("DELETE", f"{mine}/final-bill", None),
        ("POST", f"{mine}/drop", {"drop_date": "2025-02-01"}),
        ("POST", f"{mine}/status", {"status": "active"}),
        ("POST", f"{mine}/numbers", new),
        ("POST", f"{mine}/features", {"description": "x", "start": "2025-01-01", "end": "2025-01-10"}),
        ("POST", f"/numbers/{number}/end", {"on": "2025-01-15"}),
        ("DELETE", f"/numbers/{number}", None),
        ("POST", f"/numbers/{number}/charges", {**RENTAL, "start": "2025-01-01"}),
        ("POST", f"/charges/{charge}/cancel", {"from": "2025-01-10"}),
        ("POST", f"/features/{feature}/end", {"on": "2025-01-15"}),
        ("POST", f"/numbers/{elsewhere}/move", {"customer_id": customer, "on": "2025-01-05"}),
    ):
        problem = await desk.refused(method, path, body)
        assert problem["type"].endswith("customer-marked"), path
        assert f"DELETE {mine}/deletion" in problem["detail"]
    edited = await desk.api.put(mine, json={"notes": "x"}, headers={"If-Match": "*"})
    assert edited.status_code == 409
    row = f"customer_id,number,call_plan,start,end\n{customer},{NUMBERS[2]},standard,2025-01-01,2025-01-10\n"
    report = await desk.api.post("/imports/numbers", content=row, headers={"Content-Type": "text/csv"})
    assert "customer-marked" in report.text
    assert (await desk.get(mine))["deletion_due"] == "2025-03-12"


async def test_a_customer_to_be_reinstated_is_not_marked(desk: Desk) -> None:
    customer = await _dropped(desk)
    await desk.act(customer, "reinstate", reinstate_date="2025-03-01")
    problem = await desk.refused("POST", f"/customers/{customer}/deletion", {})
    assert problem["type"].endswith("reinstatement-planned")


async def test_an_increase_passes_over_a_marked_customer(desk: Desk) -> None:
    """C12, Z24"""
    customer = await desk.customer()
    await desk.feature(customer, code="broadband", description="")
    await desk.act(customer, "drop", drop_date="2025-01-31")
    async with reading() as connection:
        assert await next_customers(connection, ["broadband"], after=0, limit=10) == [customer]
    await desk.act(customer, "deletion")
    async with reading() as connection:
        assert await next_customers(connection, ["broadband"], after=0, limit=10) == []


async def test_only_the_data_protection_permission_marks(desk: Desk, monkeypatch: Any, tmp_path: Any) -> None:
    """C17"""
    customer = await _dropped(desk)
    issuer = generate_issuer(tmp_path / "another")
    monkeypatch.setenv("FARTHING_JWKS", str(issuer.jwks))
    headers = {"Authorization": f"Bearer {issue_token(issuer.private_key, ('customers:write',), 'bob')}"}
    async with AsyncClient(transport=ASGITransport(app()), base_url="http://customers", headers=headers) as bob:
        assert (await bob.post(f"/customers/{customer}/deletion", json={})).status_code == 403
        assert (await bob.delete(f"/customers/{customer}/deletion")).status_code == 403


async def test_after_thirty_days_nothing_here_tells_of_it(desk: Desk, outbox: Any) -> None:
    """C17: names, numbers, audit values, answers that were kept, sent events, words that nobody else has."""
    made = await desk.api.post(
        "/customers",
        json={"name": "Quixley Vantongeren", "account_number": "QV-77", "emails": ["quixley@example.com"]},
        headers={"Idempotency-Key": "quixley-1"},
    )
    customer = made.json()["customer_id"]
    url = f"/customers/{customer}"
    await desk.api.put(url, json={"company_name": "Zorbel Fenwick"}, headers={"If-Match": "*"})
    await desk.api.put(url, json={"company_name": "Marrowby Tiles"}, headers={"If-Match": "*"})
    number = await desk.number(customer, number="07700 900321", label="Quixley's own")
    gone = await desk.number(customer, number="07700 900322")
    await desk.api.delete(f"/numbers/{gone}")
    other = await desk.customer(name="Fenwick Tiles")
    await desk.number(other, number="07700 900323")
    balance = AccountBalanceChanged(customer_id=customer, version=1, balance=Decimal("12.00"))
    await take_in([_received(balance, BILLING)])
    await desk.act(customer, "final-bill", final_bill_date="2025-01-20", reason="Quixley moved")
    await desk.act(customer, "drop", drop_date="2025-01-31")
    await desk.act(customer, "deletion", reason="Quixley asked")
    assert await _mentions("quixley", "zorbel", "marrowby", "900321", "900322", "qv-77")
    await _erased_after_thirty_days()
    assert await _mentions("quixley", "zorbel", "marrowby", "900321", "900322", "qv-77") == {}
    assert await _rows_of(customer) == {"outbox", "erasure"}
    assert (await desk.api.get(url)).status_code == 404
    assert set(await _mentions("fenwick", "900323")) >= {"customer", "search_word", "number"}
    rows = [row for row in await outbox() if row["partition_key"] == str(customer)]
    [erased] = [row for row in rows if row["type"] == "customer.erased"]
    assert (erased["aggregateid"], set(erased["payload"])) == (
        f"{customer}/customer/{customer}",
        {"customer_id", "version", "erased_at"},
    )
    tombstones = {row["aggregateid"] for row in rows if row["payload"] is None}
    assert {f"{customer}/number/{number}", f"{customer}/number/{gone}"} <= tombstones
    assert {key.split("/")[1] for key in tombstones} == {"number", "feature", "assignment"}
    assert len(tombstones) == 6
    assert [row["payload"]["service"] for row in rows if row["type"] == "erasure.confirmed"] == ["customers"]


async def test_account_numbers_of_the_erased_are_never_used_again(desk: Desk) -> None:
    """C2, C17: given by hand in whatever case, or made by the system."""
    customer = await _dropped(desk, account_number="F000002")
    await desk.act(customer, "deletion")
    await _erased_after_thirty_days()
    for body in ({"name": "Reed", "account_number": "f000002"},):
        answer = await desk.api.post("/customers", json=body)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:farthing:problem:account-number-taken")
    made = [(await desk.get(f"/customers/{await desk.customer()}"))["account_number"] for _ in range(2)]
    assert made == ["F000001", "F000003"]
    one = (await desk.get("/customers?account_number=F000001"))["items"][0]["customer_id"]
    changed = await desk.api.put(f"/customers/{one}", json={"account_number": "F000002"}, headers={"If-Match": "*"})
    assert changed.status_code == 409
    looked = await desk.api.post(
        "/imports/customers?dry_run=true",
        content='{"name": "Reed", "account_number": "F000002"}',
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert "account-number-taken" in looked.text


async def test_the_record_says_who_has_confirmed_and_names_nobody(desk: Desk) -> None:
    """C17"""
    customer = await _dropped(desk)
    await desk.act(customer, "deletion")
    await _erased_after_thirty_days()
    for service in ("customers", "rating", "rating"):
        event = ErasureConfirmed(customer_id=customer, service=service, confirmed_at=clock.now())
        await take_in_confirmed([_received(event, ERASURES)])
    [record] = (await desk.get("/erasures"))["items"]
    assert record == {
        "customer_id": customer,
        "erased_at": "2025-03-12T09:00:00Z",
        "confirmed": {"customers": "2025-03-12T09:00:00Z", "rating": "2025-03-12T09:00:00Z"},
        "waiting_for": ["invoicing", "notifications"],
    }
    assert (await desk.get(f"/erasures?customer_id={customer + 1}"))["items"] == []


async def test_what_is_told_of_the_erased_later_is_dropped(desk: Desk) -> None:
    """C17: a balance that was on its way"""
    customer = await _dropped(desk)
    await desk.act(customer, "deletion")
    await _erased_after_thirty_days()
    balance = AccountBalanceChanged(customer_id=customer, version=9, balance=Decimal("12.00"))
    await take_in([_received(balance, BILLING)])
    assert "account" not in await _rows_of(customer)


def _received(event: Any, topic: str) -> Received:
    return Received(uuid4(), event.event_type, topic, 0, 0, event)


async def _tables() -> list[str]:
    async with reading() as connection:
        found = await connection.execute(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        )
        return [name for name in found.scalars() if name != "alembic_version"]


async def _mentions(*words: str) -> dict[str, int]:
    """The tables that have one of these words anywhere, and how many rows."""
    found = {}
    for table in await _tables():
        plain = f"SELECT count(*) FROM {table} AS t WHERE t::text ~* :words"
        if table == "request_key":
            plain = f"SELECT count(*) FROM {table} WHERE convert_from(body, 'UTF8') ~* :words"
        async with reading() as connection:
            count = await connection.scalar(text(plain), {"words": "|".join(words)})
        if count:
            found[table] = count
    return found


async def _rows_of(customer: int) -> set[str]:
    """The tables that have rows with a customer's id, but for its confirmations."""
    found = set()
    for table in await _tables():
        column = "partition_key" if table == "outbox" else "customer_id"
        async with reading() as connection:
            has = text(
                "SELECT count(*) FROM information_schema.columns WHERE table_name = :name AND column_name = :column"
            )
            if not await connection.scalar(has, {"name": table, "column": column}):
                continue
            value = str(customer) if table == "outbox" else customer
            rows = text(f"SELECT count(*) FROM {table} WHERE {column} = :value")
            if await connection.scalar(rows, {"value": value}):
                found.add(table)
    return found
