"""Drafts made again, removed and unapproved, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from tests.invoicing import made
from tests.invoicing.integration.conftest import PARTITIONS, World, rows
from tests.support.auditor import assert_sound

from contracts.billing import (
    AccountBalanceChanged,
    BillingRunRequested,
    InvoiceApproved,
    InvoiceRemoved,
    InvoiceUnapproved,
    InvoiceUpdated,
)
from contracts.closing import UsageCloseBilled, UsageCloseReleased, UsageCloseReopened, UsageLine
from contracts.customers import Address, CustomerCreated, CustomerUpdated, NumberUpdated
from invoicing.documents.model import InvoiceDocument
from invoicing.service import reports
from invoicing.service.approvals import approve_invoice
from invoicing.service.copies import issue_copy
from invoicing.service.payments import NewPayment, record_payment
from invoicing.service.recreating import recreate_drafts_of, recreate_invoices, remove_invoice
from invoicing.service.rendering import render_next
from invoicing.service.runs import start_run
from invoicing.service.sending import send_invoice, send_next
from invoicing.service.unapproving import unapprove_invoice
from invoicing.store import readmodel
from invoicing.store.tables import document, send_request
from service_kit import clock
from service_kit.database import transaction
from service_kit.problems import Conflict, NotFound

FEBRUARY = date(2025, 2, 28)


@pytest.fixture(autouse=True)
def sound(service_dsn: str) -> Iterator[None]:
    """Whatever a test does, the books balance after it."""
    yield
    assert_sound({"invoicing": service_dsn}, at_rest=False)


async def a_draft(world: World, *lines: UsageLine, **what: Any) -> tuple[CustomerCreated, dict[str, Any]]:
    """A customer with a line rental of 10.00 a month, and its draft for January."""
    customer = made.customer(**what)
    rental = made.charge("10.00", date(2025, 1, 1), months=1)
    await world.hear(customer, made.number(customer.customer_id, rental))
    run_id = await world.bill({customer.customer_id: lines}, customers=(customer.customer_id,))
    (invoice,) = await world.invoices(run_id)
    return customer, invoice


async def invoice_of(world: World, draft: dict[str, Any]) -> dict[str, Any]:
    """The invoice as it is now."""
    return next(row for row in await world.invoices(draft["run_id"]) if row["invoice_id"] == draft["invoice_id"])


async def go_on(world: World, draft: dict[str, Any], *lines: UsageLine) -> int:
    """The run that makes a draft again, to its end. Returns its id."""
    run_id = (await invoice_of(world, draft))["remade_by"]
    await world.hear(*made.markers(run_id))
    assert await start_run(run_id, PARTITIONS)
    await world.answer(run_id, {draft["customer_id"]: lines})
    await world.draft(run_id)
    return int(run_id)


async def test_a_draft_is_made_again_from_current_data(world: World) -> None:
    """I6: the same invoice of the same run, with another call and another name; its first close is released."""
    customer, draft = await a_draft(world, made.usage_line("5.00"))
    await recreate_invoices([draft["invoice_id"]], "ann")
    emptied = await invoice_of(world, draft)
    assert (emptied["net"], emptied["close_id"]) == (Decimal("0.00"), None)
    assert [row["invoice_id"] for row in await world.transactions(customer.customer_id)] == [None]
    (released,) = await world.told(UsageCloseReleased)
    assert (released.close_id, released.run_id) == (draft["close_id"], draft["run_id"])
    renamed = CustomerUpdated(**{**customer.model_dump(), "version": 2, "name": "Renamed Example Ltd"})
    await world.hear(renamed)
    again = await go_on(world, draft, made.usage_line("7.50"))
    made_again = await invoice_of(world, draft)
    assert (made_again["net"], made_again["gross"], made_again["status"]) == (
        Decimal("27.50"),
        Decimal("33.00"),
        "draft",
    )
    assert (made_again["run_id"], made_again["remade_by"]) == (draft["run_id"], None)
    assert made_again["particulars"]["name"] == "Renamed Example Ltd"
    assert made_again["version"] > draft["version"]
    updates = await world.told(InvoiceUpdated)
    assert [(each.net, each.status) for each in updates] == [(Decimal("0.00"), "draft"), (Decimal("27.50"), "draft")]
    assert (await reports.run_report(again)).run.state == "completed"
    assert (await world.told(BillingRunRequested))[-1].kind == "recreation"


async def test_a_draft_says_what_is_printed_otherwise_now(api: httpx.AsyncClient, world: World) -> None:
    """I6: after contact details change, making it again is offered; an approved invoice keeps what it has."""
    customer, draft = await a_draft(world)
    path = f"/invoices/{draft['invoice_id']}"
    assert (await api.get(path)).json()["changed"] == []
    moved = {"name": "Moved Example Ltd", "billing_address": Address(lines=("8 New Road",), postcode="EX3 3CC")}
    await world.hear(CustomerUpdated(**{**customer.model_dump(), "version": 2, **moved}))
    assert (await api.get(path)).json()["changed"] == ["name", "billing_address"]
    await recreate_invoices([draft["invoice_id"]], "ann")
    await go_on(world, draft)
    assert (await api.get(path)).json()["changed"] == []
    await world.hear(CustomerUpdated(**{**customer.model_dump(), "version": 3}))
    await approve_invoice(draft["invoice_id"])
    assert (await api.get(path)).json()["changed"] == []


async def test_nothing_is_done_to_invoices_of_who_is_marked_for_deletion(world: World) -> None:
    """Z24: neither approved, unapproved, made again nor removed, until it is un-marked."""
    customer, draft = await a_draft(world)
    marked = CustomerUpdated(**{**customer.model_dump(), "version": 2, "deletion_due": date(2025, 4, 1)})
    await world.hear(marked)
    actions = [approve_invoice, remove_invoice, lambda invoice_id: recreate_invoices([invoice_id], "ann")]
    for action in actions:
        with pytest.raises(Conflict, match="to be deleted on 2025-04-01: un-mark it first"):
            await action(draft["invoice_id"])
    await world.hear(marked.model_copy(update={"version": 3, "deletion_due": None}))
    await approve_invoice(draft["invoice_id"])
    await world.hear(marked.model_copy(update={"version": 4}))
    with pytest.raises(Conflict, match="un-mark it first"):
        await unapprove_invoice(draft["invoice_id"])


async def test_a_draft_made_again_is_approved_with_its_first_run_and_its_customer_is_free(world: World) -> None:
    """I6: it stays an invoice of its run; the close that is billed is the new one, of the run that asked for it."""
    customer, draft = await a_draft(world, made.usage_line("5.00"))
    await recreate_invoices([draft["invoice_id"]], "ann")
    again = await go_on(world, draft, made.usage_line("7.50"))
    await world.approve(draft["run_id"])
    assert (await invoice_of(world, draft))["number"] == "INV000001"
    (billed,) = await world.told(UsageCloseBilled)
    assert (billed.run_id, billed.invoice_id) == (again, draft["invoice_id"])
    run_id = await world.bill(customers=(customer.customer_id,), bill_to=FEBRUARY)
    assert [row["state"] for row in await world.customers(run_id)] == ["drafted"]


async def test_a_draft_is_not_approved_before_it_is_made_again(world: World) -> None:
    """I6: neither by hand nor with its run; asked for twice it is refused naming the run."""
    _, draft = await a_draft(world)
    await recreate_invoices([draft["invoice_id"]], "ann")
    with pytest.raises(Conflict, match="made again first"):
        await approve_invoice(draft["invoice_id"])
    with pytest.raises(Conflict, match="being made again already"):
        await recreate_invoices([draft["invoice_id"]], "ann")
    await world.approve(draft["run_id"])
    assert (await invoice_of(world, draft))["number"] is None
    await go_on(world, draft)
    await approve_invoice(draft["invoice_id"])


async def test_nothing_left_to_bill_removes_a_draft_without_a_number(world: World) -> None:
    """I6: what is never to be an invoice does not stay as one."""
    customer = made.customer()
    await world.hear(customer)
    run_id = await world.bill({customer.customer_id: [made.usage_line("5.00")]})
    (draft,) = await world.invoices(run_id)
    await recreate_invoices([draft["invoice_id"]], "ann")
    again = await go_on(world, draft)
    assert (await invoice_of(world, draft))["status"] == "removed"
    assert len(await world.told(InvoiceRemoved)) == 1
    for each in (run_id, again):
        (row,) = await world.customers(each)
        assert (row["state"], row["active"], row["invoice_id"]) == ("skipped", False, None)


async def test_nothing_left_to_bill_leaves_a_number_at_nothing(world: World) -> None:
    """I6: one that has a number keeps it and is never removed; it can be approved at 0.00."""
    customer = made.customer()
    await world.hear(customer)
    (draft,) = await world.invoices(await world.bill({customer.customer_id: [made.usage_line("5.00")]}))
    await approve_invoice(draft["invoice_id"])
    await unapprove_invoice(draft["invoice_id"])
    await recreate_invoices([draft["invoice_id"]], "ann")
    await go_on(world, draft)
    left = await invoice_of(world, draft)
    assert (left["status"], left["number"], left["gross"]) == ("draft", "INV000001", Decimal("0.00"))
    with pytest.raises(Conflict, match="has the number INV000001"):
        await remove_invoice(draft["invoice_id"])
    await approve_invoice(draft["invoice_id"])
    assert [each.number for each in await world.told(InvoiceApproved)] == ["INV000001"] * 2


async def test_a_customer_parked_when_its_draft_is_made_again_keeps_it_until_the_reason_is_gone(world: World) -> None:
    """I3, Z10: parked with its reason; made again once more, it is filled."""
    customer, draft = await a_draft(world)
    await recreate_invoices([draft["invoice_id"]], "ann")
    await world.hear(CustomerUpdated(**{**customer.model_dump(), "version": 2, "missing": ("billing address",)}))
    parked = await go_on(world, draft)
    (row,) = await world.customers(parked)
    assert (row["state"], row["reason"], row["active"]) == ("parked", "missing details: billing address", True)
    with pytest.raises(Conflict, match="made again first"):
        await approve_invoice(draft["invoice_id"])
    await world.hear(CustomerUpdated(**{**customer.model_dump(), "version": 3}))
    await recreate_invoices([draft["invoice_id"]], "ann")
    await go_on(world, draft)
    assert (await invoice_of(world, draft))["net"] == Decimal("20.00")
    await approve_invoice(draft["invoice_id"])
    for run_id in (draft["run_id"], parked):
        assert [row["active"] for row in await world.customers(run_id)] == [False]


async def test_a_change_while_a_customer_waits_makes_its_draft_again(world: World) -> None:
    """Z9: what changed after the cut is acted on right after the draft is made."""
    customer = made.customer()
    number = made.number(customer.customer_id, made.charge("10.00", date(2025, 1, 1), months=1))
    await world.hear(customer, number)
    run_id = await world.start()
    async with transaction() as tx:
        await readmodel.lock_customers(tx.connection, [customer.customer_id])
        await recreate_drafts_of(tx, [customer.customer_id], "tests")
    await world.hear(NumberUpdated(**{**number.model_dump(), "version": 2, "end": date(2025, 1, 31)}))
    await world.answer(run_id, {})
    await world.draft(run_id)
    (draft,) = await world.invoices(run_id)
    assert draft["remade_by"] is not None
    await go_on(world, draft)
    again = await invoice_of(world, draft)
    assert (again["net"], again["remade_by"]) == (Decimal("10.00"), None)


async def test_a_removed_draft_frees_its_customer_and_the_next_run_bills_all(world: World) -> None:
    """I6: charges back on Unsent, usage released, nothing is lost and nothing is twice."""
    customer, draft = await a_draft(world, made.usage_line("5.00"))
    await remove_invoice(draft["invoice_id"])
    with pytest.raises(Conflict, match="is removed"):
        await remove_invoice(draft["invoice_id"])
    assert [each.close_id for each in await world.told(UsageCloseReleased)] == [draft["close_id"]]
    (row,) = await world.customers(draft["run_id"])
    assert (row["state"], row["reason"]) == ("skipped", "removed by hand")
    run_id = await world.bill({customer.customer_id: [made.usage_line("5.00")]}, customers=(customer.customer_id,))
    assert (await world.invoices(run_id))[0]["net"] == Decimal("25.00")
    with pytest.raises(NotFound):
        await remove_invoice(999_999)


async def test_a_removed_draft_that_was_being_made_again_releases_what_rating_answers_late(world: World) -> None:
    """I3: a close that nobody waits for any more goes to the next bill."""
    customer, draft = await a_draft(world)
    await recreate_invoices([draft["invoice_id"]], "ann")
    run_id = (await invoice_of(world, draft))["remade_by"]
    await world.hear(*made.markers(run_id))
    assert await start_run(run_id, PARTITIONS)
    await remove_invoice(draft["invoice_id"])
    late = made.closed(run_id, customer.customer_id, made.usage_line("5.00"))
    await world.hear(late)
    await world.draft(run_id)
    assert (await world.told(UsageCloseReleased))[-1].close_id == late.close_id
    assert (await reports.run_report(run_id)).run.state == "completed"
    assert len(await world.told(InvoiceRemoved)) == 1


async def approved(world: World) -> tuple[CustomerCreated, dict[str, Any]]:
    """An approved invoice of 30.00 with VAT."""
    customer, draft = await a_draft(world, made.usage_line("5.00"))
    await approve_invoice(draft["invoice_id"])
    return customer, await invoice_of(world, draft)


async def test_an_unapproved_invoice_keeps_its_number_and_is_owed_no_more(world: World) -> None:
    """I6: a draft again, its close open again; approved again it has the same number, and the next has the next."""
    customer, invoice = await approved(world)
    await unapprove_invoice(invoice["invoice_id"])
    draft = await invoice_of(world, invoice)
    assert (draft["status"], draft["number"], draft["approved_at"]) == ("draft", "INV000001", None)
    (told,) = await world.told(InvoiceUnapproved)
    assert (told.invoice_id, told.number, told.status) == (invoice["invoice_id"], "INV000001", "draft")
    (reopened,) = await world.told(UsageCloseReopened)
    assert (reopened.close_id, reopened.run_id) == (invoice["close_id"], invoice["run_id"])
    assert [each.balance for each in await world.told(AccountBalanceChanged)] == [Decimal("30.00"), Decimal("0.00")]
    with pytest.raises(Conflict, match="is draft, not approved"):
        await unapprove_invoice(invoice["invoice_id"])
    await approve_invoice(invoice["invoice_id"])
    _, other = await approved(world)
    assert ((await invoice_of(world, invoice))["number"], other["number"]) == ("INV000001", "INV000002")
    assert len(await world.told(UsageCloseBilled)) == 3
    assert customer.customer_id == draft["customer_id"]


async def test_an_unapproved_customer_is_in_its_run_again(world: World) -> None:
    """Z10: no other run takes it; and one that another run has cannot be unapproved."""
    customer, invoice = await approved(world)
    await unapprove_invoice(invoice["invoice_id"])
    second = await world.bill(customers=(customer.customer_id,), bill_to=FEBRUARY)
    assert (await world.customers(second))[0]["reason"] == f"in another active run: run {invoice['run_id']}"
    await approve_invoice(invoice["invoice_id"])
    third = await world.start(customers=(customer.customer_id,), bill_to=FEBRUARY)
    with pytest.raises(Conflict, match=f"run {third}"):
        await unapprove_invoice(invoice["invoice_id"])


async def test_what_paid_an_unapproved_invoice_pays_it_again_when_it_is_approved(world: World) -> None:
    """I6, I9: allocations are given back; no money is lost."""
    customer, invoice = await approved(world)
    await record_payment(NewPayment(customer.customer_id, Decimal("12.00"), clock.today()), "ann")
    await unapprove_invoice(invoice["invoice_id"])
    assert (await invoice_of(world, invoice))["paid"] == Decimal("0.00")
    await approve_invoice(invoice["invoice_id"])
    again = await invoice_of(world, invoice)
    assert (again["paid"], again["status"]) == (Decimal("12.00"), "part_paid")
    assert (await world.told(AccountBalanceChanged))[-1].balance == Decimal("18.00")


async def test_documents_are_frozen_per_approval(world: World) -> None:
    """Z14: the first approval's stays as it was; the second has one of its own, and that is sent."""
    _, invoice = await approved(world)

    async def render(_: object) -> bytes:
        return (
            b"first" if not await rows(select(document.c.sha256).where(document.c.sha256.is_not(None))) else b"second"
        )

    assert await render_next(render)
    await unapprove_invoice(invoice["invoice_id"])
    await approve_invoice(invoice["invoice_id"])
    assert await render_next(render)
    found = await rows(select(document.c.approval, document.c.bytes).order_by(document.c.approval))
    assert [(row["approval"], row["bytes"]) for row in found] == [(1, b"first"), (2, b"second")]
    assert (await reports.invoice_document(invoice["invoice_id"]))[1] == b"second"


