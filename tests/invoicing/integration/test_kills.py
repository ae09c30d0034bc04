"""A run whose process is killed inside each of its steps goes on by itself, and comes to the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from tests.invoicing import made
from tests.invoicing.integration.conftest import PARTITIONS, World
from tests.support.auditor import assert_sound

from contracts.billing import (
    BillingRunCancelled,
    BillingRunRequested,
    InvoiceApproved,
    InvoiceCreated,
    InvoiceSent,
    InvoiceUnapproved,
)
from contracts.closing import UsageCloseBilled, UsageCloseRequested
from invoicing.service.approvals import approve_invoice, approve_next, approve_run
from invoicing.service.by_hand import NewInvoice, make_by_hand
from invoicing.service.cancelling import cancel_next, cancel_run
from invoicing.service.drafting import draft_next
from invoicing.service.recreating import recreate_invoices
from invoicing.service.rendering import render_next
from invoicing.service.resuming import resume_run
from invoicing.service.runs import NewRun, complete_run, create_run, request_run, start_run
from invoicing.service.sending import send_next, send_run
from invoicing.service.unapproving import unapprove_invoice
from service_kit.database import bind

ROOT = Path(__file__).resolve().parents[3]
POINTS = ["invoicing.requested", "invoicing.started", "invoicing.group", "invoicing.numbered", "invoicing.sent"]


@pytest.fixture
async def dsn(service_database: Callable[[str], str]) -> str:
    return service_database("invoicing")


def killed_in(point: str, dsn: str, run_id: int) -> None:
    """Do a step in another process, which is killed before it commits: work was in flight."""
    command = [sys.executable, "-m", "tests.invoicing.integration.step", dsn, point, str(run_id)]
    environment = {**os.environ, "FARTHING_CRASH_POINTS": f"{point}=1", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=ROOT, env=environment, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize("point", POINTS)
async def test_a_run_killed_anywhere_goes_on_and_comes_to_the_same(dsn: str, point: str) -> None:
    """I3, B1: nothing lost, nothing doubled, no number missing."""
    database = bind(dsn)
    world = World()
    customers = [made.customer() for _ in range(5)]
    numbers = [made.number(each.customer_id, made.charge("10.00", date(2025, 1, 1), months=1)) for each in customers]
    await world.hear(*made.REFERENCE, *customers, *numbers)
    run_id = (await create_run(NewRun(bill_to=date(2025, 1, 31), invoice_date=date(2025, 2, 1)), "tests")).run_id

    def maybe(step: str) -> None:
        if step == point:
            killed_in(step, dsn, run_id)

    maybe("invoicing.requested")
    await request_run(run_id)
    await world.hear(*made.markers(run_id))
    maybe("invoicing.started")
    assert await start_run(run_id, PARTITIONS)
    await world.answer(run_id, {each.customer_id: [made.usage_line("1.00")] for each in customers})
    maybe("invoicing.group")
    while await draft_next(run_id, 3):
        pass
    assert await complete_run(run_id)
    await approve_run(run_id)
    maybe("invoicing.numbered")
    while await approve_next(run_id, 3):
        pass
    await send_run(run_id, "tests")
    while await render_next(fake_pdf):
        pass
    maybe("invoicing.sent")
    while await send_next("http://invoicing.example", 3):
        pass

    found = await world.invoices(run_id)
    assert [(row["number"], row["status"]) for row in found] == [(f"INV{n:06d}", "sent") for n in range(1, 6)]
    assert {str(row["net"]) for row in found} == {"21.00"}
    for kind in (InvoiceCreated, InvoiceApproved, UsageCloseBilled, InvoiceSent):
        assert len(await world.told(kind)) == 5
    assert len(await world.told(BillingRunRequested)) == 1
    asked = [each for request in await world.told(UsageCloseRequested) for each in request.customers]
    assert sorted(asked) == [each.customer_id for each in customers]
    assert_sound({"invoicing": dsn}, at_rest=False)
    await database.close()


async def test_the_course_of_a_bill_killed_anywhere_goes_on_and_comes_to_the_same(dsn: str) -> None:
    """I3, I6, I10: unapproved, made again, approved; a run cancelled; parked tried again; by hand. Each killed once."""
    database = bind(dsn)
    world = World()
    customers = [made.customer() for _ in range(5)]
    numbers = [made.number(each.customer_id, made.charge("10.00", date(2025, 1, 1), months=1)) for each in customers]
    parked = made.customer(missing=("billing address",))
    await world.hear(*made.REFERENCE, *customers, *numbers, parked)
    run_id = await world.bill({each.customer_id: [made.usage_line("1.00")] for each in customers})
    first = (await world.invoices(run_id))[0]
    await approve_invoice(first["invoice_id"])

    killed_in("invoicing.unapproved", dsn, first["invoice_id"])
    await unapprove_invoice(first["invoice_id"])
    killed_in("invoicing.recreated", dsn, first["invoice_id"])
    await recreate_invoices([first["invoice_id"]], "tests")
    await _go_on(world, 1)
    await approve_invoice(first["invoice_id"])
    killed_in("invoicing.resumed", dsn, run_id)
    resumed = await resume_run(run_id, "tests")
    assert resumed.customers == (parked.customer_id,)
    await cancel_run(run_id)
    killed_in("invoicing.cancelled", dsn, run_id)
    while await cancel_next(run_id, 3):
        pass
    killed_in("invoicing.by_hand", dsn, first["customer_id"])
    await make_by_hand(
        NewInvoice(customer_id=first["customer_id"], bill_to=date(2025, 2, 28), confirm_empty=True), "tests"
    )
    await _go_on(world, 0)

    found = await world.invoices(run_id)
    assert [(row["number"], row["status"]) for row in found] == [("INV000001", "approved")] + [(None, "removed")] * 4
    assert str(found[0]["net"]) == "21.00"
    assert len(await world.told(BillingRunCancelled)) == len(await world.told(InvoiceUnapproved)) == 1
    lines = [len(await world.transactions(each.customer_id)) for each in customers]
    assert lines == [3, 1, 1, 1, 1]  # two rentals and a usage of the first, the others' rental on Unsent
    assert_sound({"invoicing": dsn}, at_rest=False)
    await database.close()


async def _go_on(world: World, lines: int) -> None:
    """The run that was requested last, to its end, with so many lines of usage of 1.00."""
    requested = (await world.told(BillingRunRequested))[-1]
    await world.hear(*made.markers(requested.run_id))
    assert await start_run(requested.run_id, PARTITIONS)
    usage = [made.usage_line("1.00")] * lines
    await world.answer(requested.run_id, dict.fromkeys(requested.customers or (), usage))
    await world.draft(requested.run_id)


async def fake_pdf(document: object) -> bytes:
    """Bytes in a PDF's place: the real one has tests of its own."""
    return f"%PDF of {document}".encode()
