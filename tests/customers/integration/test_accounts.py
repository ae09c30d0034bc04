"""What other services tell of accounts: kept once, the newest of it, whoever it is about."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient
from sqlalchemy import text
from tests.customers.integration.waiting import until
from tests.support.platform import unique

from contracts import billing
from contracts.base import Event
from contracts.closing import UsageUnbilled
from contracts.topics import BILLING, USAGE_CLOSING
from customers.consumers import ACCOUNT_EVENTS
from customers.service.accounts import revalue_next, take_in
from customers.worker import step
from service_kit import clock
from service_kit.database import Database, reading
from service_kit.kafka import Received, Subscriptions, make_producer
from service_kit.kafka.records import cloud_headers

Json = dict[str, Any]


def received(event: Event) -> Received:
    return Received(uuid4(), event.event_type, event.topic, 0, 0, event)


def balance(customer_id: int, version: int, amount: str, **more: Any) -> Received:
    return received(
        billing.AccountBalanceChanged(customer_id=customer_id, version=version, balance=Decimal(amount), **more)
    )


def usage(customer_id: int, version: int, net: str, calls: int = 3) -> Received:
    at = datetime(2025, 3, 10, 9, 0, tzinfo=UTC)
    return received(
        UsageUnbilled(customer_id=customer_id, version=version, as_of=at, calls=calls, net_exact=Decimal(net))
    )


def invoice(kind: type[billing.InvoiceState], customer_id: int, invoice_id: int, version: int, **more: Any) -> Received:
    day = more.pop("invoice_date", date(2025, 3, 1))
    values = {
        "invoice_id": invoice_id,
        "version": version,
        "customer_id": customer_id,
        "status": "draft",
        "bill_to": day,
        "invoice_date": day,
        "tax_point": day,
        "net": Decimal("100.00"),
        "vat": Decimal("20.00"),
        "gross": Decimal("120.00"),
        "vat_lines": (),
    }
    return received(kind(**{**values, **more}))


def payment(kind: type[billing.PaymentState], customer_id: int, payment_id: int, version: int, day: date) -> Received:
    return received(
        kind(customer_id=customer_id, payment_id=payment_id, version=version, amount=Decimal("50.00"), received_on=day)
    )


async def rows(table: str, customer_id: int) -> list[Json]:
    async with reading() as connection:
        found = await connection.execute(text(f"SELECT * FROM {table} WHERE customer_id = :id"), {"id": customer_id})
        return [dict(row) for row in found.mappings()]


async def account_of(customer_id: int) -> Json:
    [row] = await rows("account", customer_id)
    return row


@pytest.fixture
async def customer_id(add_customer: Any) -> int:
    """A customer with a limit of 200.00 that pays 20 % VAT."""
    clock.freeze(datetime(2025, 3, 10, 9, tzinfo=UTC))
    return int((await add_customer(credit_limit="200.00", vat_rate="standard"))["customer_id"])


async def test_figures_come_together_with_the_vat_of_the_customer(customer_id: int) -> None:
    """C13, Z23: 90.00 owed, usage of 58.3375 at 20 % is 70.005, rounded once 70.01: 160.01 of 200.00 is 80.005 %."""
    before = await account_of(customer_id)
    assert (before["balance"], before["unbilled_usage"], before["exposure"]) == (None, None, None)
    await take_in([balance(customer_id, 1, "90.00"), usage(customer_id, 1, "58.3375")])
    found = await account_of(customer_id)
    assert found["unbilled_usage"] == Decimal("70.01")
    assert found["exposure"] == Decimal("160.01")
    assert found["headroom"] == Decimal("39.99")
    assert found["used_percent"] == Decimal("80.005")


async def test_an_event_that_comes_twice_or_late_changes_nothing(customer_id: int) -> None:
    old, new = balance(customer_id, 4, "40.00", unbilled_charges=Decimal("6.00")), balance(customer_id, 5, "55.00")
    await take_in([new])
    await take_in([old])
    await take_in([new, old])
    found = await account_of(customer_id)
    assert (found["balance"], found["balance_version"], found["unbilled_charges"]) == (Decimal("55.00"), 5, None)
    await take_in([usage(customer_id, 9, "2")])
    await take_in([usage(customer_id, 8, "1")])
    assert (await account_of(customer_id))["unbilled_net"] == Decimal("2")


async def test_whatever_the_order_in_which_events_come_the_newest_stands(customer_id: int) -> None:
    """Thirty events in ten orders, some of them again, in batches of any size."""
    events = [
        each for at in range(1, 11) for each in (balance(customer_id, at, f"{at}.00"), usage(customer_id, at, "1"))
    ]
    events += [invoice(billing.InvoiceUpdated, customer_id, 77, at, net=Decimal(f"{at}.00")) for at in range(1, 11)]
    for seed in range(10):
        shuffled = random.Random(seed).sample(events * 2, 2 * len(events))
        while shuffled:
            size = random.Random(seed + len(shuffled)).randint(1, 8)
            batch = {each.id: each for each in shuffled[:size]}
            await take_in(list(batch.values()))
            shuffled = shuffled[size:]
    found = await account_of(customer_id)
    assert (found["balance"], found["unbilled_version"]) == (Decimal("10.00"), 10)
    [known] = await rows("known_invoice", customer_id)
    assert (known["version"], known["net"]) == (10, Decimal("10.00"))


async def test_what_is_told_of_a_customer_that_is_not_known_is_kept_for_when_it_is(database: Database) -> None:
    await take_in(
        [balance(4_000_000, 1, "12.00"), usage(4_000_000, 1, "10"), invoice(billing.InvoiceCreated, 4_000_000, 1, 1)]
    )
    found = await account_of(4_000_000)
    assert (found["balance"], found["unbilled_net"]) == (Decimal("12.00"), Decimal(10))
    assert (found["unbilled_usage"], found["exposure"]) == (None, Decimal("12.00"))
    assert len(await rows("known_invoice", 4_000_000)) == 1


async def test_the_customers_own_terms_follow_each_change_of_it(api: AsyncClient, customer_id: int) -> None:
    """C13, C7: another limit and another VAT rate count at once."""
    await take_in([balance(customer_id, 1, "0.00"), usage(customer_id, 1, "100")])
    changes = {"credit_limit": "110.00", "vat_rate": "zero"}
    answer = await api.put(f"/customers/{customer_id}", json=changes, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text
    found = await account_of(customer_id)
    assert (found["unbilled_usage"], found["headroom"]) == (Decimal("100.00"), Decimal("10.00"))
    answer = await api.put(f"/customers/{customer_id}", json={"credit_limit": None}, headers={"If-Match": "*"})
    found = await account_of(customer_id)
    assert (found["credit_limit"], found["headroom"]) == (None, Decimal("Infinity"))


async def test_another_percentage_of_vat_counts_from_its_day(api: AsyncClient, customer_id: int) -> None:
    """C7, Z13: the role `prices` brings it to every account, and does nothing when all have it."""
    await take_in([usage(customer_id, 1, "100")])
    assert not await revalue_next()
    periods = [
        {"percent": "20", "valid_from": "2011-01-04", "valid_to": "2025-03-31"},
        {"percent": "22.5", "valid_from": "2025-04-01"},
    ]
    body = {"name": "Standard", "vat_rate": {"treatment": "standard", "periods": periods}}
    version = (await api.get("/reference/vat_rates")).json()["items"]
    put = await api.put("/reference/vat_rates/standard", json=body, headers={"If-Match": "*"})
    assert put.status_code == 200, (put.text, version)
    assert not await revalue_next()
    clock.freeze(datetime(2025, 4, 1, 9, tzinfo=UTC))
    while await step():
        pass
    assert (await account_of(customer_id))["unbilled_usage"] == Decimal("122.50")
    assert not await revalue_next()


async def test_the_latest_twelve_invoices_are_kept_by_date(customer_id: int) -> None:
    days = [date(2024, month, 1) for month in range(1, 13)] + [date(2025, month, 1) for month in range(1, 4)]
    events = [
        invoice(
            billing.InvoiceApproved, customer_id, 100 + at, 2, number=f"INV{at:03}", status="approved", invoice_date=day
        )
        for at, day in enumerate(days)
    ]
    await take_in(events[5:])
    await take_in(events[:5])
    kept = sorted(row["invoice_date"] for row in await rows("known_invoice", customer_id))
    assert kept == days[3:]


async def test_an_invoice_goes_through_its_states_and_keeps_where_its_document_is(customer_id: int) -> None:
    await take_in([invoice(billing.InvoiceCreated, customer_id, 5, 1)])
    await take_in([invoice(billing.InvoiceApproved, customer_id, 5, 2, number="INV5", status="approved")])
    sent = {
        "request_id": 1,
        "recipients": (),
        "customer_name": "Brightwater Tiles",
        "account_number": "F000001",
        "bill_style": {
            "supplier_name": "Example Telecom",
            "supplier_address": {},
            "supplier_vat_number": "GB999999973",
            "brand": "Example",
            "email_from": "bills@example.com",
        },
        "document_url": "http://invoicing/documents/abc",
        "document_sha256": "0" * 64,
        "document_name": "INV5.pdf",
    }
    await take_in([invoice(billing.InvoiceSent, customer_id, 5, 3, number="INV5", status="sent", **sent)])
    await take_in([invoice(billing.InvoiceUpdated, customer_id, 5, 4, number="INV5", status="paid")])
    [known] = await rows("known_invoice", customer_id)
    assert (known["status"], known["number"]) == ("paid", "INV5")
    assert (known["document_url"], known["document_name"]) == ("http://invoicing/documents/abc", "INV5.pdf")


async def test_a_removed_draft_does_not_come_back_with_an_older_event(customer_id: int) -> None:
    await take_in([invoice(billing.InvoiceRemoved, customer_id, 5, 2, status="removed")])
    await take_in([invoice(billing.InvoiceCreated, customer_id, 5, 1)])
    [known] = await rows("known_invoice", customer_id)
    assert known["status"] == "removed"


async def test_a_payment_that_is_taken_back_says_so(customer_id: int) -> None:
    day = date(2025, 3, 3)
    await take_in([payment(billing.PaymentReceived, customer_id, 1, 1, day)])
    await take_in([payment(billing.PaymentReversed, customer_id, 1, 2, day)])
    later = [payment(billing.PaymentReceived, customer_id, at, 1, date(2025, 3, 3 + at)) for at in range(2, 15)]
    await take_in(later[:1])
    states = {row["payment_id"]: row["state"] for row in await rows("known_payment", customer_id)}
    assert states == {1: "reversed", 2: "received"}
    await take_in(later[1:])
    assert sorted(row["payment_id"] for row in await rows("known_payment", customer_id)) == list(range(3, 15))


async def test_many_at_once_of_the_same_customers_lose_nothing(database: Database) -> None:
    batches = [
        [balance(customer, version, f"{version}.00") for customer in random.Random(version).sample(range(1, 30), 29)]
        for version in range(1, 9)
    ]
    await asyncio.gather(*(take_in(batch) for batch in batches))
    async with reading() as connection:
        found = await connection.execute(text("SELECT DISTINCT balance FROM account"))
        assert list(found.scalars()) == [Decimal("8.00")]


async def test_events_on_the_topics_reach_the_accounts(
    customer_id: int, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through Kafka: both topics, one group."""
    monkeypatch.setenv("FARTHING_KAFKA", kafka)
    subscriptions, group = Subscriptions("customers"), unique("customers")
    subscriptions.on(BILLING, group, take_in, types=ACCOUNT_EVENTS)
    subscriptions.on(USAGE_CLOSING, group, take_in, types=[UsageUnbilled])
    await subscriptions.start()
    try:
        await _send(balance(customer_id, 1, "31.00"), usage(customer_id, 1, "10"))

        async def arrived() -> bool:
            found = await account_of(customer_id)
            return bool(found["exposure"] == Decimal("43.00"))

        await until(arrived)
    finally:
        await subscriptions.stop()


async def _send(*events: Received) -> None:
    producer = make_producer()
    await producer.start()
    for each in events:
        headers = cloud_headers(
            id=each.id, type=each.type, source="/farthing/test", time=clock.now(), subject=each.event.subject()
        )
        value, key = each.event.model_dump_json().encode(), each.event.key().encode()
        await producer.send_and_wait(each.topic, value, key, headers=headers)
    await producer.stop()
