"""An erased customer leaves figures, and nothing that names anybody."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx
import sqlalchemy as sa
from tests.invoicing import made
from tests.invoicing.integration.conftest import World, rows
from tests.invoicing.integration.test_kills import killed_in
from tests.support.auditor import assert_sound

from contracts.billing import InvoiceRemoved
from contracts.closing import UsageCloseReleased, UsageUnbilled
from contracts.customers import Address, CustomerCreated, CustomerErased
from contracts.erasures import ErasureConfirmed
from invoicing.service.credit import review_next, take_in_usage
from invoicing.service.erasing import erase_next
from invoicing.service.payments import NewPayment, record_payment
from invoicing.service.rendering import render_next
from invoicing.service.sending import send_next, send_run
from invoicing.store.tables import charge, document, invoice, metadata, run_customer

D = Decimal
DECIDED = {
    *("customer", "number", "feature", "charge", "usage_close", "usage_adjustment", "credit", "credit_changed"),
    *("transaction", "invoice", "payment", "run_customer"),
    *("account_balance", "account_series", "refund", "erasure"),
}
"""Tables with a customer id: those that go, those that are emptied, and those that hold nothing but figures."""
ERASED_AT = datetime(2025, 6, 1, tzinfo=UTC)
PERSONAL = ("Zephyrine", "Quillfeather", "VX9 9XV", "quill.example", "+442079460777", "Cheque 4711", "For Zephyrine")
"""Whatever tells who the customer is; none of it is anywhere else."""


def zephyrine(**what: Any) -> CustomerCreated:
    """A customer who can be told from all others."""
    return made.customer(
        name="Zephyrine Quillfeather",
        company_name="Quillfeather Invented Ltd",
        account_number="ZQ1",
        billing_address=Address(lines=("9 Quillfeather Row",), postcode="VX9 9XV"),
        emails=("zephyrine@quill.example",),
        low_invoice=made.CREATE,
        credit_limit="500.00",
        **what,
    )


async def billed_and_paid(world: World, customer: CustomerCreated) -> None:
    """A sent January, its payment, February as a draft, and unbilled usage."""
    line = made.charge("10.00", date(2025, 1, 1), months=1, description="Zephyrine's line", in_advance=False)
    await world.hear(customer, made.number(customer.customer_id, line, number="+442079460777", label="Quillfeather"))
    usage = made.usage_line("5.00", number="+442079460777")
    run_id = await world.bill(
        {customer.customer_id: [usage]}, customers=(customer.customer_id,), message="For Zephyrine"
    )
    await world.approve(run_id)
    assert await render_next(_pdf)
    await send_run(run_id, "ann")
    assert await send_next("http://invoicing.example")
    await record_payment(NewPayment(customer.customer_id, D("8.00"), date(2025, 2, 5), reference="Cheque 4711"), "ann")
    await world.bill(
        {customer.customer_id: [usage]}, bill_to=date(2025, 2, 28), invoice_date=date(2025, 3, 1), message=""
    )
    told = UsageUnbilled(customer_id=customer.customer_id, version=1, as_of=ERASED_AT, calls=3, net_exact=D("450.00"))
    await take_in_usage(made.received(told))
    while await review_next():
        pass


async def erase(world: World, customer: CustomerCreated, rows_at_once: int = 1000) -> None:
    """Customers says so, and the role `eraser` works it off."""
    await told_erased(world, customer)
    while await erase_next(rows_at_once):
        pass


async def told_erased(world: World, customer: CustomerCreated) -> None:
    await world.hear(CustomerErased(customer_id=customer.customer_id, version=9, erased_at=ERASED_AT))


async def test_figures_stay_and_nothing_that_names_anybody(
    world: World, api: httpx.AsyncClient, service_dsn: str
) -> None:
    """C17: invoice number, dates, amounts and VAT stay; no table holds anything else of the customer."""
    customer = zephyrine()
    await billed_and_paid(world, customer)
    before = await _kept_invoices()
    assert await _tables_that_name()
    await erase(world, customer, 2)
    assert await _tables_that_name() == set()
    assert await _kept_invoices() == before
    ((net, vat, gross, paid),) = [row[-4:] for row in before]
    assert (net, vat, gross, paid) == (D("15.00"), D("3.00"), D("18.00"), D("8.00"))
    (confirmed,) = await world.told(ErasureConfirmed)
    assert (confirmed.customer_id, confirmed.service) == (customer.customer_id, "invoicing")
    assert_sound({"invoicing": service_dsn}, at_rest=False)
    (listed,) = (await api.get("/invoices", params={"customer_id": customer.customer_id})).json()["items"]
    assert (listed["number"], listed["gross"], listed["customer_name"]) == ("INV000001", "18.00", "")
    assert (await api.get(f"/invoices/{listed['invoice_id']}/document")).status_code == 404


def test_of_each_table_with_a_customer_it_is_decided_what_becomes_of_it() -> None:
    """C17: a new table has to be thought of."""
    assert {table.name for table in metadata.sorted_tables if "customer_id" in table.c} == DECIDED


async def test_others_are_left_as_they_are(world: World) -> None:
    """C17: only the customer that is erased."""
    other, customer = made.customer(low_invoice=made.CREATE), zephyrine()
    await world.hear(other, made.number(other.customer_id, made.charge("10.00", date(2025, 1, 1), months=1)))
    await billed_and_paid(world, customer)
    before = await _of(other)
    await erase(world, customer)
    assert await _of(other) == before


async def test_a_draft_goes_and_its_usage_is_released(world: World) -> None:
    """C17: what is not numbered need not be kept."""
    customer = zephyrine()
    await billed_and_paid(world, customer)
    await told_erased(world, customer)
    assert [each.status for each in await world.told(InvoiceRemoved)] == ["removed"]
    assert [each.customer_id for each in await world.told(UsageCloseReleased)] == [customer.customer_id]
    assert [row["state"] for row in await rows(sa.select(run_customer).order_by(run_customer.c.run_id))] == [
        "drafted",
        "skipped",
    ]


async def test_a_run_goes_on_without_who_is_erased_in_it(world: World) -> None:
    """C17, I3: its usage is here, it waits to be drafted."""
    other, customer = made.customer(low_invoice=made.CREATE), zephyrine()
    await world.hear(other, customer)
    run_id = await world.start()
    await world.answer(run_id, {})
    await told_erased(world, customer)
    await world.draft(run_id)
    states = {row["customer_id"]: (row["state"], row["reason"]) for row in await world.customers(run_id)}
    assert states == {other.customer_id: ("drafted", ""), customer.customer_id: ("skipped", "erased")}


async def test_erasures_payments_and_limits_in_the_middle_of_a_run(world: World, service_dsn: str) -> None:
    """C17, C13, I3: all at once, nobody waits for ever, others are billed and the books are sound."""
    customers = [made.customer(low_invoice=made.CREATE, credit_limit="5.00") for _ in range(24)]
    lines = [made.number(each.customer_id, made.charge("10.00", date(2025, 1, 1), months=1)) for each in customers]
    await world.hear(*customers, *lines)
    run_id = await world.start()
    await world.answer(run_id, {each.customer_id: [made.usage_line("5.00")] for each in customers})
    gone, kept = customers[::4], [each for each in customers if each not in customers[::4]]

    async def bill() -> None:
        await world.draft(run_id, 3)
        await world.approve(run_id, 3)

    async def leave() -> None:
        for each in gone:
            await erase(world, each, 2)

    async def pay() -> None:
        for each in kept:
            await record_payment(NewPayment(each.customer_id, D("3.00"), date(2025, 2, 5)), "ann")

    async def watch() -> None:
        for _ in range(40):
            await review_next(5)

    await asyncio.gather(bill(), leave(), pay(), watch())
    billed = [row["customer_id"] for row in await world.invoices(run_id) if row["status"] == "part_paid"]
    assert set(billed) == {each.customer_id for each in kept}
    assert len(await world.told(ErasureConfirmed)) == len(gone)
    assert_sound({"invoicing": service_dsn}, at_rest=False)


async def test_what_comes_late_about_an_erased_customer_is_dropped(world: World) -> None:
    """C17: states, numbers, closes and usage."""
    customer = zephyrine()
    await world.hear(customer)
    run_id = await world.start()
    await erase(world, customer)
    await world.hear(customer.model_copy(update={"version": 99}))
    await world.hear(made.number(customer.customer_id, made.charge("10.00", date(2025, 1, 1), months=1)))
    await world.hear(made.closed(run_id, customer.customer_id, made.usage_line("5.00", number="+442079460777")))
    told = UsageUnbilled(customer_id=customer.customer_id, version=9, as_of=ERASED_AT, calls=3, net_exact=D(1))
    await take_in_usage(made.received(told))
    assert await _tables_that_name() == set()
    assert await rows(sa.select(charge)) == []


async def test_an_unsent_invoice_of_an_erased_customer_is_sent_to_nobody(world: World, api: httpx.AsyncClient) -> None:
    """C17: what was asked for is withdrawn, and cannot be asked for again; others' invoices go out."""
    other, customer = made.customer(low_invoice=made.CREATE), zephyrine()
    await world.hear(other, customer)
    run_id = await world.bill()
    await world.approve(run_id)
    assert await render_next(_pdf)
    await send_run(run_id, "ann")
    await told_erased(world, customer)
    await send_run(run_id, "ann")
    assert await send_next("http://invoicing.example")
    assert not await send_next("http://invoicing.example")
    sent = {row["customer_id"]: row["sent_at"] is not None for row in await rows(sa.select(invoice))}
    assert sent == {other.customer_id: True, customer.customer_id: False}
    (theirs,) = (await api.get("/invoices", params={"customer_id": customer.customer_id})).json()["items"]
    answer = await api.post(f"/invoices/{theirs['invoice_id']}/send", json={})
    assert (answer.status_code, "erased" in answer.json()["detail"]) == (409, True)


