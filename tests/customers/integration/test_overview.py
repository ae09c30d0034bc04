"""A customer's page and the cards of links: one call each."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import event
from tests.customers.integration.test_accounts import balance, invoice, payment, usage
from tests.customers.integration.test_accounts import received as told

from contracts import billing
from customers.service.accounts import take_in
from service_kit import clock
from service_kit.database import Database
from service_kit.tokens import generate_issuer, issue_token

Json = dict[str, Any]


@pytest.fixture
async def customer(add_customer: Any) -> Json:
    """A customer with everything that an invoice needs, a limit of 200.00 and 20 % VAT; it is 10 March 2025."""
    clock.freeze(datetime(2025, 3, 10, 9, tzinfo=UTC))
    return dict(
        await add_customer(
            account_number="T-1",
            credit_limit="200.00",
            vat_rate="standard",
            billing_address={"lines": ["1 Fenwick Street"], "postcode": "M1 1AA"},
            payment_method="bank_transfer",
            billing_cycle="quarterly",
            anchor_month=2,
            bill_style="farthing",
        )
    )


async def page_of(api: AsyncClient, customer_id: int) -> Json:
    answer = await api.get(f"/customers/{customer_id}/page")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def add_things(api: AsyncClient, customer_id: int) -> None:
    """Two numbers, one of which has ended; a feature at 2 x 15.00 a quarter and one to come; a one-off charge."""
    await api.put("/reference/call_plans/talk", json={"name": "Talk", "call_plan": {"charge": {"amount": "7.50"}}})
    for number, days in (("020 7946 0001", {}), ("020 7946 0002", {"end": "2025-02-28"})):
        body = {"number": number, "call_plan": "talk", "start": "2025-01-01", **days}
        answer = await api.post(f"/customers/{customer_id}/numbers", json=body)
        assert answer.status_code == 201, answer.text
    charges = [
        {"kind": "recurring", "description": "Line", "amount": "15.00", "quantity": "2", "frequency_months": 3},
        {"kind": "one_off", "description": "Visit", "amount": "99.00"},
    ]
    for start in ("2025-01-01", "2025-04-01"):
        order: Json = {"description": "Broadband", "start": start, "charges": charges}
        answer = await api.post(f"/customers/{customer_id}/features", json=order)
        assert answer.status_code == 201, answer.text


async def test_a_customers_page_comes_in_one_call(api: AsyncClient, customer: Json) -> None:
    """C13, C5: 7.50 a month and 30.00 a quarter are 17.50 a month. 150.00 owed and 8.337 of usage with VAT, 10.00, are
    160.00: 80 % of the limit. Billed to January, a customer of February, May, August is next billed in May."""
    customer_id = customer["customer_id"]
    await add_things(api, customer_id)
    notice = billing.CreditLimitReached(
        customer_id=customer_id,
        level="warning",
        limit=Decimal("200.00"),
        unbilled=Decimal("10.00"),
        balance=Decimal("150.00"),
        as_of=datetime(2025, 3, 10, 8, tzinfo=UTC),
    )
    approved = {"number": "INV7", "status": "approved", "invoice_date": date(2025, 2, 28), "due_date": date(2025, 3, 9)}
    await take_in([balance(customer_id, 3, "150.00"), usage(customer_id, 2, "8.337", calls=12), told(notice)])
    await take_in([invoice(billing.InvoiceApproved, customer_id, 7, 2, **approved)])
    await take_in([invoice(billing.InvoiceRemoved, customer_id, 8, 2, status="removed")])
    await take_in([payment(billing.PaymentReceived, customer_id, 3, 1, date(2025, 3, 4))])
    found = await page_of(api, customer_id)
    assert found["customer"]["account_number"] == "T-1"
    assert (found["status"]["code"], found["status"]["flags"]["colour"]) == ("active", "#2e7d32")
    assert found["counts"] == {
        "numbers": 2,
        "numbers_open": 1,
        "features": 2,
        "features_open": 2,
        "recurring_charges": 2,
        "recurring_monthly": "17.50",
    }
    account = found["account"]
    shown = ("balance", "unbilled_usage", "exposure", "headroom", "used_percent", "standing", "unbilled_calls")
    assert [account[name] for name in shown] == ["150.00", "10.00", "160.00", "40.00", "80.00", "near", 12]
    assert (account["unbilled_charges"], account["not_known"]) == (None, ["unbilled_charges"])
    assert account["last_notice"]["level"] == "warning"
    assert [(each["number"], each["gross"], each["status"]) for each in found["invoices"]] == [
        ("INV7", "120.00", "approved")
    ]
    assert [(each["amount"], each["state"]) for each in found["payments"]] == [("50.00", "received")]
    assert (found["next_bill"]["month"], found["next_bill"]["last_bill_to"]) == ("2025-05-01", "2025-02-28")
    assert found["warnings"] == [
        "near the credit limit of 200.00: 40.00 left",
        "1 of the latest invoices past due, the earliest since 2025-03-09",
        "no email address: bills cannot be emailed",
    ]
    assert found["links"]["usage"].endswith(f"/customers/{customer_id}/usage")


async def test_a_page_of_a_customer_of_whom_nothing_was_told_says_so(api: AsyncClient, add_customer: Any) -> None:
    """C1, C13: what is not known is null, not 0."""
    found = await page_of(api, (await add_customer(billing_cycle=None))["customer_id"])
    account = found["account"]
    assert [account[name] for name in ("balance", "unbilled_usage", "exposure", "headroom")] == [None] * 4
    assert account["standing"] == "no_limit"
    assert "billing cycle" in found["missing"]
    assert found["next_bill"]["month"] is None
    assert any("missing details" in each for each in found["next_bill"]["hindered_by"])
    assert (found["invoices"], found["payments"]) == ([], [])


async def test_a_page_has_the_etag_that_a_change_needs(api: AsyncClient, customer: Json) -> None:
    """C20"""
    answer = await api.get(f"/customers/{customer['customer_id']}/page")
    changed = await api.put(
        f"/customers/{customer['customer_id']}", json={"notes": "rang"}, headers={"If-Match": answer.headers["ETag"]}
    )
    assert changed.status_code == 200, changed.text


async def test_a_page_asks_as_few_questions_of_a_large_customer(
    api: AsyncClient, database: Database, customer: Json
) -> None:
    """No question for each number, charge or invoice."""
    customer_id, asked = customer["customer_id"], []

    def count(*_: Any) -> None:
        asked.append(1)

    event.listen(database.engine.sync_engine, "after_cursor_execute", count)
    await page_of(api, customer_id)
    small = len(asked)
    await add_things(api, customer_id)
    await take_in([invoice(billing.InvoiceCreated, customer_id, each, 1) for each in range(1, 13)])
    asked.clear()
    await page_of(api, customer_id)
    assert len(asked) == small <= 12


async def test_there_is_no_page_of_nobody(api: AsyncClient) -> None:
    assert (await api.get("/customers/4000000/page")).status_code == 404


async def test_cards_come_as_asked_with_the_ids_that_nobody_has(
    api: AsyncClient, add_customer: Any, customer: Json
) -> None:
    """F3: name, account number, status with its colour, balance, account manager, how many numbers."""
    await api.put("/reference/account_managers/jo", json={"name": "Jo Fenwick"})
    other = await add_customer(name="Zeta", account_manager="jo", status="final_bill")
    await add_things(api, customer["customer_id"])
    await take_in([balance(customer["customer_id"], 1, "-5.00")])
    ids = f"{other['customer_id']},4000000,{customer['customer_id']},{other['customer_id']},4000001"
    answer = (await api.get("/customers/cards", params={"ids": ids})).json()
    assert answer["unknown"] == [4_000_000, 4_000_001]
    first, second = answer["items"]
    assert (first["name"], first["account_manager_name"], first["status_name"]) == ("Zeta", "Jo Fenwick", "Final Bill")
    assert (first["balance"], first["numbers"]) == (None, 0)
    assert (second["account_number"], second["status_colour"]) == ("T-1", "#2e7d32")
    assert (second["balance"], second["numbers"], second["account_manager"]) == ("-5.00", 1, None)


async def test_a_card_has_the_status_of_its_day(api: AsyncClient, customer: Json) -> None:
    """C8: a planned status colours links from its day on."""
    path = f"/customers/{customer['customer_id']}"
    await api.post(f"{path}/status", json={"status": "active_do_not_bill", "effective_from": "2025-03-12"})
    cards = f"/customers/cards?ids={customer['customer_id']}"
    assert (await api.get(cards)).json()["items"][0]["status"] == "active"
    clock.freeze(datetime(2025, 3, 12, 9, tzinfo=UTC))
    assert (await api.get(cards)).json()["items"][0]["status"] == "active_do_not_bill"


@pytest.mark.parametrize("ids", ["", "1,x", "9" * 30, ",".join(map(str, range(1, 202)))])
async def test_ids_that_make_no_sense_are_refused_in_words(api: AsyncClient, ids: str) -> None:
    answer = await api.get("/customers/cards", params={"ids": ids})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "ids"


@pytest.mark.parametrize("path", ["/customers/1/page", "/customers/cards?ids=1", "/reports/credit-limit"])
async def test_who_may_not_read_customers_is_refused(
    api: AsyncClient, path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    issuer = generate_issuer(tmp_path / "another")
    monkeypatch.setenv("FARTHING_JWKS", str(issuer.jwks))
    token = issue_token(issuer.private_key, ("invoicing:read", "customers:write"), "ann")
    assert (await api.get(path, headers={"Authorization": f"Bearer {token}"})).status_code == 403
    assert (await api.get(path, headers={"Authorization": ""})).status_code == 401
