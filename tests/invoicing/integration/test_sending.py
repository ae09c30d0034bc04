"""Documents are rendered once and kept; invoices are sent once for each request, when their document exists."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from io import BytesIO

import httpx
import pytest
from pypdf import PdfReader
from sqlalchemy import select
from tests.invoicing import made
from tests.invoicing.integration.conftest import World, rows
from tests.invoicing.unit.test_printing import A_DOCUMENT

from contracts.billing import InvoiceSent
from contracts.customers import CustomerUpdated
from invoicing.documents.model import InvoiceDocument
from invoicing.rendering import Renderer
from invoicing.service.approvals import approve_next, approve_run
from invoicing.service.rendering import render_next
from invoicing.service.reports import invoice_document, run_report
from invoicing.service.sending import send_invoice, send_next, send_run
from invoicing.store.tables import document
from service_kit.errors import Transient
from service_kit.problems import Conflict

URL = "http://invoicing.example/"


@pytest.fixture
def renderer() -> Iterator[Renderer]:
    """Real rendering, in a process of its own."""
    renderer = Renderer(processes=1, documents_each=50)
    yield renderer
    renderer.close()


async def fake_pdf(printed: InvoiceDocument) -> bytes:
    """Bytes in a PDF's place, where it does not matter what they look like."""
    return f"%PDF-{printed}".encode()


async def send_all() -> None:
    while await send_next(URL, 2):
        pass


async def approved(world: World, *customers: CustomerUpdated | object) -> int:
    """A run of these customers with an approved invoice of 12.00 for each."""
    ids = tuple(each.customer_id for each in customers)  # type: ignore[attr-defined]
    run_id = await world.bill({each: [made.usage_line("10.00")] for each in ids}, customers=ids)
    await world.approve(run_id)
    return run_id


async def test_the_long_bill_has_what_hmrc_asks_for(world: World, renderer: Renderer) -> None:
    """I7, I8: number, dates, tax point, both parties, VAT numbers, lines, net, rate and VAT per rate."""
    customer = made.customer(name="Ada Example", company_name="Made-up Bakery Ltd", vat_number="GB999 9999 73")
    rental = made.charge("12.99", made.date(2025, 1, 1), months=1)
    books = made.charge("30.00", made.date(2025, 1, 7), vat_rate="zero", description="Printed directory")
    number = made.number(customer.customer_id, rental, label="Shop")
    await world.hear(customer, number, made.feature(customer.customer_id, books))
    line = made.usage_line("4.205", number_id=number.number_id, number=number.number)
    run_id = await world.bill({customer.customer_id: [line]}, message="Closed on Mondays")
    await world.approve(run_id)
    assert await render_next(renderer.render)
    (invoice,) = await world.invoices(run_id)
    name, content = await invoice_document(invoice["invoice_id"])
    words = " ".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)
    for wanted in (
        name, "Harbour Example Telecom Ltd", "1 Quay Street", "GB999 9999 73", "Made-up Bakery Ltd", "7 Made-up Road",
        customer.account_number, "1 February 2025", "15 February 2025", number.number, "Shop", "Line rental",
        "Printed directory", "National", "Closed on Mondays", "60.19", "6.04", "66.23", "20 %", "0 %", "direct debit",
    ):  # fmt: skip
        assert wanted in words, wanted


async def test_a_document_is_rendered_once_and_its_bytes_stay(world: World) -> None:
    """I8: documents of an approved invoice never change, whatever becomes of the customer."""
    await world.hear(customer := made.customer())
    (invoice,) = await world.invoices(await approved(world, customer))
    assert await render_next(fake_pdf)
    before = await invoice_document(invoice["invoice_id"])
    moved = made.Address(lines=("99 Elsewhere",), postcode="EX9 9ZZ")
    await world.hear(CustomerUpdated(**{**customer.model_dump(), "version": 2, "billing_address": moved}))
    assert not await render_next(fake_pdf)
    assert await invoice_document(invoice["invoice_id"]) == before
    assert b"7 Made-up Road" in before[1]


async def test_a_run_is_sent_once_each_and_without_an_address_says_so(world: World) -> None:
    """N1, Z10: asked for twice, sent once; a missing email is counted, not parked."""
    customers = [made.customer(), made.customer(emails=()), made.customer(emails=("a@one.example", "b@two.example"))]
    await world.hear(*customers)
    run_id = await approved(world, *customers)
    await send_run(run_id, "ann")
    await send_all()
    assert await world.told(InvoiceSent) == []  # no document yet
    while await render_next(fake_pdf, group=2):
        pass
    await send_run(run_id, "ann")
    await send_all()
    await send_run(run_id, "ann")
    await send_all()
    told = await world.told(InvoiceSent)
    assert [len(each.recipients) for each in told] == [1, 0, 2]
    assert [each.number for each in told] == ["INV000001", "INV000002", "INV000003"]
    (kept, *_) = await rows(select(document).order_by(document.c.document_id))
    assert told[0].document_sha256 == kept["sha256"]
    assert told[0].document_url == f"http://invoicing.example/documents/{kept['sha256']}"
    assert (told[0].status, told[0].version, told[0].document_name) == ("sent", 3, "INV000001.pdf")
    assert told[0].bill_style.supplier_name == "Harbour Example Telecom Ltd"
    report = await run_report(run_id)
    assert (report.progress.sent, report.progress.not_emailed) == (3, 1)
    assert [row["status"] for row in await world.invoices(run_id)] == ["sent"] * 3