async def test_a_draft_that_has_a_number_keeps_it_and_cannot_be_made_again_or_approved(
    world: World, api: httpx.AsyncClient
) -> None:
    """C17, I6: numbering has no holes; nobody is there to bill any more."""
    customer = zephyrine()
    await world.hear(customer)
    run_id = await world.bill()
    await world.approve(run_id)
    (approved,) = await world.invoices(run_id)
    path = f"/invoices/{approved['invoice_id']}"
    assert (await api.post(f"{path}/unapprove")).status_code == 200
    await erase(world, customer)
    for action in ("recreate", "approve", "unapprove"):
        answer = await api.post(f"{path}/{action}")
        assert (answer.status_code, "erased" in answer.json()["detail"]) == (409, True), action
    (kept,) = await world.invoices(run_id)
    assert (kept["number"], kept["status"]) == ("INV000001", "draft")
    assert await _tables_that_name() == set()


async def test_an_erasure_that_is_killed_goes_on(world: World, service_dsn: str) -> None:
    """C17: each step is a transaction that looks at what is left."""
    customer = zephyrine()
    await billed_and_paid(world, customer)
    await told_erased(world, customer)
    await erase_next(2)
    killed_in("invoicing.erasing", service_dsn, 0)
    while await erase_next(2):
        pass
    assert await _tables_that_name() == set()
    assert len(await world.told(ErasureConfirmed)) == 1