async def test_a_request_to_send_is_withdrawn_and_what_was_sent_stays_approved(world: World) -> None:
    """I6: only an unsent invoice is unapproved; after sending, corrections are credit notes."""
    _, invoice = await approved(world)
    await send_invoice(invoice["invoice_id"], None, "ann")
    await unapprove_invoice(invoice["invoice_id"])
    assert await rows(select(send_request)) == await rows(select(document)) == []
    await send_invoice(invoice["invoice_id"], None, "ann")

    async def render(_: object) -> bytes:
        return b"a document"

    assert await render_next(render)
    assert await send_next("http://invoicing.example")
    with pytest.raises(Conflict, match="credit note"):
        await unapprove_invoice(invoice["invoice_id"])


async def test_many_at_once_leave_one_of_everything(world: World) -> None:
    """I3, B1: an invoice unapproved, approved and made again by many at the same time."""
    customer, invoice = await approved(world)
    acts = [
        unapprove_invoice,
        approve_invoice,
        unapprove_invoice,
        approve_invoice,
        lambda invoice_id: recreate_invoices([invoice_id], "ann"),
    ]
    for _ in range(4):
        answers = await asyncio.gather(*(act(invoice["invoice_id"]) for act in acts), return_exceptions=True)
        assert all(answer is None or isinstance(answer, list | Conflict) for answer in answers)
    now = await invoice_of(world, invoice)
    if now["remade_by"] is not None:
        await go_on(world, now, made.usage_line("5.00"))
    if (await invoice_of(world, invoice))["status"] == "draft":
        await approve_invoice(invoice["invoice_id"])
    now = await invoice_of(world, invoice)
    assert (now["number"], now["gross"]) == ("INV000001", Decimal("30.00"))
    assert (await world.told(AccountBalanceChanged))[-1].balance == Decimal("30.00")
    of_customer = await world.transactions(customer.customer_id)
    assert sorted(row["kind"] for row in of_customer) == ["recurring", "usage"]


