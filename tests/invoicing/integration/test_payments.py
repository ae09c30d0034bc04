"""Payments: allocated, reversed and refunded on a real database, also by many at once; balances that follow."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.invoicing import made
from tests.invoicing.integration.billed import billed, draft
from tests.invoicing.integration.conftest import World
from tests.support.auditor import assert_sound

from contracts.billing import (
    AccountBalanceChanged,
    CreditNoteIssued,
    InvoiceApproved,
    InvoiceUpdated,
    PaymentReceived,
    PaymentRefunded,
    PaymentReversed,
)
from contracts.customers import CustomerCreated
from invoicing.service import accounts, sending
from invoicing.service.approvals import approve_invoice
from invoicing.store import documents, invoices
from service_kit import clock
from service_kit.database import transaction

DAY = "2025-03-01"


@pytest.fixture
async def customer(world: World) -> CustomerCreated:
    """One who can be billed."""
    await world.hear(customer := made.customer(low_invoice=made.CREATE))
    return customer


def payment(customer: CustomerCreated, amount: str, **what: Any) -> dict[str, Any]:
    return {"customer_id": customer.customer_id, "amount": amount, "received_on": DAY, **what}


async def pay(api: httpx.AsyncClient, customer: CustomerCreated, amount: str, **what: Any) -> dict[str, Any]:
    answer = await api.post("/payments", json=payment(customer, amount, **what))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def account(api: httpx.AsyncClient, customer: CustomerCreated) -> dict[str, Any]:
    return dict((await api.get(f"/customers/{customer.customer_id}/account")).json())


async def states(api: httpx.AsyncClient, *ids: int) -> list[tuple[str, str]]:
    """What is paid of these invoices."""
    found = [(await api.get(f"/invoices/{each}")).json() for each in ids]
    return [(each["status"], each["paid"]) for each in found]


async def test_a_payment_goes_to_the_oldest_invoices(
    api: httpx.AsyncClient, world: World, customer: CustomerCreated
) -> None:
    """I9, I6: by invoice date; paid, part paid, and what is left is told in events."""
    newer = await billed(customer, "50.00", date(2025, 2, 1))
    older = await billed(customer, "30.00", date(2025, 1, 1))
    paid = await pay(api, customer, "60.00", method="direct_debit", reference="DD 7")
    assert paid["allocations"] == [
        {"invoice_id": older, "amount": "30.00"},
        {"invoice_id": newer, "amount": "30.00"},
    ]
    assert (paid["allocated"], paid["unallocated"], paid["recorded_by"]) == ("60.00", "0.00", "ann")
    assert await states(api, older, newer) == [("paid", "30.00"), ("part_paid", "30.00")]
    owed = await account(api, customer)
    assert (owed["balance"], owed["credit"], owed["version"]) == ("20.00", "0.00", 3)
    assert [(each["invoice_id"], each["left"]) for each in owed["open"]] == [(newer, "20.00")]
    (received,) = await world.told(PaymentReceived)
    assert (received.payment_id, received.amount, received.method) == (
        paid["payment_id"],
        Decimal("60.00"),
        "direct_debit",
    )
    told = {each.invoice_id: (each.status, each.paid) for each in await world.told(InvoiceUpdated)}
    assert told == {older: ("paid", Decimal("30.00")), newer: ("part_paid", Decimal("30.00"))}
    assert [each.balance for each in await world.told(AccountBalanceChanged)] == [50, 80, 20]


async def test_what_is_over_stays_as_credit_and_pays_the_next_invoice(
    api: httpx.AsyncClient, customer: CustomerCreated, world: World
) -> None:
    """I9: an over-payment of 25.00; the next invoice of 40.00 is part paid in the transaction that approves it."""
    first = await billed(customer, "75.00")
    paid = await pay(api, customer, "100.00")
    assert (paid["unallocated"], (await account(api, customer))["credit"]) == ("25.00", "25.00")
    second = await billed(customer, "40.00")
    assert await states(api, first, second) == [("paid", "75.00"), ("part_paid", "25.00")]
    assert (await account(api, customer))["balance"] == "15.00"
    assert [each.status for each in await world.told(InvoiceApproved)] == ["approved", "approved"]
    assert (await world.told(InvoiceUpdated))[-1].status == "part_paid"


async def test_chosen_invoices_and_none(api: httpx.AsyncClient, customer: CustomerCreated) -> None:
    """I9: what is chosen is paid; what is over waits until somebody says, whatever is approved meanwhile."""
    first, second = await billed(customer, "30.00"), await billed(customer, "50.00")
    paid = await pay(api, customer, "60.00", allocate=[{"invoice_id": second, "amount": "45.00"}])
    assert await states(api, first, second) == [("approved", "0.00"), ("part_paid", "45.00")]
    assert (paid["unallocated"], paid["spread"]) == ("15.00", False)
    waiting = await pay(api, customer, "5.00", allocate="none")
    third = await billed(customer, "1.00")
    assert await states(api, first, third) == [("approved", "0.00"), ("approved", "0.00")]
    where = f"/payments/{waiting['payment_id']}/allocations"
    moved = (await api.post(where, json={"allocate": "oldest"})).json()
    assert moved["allocations"] == [{"invoice_id": first, "amount": "5.00"}]
    moved = (await api.post(where, json={"allocate": [{"invoice_id": third, "amount": "1.00"}]})).json()
    assert (moved["allocations"], moved["unallocated"]) == ([{"invoice_id": third, "amount": "1.00"}], "4.00")
    assert await states(api, first, second, third) == [("approved", "0.00"), ("part_paid", "45.00"), ("paid", "1.00")]
    assert (await api.post(where, json={"allocate": "none"})).json()["unallocated"] == "5.00"
    assert (await account(api, customer))["balance"] == "16.00"


async def test_a_reversal_opens_again_what_was_paid(
    api: httpx.AsyncClient, world: World, customer: CustomerCreated
) -> None:
    """I9, I6: the states go back, the balance too; a reversed payment is done with."""
    invoice = await billed(customer, "30.00")
    paid = await pay(api, customer, "40.00")
    where = f"/payments/{paid['payment_id']}"
    told = (await api.post(f"{where}/reverse", json={"reason": "refer to payer", "on": "2025-03-04"})).json()
    assert (told["reversed_on"], told["reason"], told["allocations"]) == ("2025-03-04", "refer to payer", [])
    assert (told["allocated"], told["unallocated"]) == ("0.00", "0.00")
    assert await states(api, invoice) == [("approved", "0.00")]
    assert ((await account(api, customer))["balance"], (await account(api, customer))["credit"]) == ("30.00", "0.00")
    (event,) = await world.told(PaymentReversed)
    assert (event.version, event.on, event.reason) == (2, date(2025, 3, 4), "refer to payer")
    for again, body in (("reverse", {"reason": "x"}), ("refund", {}), ("allocations", {"allocate": "oldest"})):
        answer = await api.post(f"{where}/{again}", json=body)
        assert answer.status_code == 409
        assert "was reversed on 2025-03-04" in answer.json()["detail"]


async def test_a_reversal_lets_other_credit_pay_what_is_open_again(
    api: httpx.AsyncClient, customer: CustomerCreated
) -> None:
    """I9: credit never waits while an invoice is open."""
    invoice = await billed(customer, "30.00")
    bounced = await pay(api, customer, "30.00")
    await pay(api, customer, "20.00")
    await api.post(f"/payments/{bounced['payment_id']}/reverse", json={"reason": "refer to payer"})
    assert await states(api, invoice) == [("part_paid", "20.00")]
    assert (await account(api, customer))["balance"] == "10.00"


async def test_a_refund_takes_what_is_free_first(
    api: httpx.AsyncClient, world: World, customer: CustomerCreated
) -> None:
    """I9: of 100.00, 25.00 is free; 35.00 back opens 10.00 of the newest invoice; then the rest is given back."""
    old, new = await billed(customer, "45.00", date(2025, 1, 1)), await billed(customer, "30.00")
    where = f"/payments/{(await pay(api, customer, '100.00'))['payment_id']}/refund"
    told = (await api.post(where, json={"amount": "35.00", "on": "2025-03-02"})).json()
    assert (told["refunded"], told["allocated"], told["unallocated"]) == ("35.00", "65.00", "0.00")
    assert await states(api, old, new) == [("paid", "45.00"), ("part_paid", "20.00")]
    assert (await account(api, customer))["balance"] == "10.00"
    told = (await api.post(where)).json()
    assert [each["amount"] for each in told["refunds"]] == ["35.00", "65.00"]
    assert await states(api, old, new) == [("approved", "0.00"), ("approved", "0.00")]
    assert (await account(api, customer))["balance"] == "75.00"
    assert [(each.version, each.refunded) for each in await world.told(PaymentRefunded)] == [(2, 35), (3, 100)]
    assert (await api.post(where)).status_code == 409


async def test_a_credit_note_pays_the_oldest_open_invoices(
    api: httpx.AsyncClient, world: World, customer: CustomerCreated
) -> None:
    """Z14: at once, and with what is left the next invoice."""
    first = await billed(customer, "30.00")
    note = await billed(customer, "-50.00")
    assert await states(api, first, note) == [("paid", "30.00"), ("part_paid", "-30.00")]
    owed = await account(api, customer)
    assert (owed["balance"], owed["credit"], owed["open"][0]["left"]) == ("-20.00", "20.00", "-20.00")
    second = await billed(customer, "20.00")
    assert await states(api, second, note) == [("paid", "20.00"), ("paid", "-50.00")]
    (issued,) = await world.told(CreditNoteIssued)
    assert (issued.status, issued.paid) == ("approved", 0)
    assert (await account(api, customer))["open"] == []


async def test_an_end_credit_can_be_given_back(api: httpx.AsyncClient, customer: CustomerCreated) -> None:
    """C14 needs 0.00: a credit note after all was paid; refunding its amount lets the note pay in place of money."""
    invoice = await billed(customer, "20.00")
    paid = await pay(api, customer, "20.00")
    await billed(customer, "-8.00")
    assert (await account(api, customer))["balance"] == "-8.00"
    await api.post(f"/payments/{paid['payment_id']}/refund", json={"amount": "8.00"})
    owed = await account(api, customer)
    assert (owed["balance"], owed["credit"], owed["open"]) == ("0.00", "0.00", [])
    assert await states(api, invoice) == [("paid", "20.00")]


async def test_a_paid_invoice_is_sent_and_stays_paid(
    world: World, customer: CustomerCreated, api: httpx.AsyncClient
) -> None:
    """I6: money that comes before the email changes nothing about sending it."""
    await pay(api, customer, "7.00")
    await world.hear(made.feature(customer.customer_id, made.charge("5.00", date(2025, 1, 1))))
    run_id = await world.bill()
    await world.approve(run_id)
    (invoice,) = await world.invoices(run_id)
    assert (invoice["status"], invoice["gross"]) == ("paid", Decimal("6.00"))
    await sending.send_run(run_id, "ann")
    async with transaction() as tx:
        (wanted,) = await documents.lock_wanted(tx.connection, 1)
        await documents.keep(tx.connection, wanted.document_id, "a" * 64, b"%PDF-", clock.now())
    assert await sending.send_next("http://invoicing")
    (invoice,) = await world.invoices(run_id)
    assert (invoice["status"], invoice["sent_at"] is not None) == ("paid", True)


async def test_an_invoice_that_is_withdrawn_frees_what_paid_it(
    api: httpx.AsyncClient, customer: CustomerCreated
) -> None:
    """I6, I9: unapproved, it is owed no more, and its money pays another."""
    first, second = await billed(customer, "30.00"), await billed(customer, "50.00")
    await pay(api, customer, "30.00")
    async with transaction() as tx:
        rows = await invoices.lock(tx.connection, [first])
        changed = await accounts.withdraw(tx, rows)
        await invoices.save(tx.connection, ["status"], [{"invoice_id": first, "status": "draft"}])
        await accounts.tell(tx, changed | await accounts.spread(tx, [customer.customer_id]))
    assert await states(api, first, second) == [("draft", "0.00"), ("part_paid", "30.00")]
    assert (await account(api, customer))["balance"] == "20.00"
    await approve_invoice(first)
    assert (await account(api, customer))["balance"] == "50.00"


async def test_eight_pay_at_once(
    api: httpx.AsyncClient, world: World, customer: CustomerCreated, service_dsn: str
) -> None:
    """I9: 24 payments of 10.00 by eight clients, reversals and approvals among them: nothing is lost or given twice."""
    for _ in range(4):
        await billed(customer, "45.00")
    drafts = [await draft(customer, "20.00") for _ in range(3)]

    async def client(number: int) -> None:
        for turn in range(3):
            paid = await pay(api, customer, "10.00", reference=f"{number}/{turn}")
            if turn == number % 3:
                await api.post(f"/payments/{paid['payment_id']}/reverse", json={"reason": "refer to payer"})

    await asyncio.gather(*map(client, range(8)), *map(approve_invoice, drafts))
    owed = await account(api, customer)
    assert (owed["balance"], owed["credit"]) == ("80.00", "0.00")
    assert sum(Decimal(each["left"]) for each in owed["open"]) == 80
    told = await world.told(AccountBalanceChanged)
    assert [each.version for each in told] == list(range(1, 4 + 3 + 24 + 8 + 1))
    assert told[-1].balance == 80
    assert_sound({"invoicing": service_dsn}, at_rest=False)


async def test_a_payment_sent_again_under_its_key_is_one(api: httpx.AsyncClient, customer: CustomerCreated) -> None:
    """Decision 16: eight at once under one key; the same answer, one payment."""
    await billed(customer, "30.00")
    body, headers = payment(customer, "10.00"), {"Idempotency-Key": "bank line 17"}
    answers = await asyncio.gather(*(api.post("/payments", json=body, headers=headers) for _ in range(8)))
    assert {each.status_code for each in answers} == {201}
    assert len({each.content for each in answers}) == 1
    assert (await account(api, customer))["balance"] == "20.00"
    where = f"/payments/{answers[0].json()['payment_id']}/refund"
    for _ in range(2):
        await api.post(where, json={"amount": "4.00"}, headers={"Idempotency-Key": "refund 1"})
    assert (await account(api, customer))["balance"] == "24.00"


@pytest.mark.parametrize(
    ("what", "status", "words"),
    [
        ({"amount": "0.00"}, 422, "0.01"),
        ({"amount": "-5.00"}, 422, "0.01"),
        ({"amount": "1000000000.00"}, 422, "0.01"),
        ({"amount": 5}, 422, "decimal string"),
        ({"received_on": "2999-01-01"}, 422, "still to come"),
        ({"method": "shells"}, 422, "no payment method shells"),
        ({"customer_id": 10**12}, 404, "no customer"),
        ({"allocate": "newest"}, 422, "allocate"),
        ({"allocate": []}, 422, "allocate"),
        ({"allocate": [{"invoice_id": 1, "amount": "1.00"}] * 2}, 422, "named twice"),
        ({"allocate": [{"invoice_id": 10**12, "amount": "1.00"}]}, 422, "no open invoice"),
        ({"reference": "a\x00b"}, 422, "NUL"),
    ],
)
async def test_what_cannot_be_is_refused_and_leaves_nothing(
    api: httpx.AsyncClient, world: World, customer: CustomerCreated, what: dict[str, Any], status: int, words: str
) -> None:
    """I9: with the reason, and no trace."""
    answer = await api.post("/payments", json={**payment(customer, "5.00"), **what})
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert (await api.get(f"/customers/{customer.customer_id}/payments")).json()["items"] == []
    assert await world.told(PaymentReceived) == []


async def test_days_and_ids_that_are_wrong_are_told(api: httpx.AsyncClient, customer: CustomerCreated) -> None:
    """I9: nothing is reversed before it came, or tomorrow; more than there is cannot be given back."""
    where = f"/payments/{(await pay(api, customer, '5.00'))['payment_id']}"
    early = await api.post(f"{where}/reverse", json={"reason": "x", "on": "2025-02-28"})
    late = await api.post(f"{where}/refund", json={"on": "2999-01-01"})
    much = await api.post(f"{where}/refund", json={"amount": "5.01"})
    assert [each.json()["errors"][0]["field"] for each in (early, late, much)] == ["on", "on", "amount"]
    assert {each.status_code for each in (early, late, much)} == {422}
    for missing in ("/payments/999999", "/customers/999999/payments", "/customers/999999/account"):
        assert (await api.get(missing)).status_code == 404


async def test_another_customers_invoice_cannot_be_chosen(
    api: httpx.AsyncClient, world: World, customer: CustomerCreated
) -> None:
    """I9: nor one that is a draft, or paid."""
    await world.hear(other := made.customer())
    theirs, a_draft, done = await billed(other, "9.00"), await draft(customer, "9.00"), await billed(customer, "9.00")
    await pay(api, customer, "9.00")
    for wrong in (theirs, a_draft, done):
        body = payment(customer, "5.00", allocate=[{"invoice_id": wrong, "amount": "5.00"}])
        assert (await api.post("/payments", json=body)).status_code == 422


async def test_payments_come_in_pages(api: httpx.AsyncClient, customer: CustomerCreated) -> None:
    """DESIGN: lists."""
    ids = [(await pay(api, customer, "1.00"))["payment_id"] for _ in range(3)]
    where = f"/customers/{customer.customer_id}/payments"
    first = (await api.get(where, params={"limit": 2})).json()
    rest = (await api.get(where, params={"limit": 2, "after": first["next"]})).json()
    assert [each["payment_id"] for each in first["items"] + rest["items"]] == ids
    assert rest["next"] is None


async def test_who_was_never_billed_owes_nothing(api: httpx.AsyncClient, customer: CustomerCreated) -> None:
    """I9: zero is 0.00."""
    nothing = {"balance": "0.00", "version": 0, "credit": "0.00", "open": []}
    assert await account(api, customer) == {"customer_id": customer.customer_id, **nothing}
    found = (await api.get(f"/customers/{customer.customer_id}/statement")).json()
    assert (found["opening"], found["entries"], found["closing"]) == ("0.00", [], "0.00")


async def test_a_statement_of_account(api: httpx.AsyncClient, customer: CustomerCreated) -> None:
    """I9: by date, with the balance after each; what was before is the opening balance. As CSV too."""
    await billed(customer, "100.00", date(2025, 1, 1))
    await billed(customer, "50.00", date(2025, 2, 1))
    note = await billed(customer, "-10.00", date(2025, 2, 1))
    paid = await pay(api, customer, "60.00", received_on="2025-02-10", reference="=1+1")
    where = f"/payments/{paid['payment_id']}"
    await api.post(f"{where}/refund", json={"amount": "5.00", "on": "2025-02-12"})
    await api.post(f"{where}/reverse", json={"reason": "refer to payer", "on": "2025-02-20"})
    at = f"/customers/{customer.customer_id}/statement"
    found = (await api.get(at, params={"from": "2025-02-01", "to": "2025-02-12"})).json()
    assert (found["opening"], found["closing"]) == ("100.00", "85.00")
    assert [(each["date"], each["kind"], each["amount"], each["balance"]) for each in found["entries"]] == [
        ("2025-02-01", "invoice", "50.00", "150.00"),
        ("2025-02-01", "credit_note", "-10.00", "140.00"),
        ("2025-02-10", "payment", "-60.00", "80.00"),
        ("2025-02-12", "refund", "5.00", "85.00"),
    ]
    assert found["entries"][1]["id"] == note
    whole = (await api.get(at)).json()
    assert (whole["opening"], whole["closing"]) == ("0.00", (await account(api, customer))["balance"])
    assert whole["entries"][-1]["kind"] == "reversal"
    answer = await api.get(f"{at}.csv", params={"from": "2025-02-10"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[:3] == [
        "date,kind,id,reference,amount,balance",
        "2025-02-10,opening,,,,140.00",
        f"2025-02-10,payment,{paid['payment_id']},'=1+1,-60.00,80.00",
    ]
    assert lines[-1] == ",closing,,,,145.00"
    wrong = await api.get(at, params={"from": "2025-02-02", "to": "2025-02-01"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "to")


async def test_reading_needs_its_scope(world: World, api: httpx.AsyncClient, customer: CustomerCreated) -> None:
    """P3: without a token nothing is read or paid."""
    bare = {"Authorization": ""}
    for where in (f"/customers/{customer.customer_id}/account", f"/customers/{customer.customer_id}/statement"):
        assert (await api.get(where, headers=bare)).status_code == 401
    assert (await api.post("/payments", json=payment(customer, "1.00"), headers=bare)).status_code == 401


async def test_who_is_marked_for_deletion_neither_pays_nor_is_refunded(
    api: httpx.AsyncClient, world: World, customer: CustomerCreated
) -> None:
    """Z24: such a customer can be un-marked, and nothing else."""
    paid = await pay(api, customer, "5.00")
    await world.hear(customer.model_copy(update={"version": 2, "deletion_due": date(2025, 4, 1)}))
    answers = [
        await api.post("/payments", json=payment(customer, "5.00")),
        await api.post(f"/payments/{paid['payment_id']}/refund", json={}),
    ]
    assert [(each.status_code, "un-mark" in each.json()["detail"]) for each in answers] == [(409, True)] * 2