async def _pdf(_: object) -> bytes:
    return b"%PDF Zephyrine Quillfeather"


async def _kept_invoices() -> list[tuple[Any, ...]]:
    c = invoice.c
    names = (c.number, c.kind, c.invoice_date, c.tax_point, c.bill_to, c.due_date, c.net, c.vat, c.gross, c.paid)
    return [tuple(row.values()) for row in await rows(sa.select(*names).where(c.number.is_not(None)))]


async def _tables_that_name() -> set[str]:
    """The tables of which a row holds something personal; events that were sent go with the outbox's days."""
    found = set()
    for table in metadata.sorted_tables:
        if table.name == "outbox":
            continue
        for row in await rows(sa.text(f"SELECT convert_to(CAST(t AS text), 'UTF8') AS told FROM {table.name} AS t")):
            told = bytes(row["told"]).decode()
            hexed = told.lower()
            if any(each in told or each.encode().hex() in hexed for each in PERSONAL):
                found.add(table.name)
    return found


async def _of(customer: CustomerCreated) -> list[Any]:
    """All rows of a customer."""
    id = customer.customer_id
    found = [
        await rows(sa.select(table).where(table.c.customer_id == id).order_by(*table.primary_key.columns))
        for table in metadata.sorted_tables
        if "customer_id" in table.c
    ]
    theirs = sa.select(invoice.c.invoice_id).where(invoice.c.customer_id == id)
    return [*found, await rows(sa.select(document).where(document.c.invoice_id.in_(theirs)))]