async def test_a_sent_invoice_is_issued_again_as_a_copy(world: World) -> None:
    """I6: with the present name and address, marked as a copy, number and figures unchanged; the original is kept."""
    customer, invoice = await approved(world)
    with pytest.raises(Conflict, match="not sent yet"):
        await issue_copy(invoice["invoice_id"])
    printed: list[InvoiceDocument] = []

    async def render(document: InvoiceDocument) -> bytes:
        printed.append(document)
        return f"{len(printed)}".encode()

    await send_invoice(invoice["invoice_id"], None, "ann")
    assert await render_next(render)
    assert await send_next("http://invoicing.example")
    await world.hear(CustomerUpdated(**{**customer.model_dump(), "version": 2, "name": "Renamed Example Ltd"}))
    assert sorted(await asyncio.gather(*(issue_copy(invoice["invoice_id"]) for _ in range(3)))) == [1, 2, 3]
    assert await render_next(render)
    original, copy, *_ = printed
    assert (original.copy, copy.copy, copy.customer.name) == (False, True, "Renamed Example Ltd")
    assert original.customer.name == customer.name
    assert (copy.number, copy.gross, copy.sections) == (original.number, original.gross, original.sections)
    assert (await reports.invoice_document(invoice["invoice_id"]))[1] == b"1"
    assert (await reports.invoice_document(invoice["invoice_id"], 1))[1] != b"1"
    with pytest.raises(NotFound, match="no copy 4"):
        await reports.invoice_document(invoice["invoice_id"], 4)
    assert not await send_next("http://invoicing.example")