async def test_sending_by_hand_approves_first_and_may_go_elsewhere_and_again(world: World) -> None:
    """I6, N1: sending approves; to others given for this time only; resend at any time."""
    await world.hear(customer := made.customer())
    run_id = await world.bill({customer.customer_id: [made.usage_line("10.00")]})
    (draft,) = await world.invoices(run_id)
    first = await send_invoice(draft["invoice_id"], ["other@else.example"], "ann")
    await render_next(fake_pdf)
    await send_all()
    await send_run(run_id, "ann")  # sent already
    second = await send_invoice(draft["invoice_id"], None, "ann")
    await send_all()
    told = await world.told(InvoiceSent)
    assert [(each.request_id, each.recipients) for each in told] == [
        (first, ("other@else.example",)),
        (second, customer.emails),
    ]
    assert told[0].version == told[1].version


async def test_a_run_sent_while_it_is_being_approved_sends_the_rest_too(world: World) -> None:
    """I6: nobody has to watch for the right moment."""
    customers = [made.customer() for _ in range(4)]
    await world.hear(*customers)
    run_id = await world.bill({each.customer_id: [made.usage_line("10.00")] for each in customers})
    await approve_run(run_id)
    assert await approve_next(run_id, 1)
    await send_run(run_id, "ann")
    while await approve_next(run_id, 1):
        pass
    while await render_next(fake_pdf):
        pass
    await send_all()
    assert len({each.invoice_id for each in await world.told(InvoiceSent)}) == 4


async def test_a_document_that_cannot_be_rendered_is_tried_some_times_and_then_shown(world: World) -> None:
    """I8: the others of its group are rendered."""
    customers = [made.customer(), made.customer()]
    await world.hear(*customers)
    run_id = await approved(world, *customers)
    bad = (await world.invoices(run_id))[0]

    async def fails_for_one(printed: InvoiceDocument) -> bytes:
        if printed.number == bad["number"]:
            raise ValueError("no such glyph")
        return await fake_pdf(printed)

    for _ in range(3):
        assert await render_next(fails_for_one)
    assert not await render_next(fails_for_one)
    with pytest.raises(Conflict, match="no such glyph"):
        await invoice_document(bad["invoice_id"])
    assert (await run_report(run_id)).failed_documents == 1


async def test_an_interrupted_rendering_counts_as_nothing(world: World) -> None:
    """A killed rendering process is not the document's fault."""
    await world.hear(customer := made.customer())
    await approved(world, customer)

    async def interrupted(printed: InvoiceDocument) -> bytes:
        raise Transient("killed")

    with pytest.raises(Transient):
        await render_next(interrupted)
    assert [row["failures"] for row in await rows(select(document))] == [0]
    assert await render_next(fake_pdf)


async def test_a_killed_rendering_process_is_replaced(renderer: Renderer) -> None:
    """DESIGN "PDF": worker processes are replaced; one that is killed too."""
    first = await renderer.render(A_DOCUMENT)
    for process in list(renderer._pool._processes.values()):  # type: ignore[union-attr]
        process.kill()
    with pytest.raises(Transient):
        await asyncio.wait_for(_render_for_ever(renderer), 30)
    assert await renderer.render(A_DOCUMENT) == first
    assert await renderer.render(replace(A_DOCUMENT, net=Decimal("1.00"))) != first


async def _render_for_ever(renderer: Renderer) -> None:
    while True:
        await renderer.render(A_DOCUMENT)


async def test_the_document_is_to_be_had_over_http(api: httpx.AsyncClient, world: World) -> None:
    """I8: by invoice, and by the digest that `invoice.sent` names."""
    await world.hear(customer := made.customer())
    (invoice,) = await world.invoices(await approved(world, customer))
    await render_next(fake_pdf)
    answer = await api.get(f"/invoices/{invoice['invoice_id']}/document")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert 'filename="INV000001.pdf"' in answer.headers["content-disposition"]
    (kept,) = await rows(select(document))
    by_digest = await api.get(f"/documents/{kept['sha256']}")
    assert by_digest.content == answer.content == kept["bytes"]
