"""Approving: numbers without gaps, whatever happens at the same time; and VAT that follows a customer until then."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from tests.invoicing import made
from tests.invoicing.integration.conftest import World

from contracts.billing import AccountBalanceChanged, CreditNoteIssued, InvoiceApproved, InvoiceUpdated
from contracts.closing import UsageCloseBilled
from contracts.customers import CustomerUpdated
from contracts.reference import VatPeriod, VatRate
from invoicing.domain.numbering import Series
from invoicing.service import reports
from invoicing.service.approvals import approve_invoice, approve_next, approve_run
from invoicing.service.numbering import change_series, current_series
from service_kit.problems import Conflict, NotFound


async def test_a_run_is_approved_with_numbers_in_order_and_its_usage_billed(world: World) -> None:
    """I6: numbered and locked; rating is told that the closes are billed."""
    customers = [made.customer(low_invoice=made.CREATE) for _ in range(7)]
    await world.hear(*customers)
    run_id = await world.bill({each.customer_id: [made.usage_line("5.00")] for each in customers})
    await world.approve(run_id, group=3)
    found = await world.invoices(run_id)
    assert [(row["number"], row["status"]) for row in found] == [(f"INV{n:06d}", "approved") for n in range(1, 8)]
    assert [each.number for each in await world.told(InvoiceApproved)] == [row["number"] for row in found]
    billed = {each.close_id: each.invoice_id for each in await world.told(UsageCloseBilled)}
    assert billed == {row["close_id"]: row["invoice_id"] for row in found}
    assert not any(row["active"] for row in await world.customers(run_id))
    report = await reports.run_report(run_id)
    assert (report.progress.approved, report.run.approving) == (7, False)


async def test_numbers_have_no_gaps_when_many_approve_at_once(world: World) -> None:
    """I6, B4: two runs in small groups, and single invoices, all at the same time."""
    customers = [made.customer(low_invoice=made.CREATE) for _ in range(60)]
    await world.hear(*customers)
    ids = [each.customer_id for each in customers]
    runs = [await world.bill(customers=tuple(part)) for part in (ids[:20], ids[20:40], ids[40:])]
    singles = [row["invoice_id"] for row in await world.invoices(runs[2])]

    async def approve_all(run_id: int) -> None:
        await approve_run(run_id)
        while await approve_next(run_id, 3):
            pass

    await asyncio.gather(*map(approve_all, runs[:2]), *map(approve_invoice, singles))
    for run_id in runs[:2]:
        await approve_all(run_id)
    found = [row for run_id in runs for row in await world.invoices(run_id)]
    assert sorted(row["number"] for row in found) == [f"INV{n:06d}" for n in range(1, 61)]
    assert await current_series() == Series("INV", 6, 60)
    assert len(await world.told(InvoiceApproved)) == 60


async def test_approving_twice_changes_nothing(world: World) -> None:
    """I6: an approved invoice never changes."""
    await world.hear(made.customer(low_invoice=made.CREATE))
    (draft,) = await world.invoices(await world.bill())
    await approve_invoice(draft["invoice_id"])
    await approve_invoice(draft["invoice_id"])
    assert len(await world.told(InvoiceApproved)) == 1
    assert await current_series() == Series("INV", 6, 1)
    with pytest.raises(NotFound):
        await approve_invoice(999)


async def test_a_negative_invoice_is_issued_as_a_credit_note_in_the_same_series(world: World) -> None:
    """Z14: credit_note.issued, numbered like the rest."""
    await world.hear(customer := made.customer(low_invoice=made.CREATE))
    await world.hear(made.feature(customer.customer_id, made.charge("-12.50", made.date(2025, 1, 1))))
    run_id = await world.bill()
    await world.approve(run_id)
    (issued,) = await world.told(CreditNoteIssued)
    assert (issued.kind, issued.number, issued.gross) == ("credit_note", "INV000001", Decimal("-15.00"))
    assert issued.due_date is None
    assert await world.told(InvoiceApproved) == []


async def test_the_series_can_look_otherwise_and_the_count_goes_on(world: World) -> None:
    """I6: as configured; no number is used again."""
    customers = [made.customer(low_invoice=made.CREATE) for _ in range(2)]
    await world.hear(*customers)
    first, second = await world.invoices(await world.bill())
    await approve_invoice(first["invoice_id"])
    await change_series(Series("F-", 4))
    await approve_invoice(second["invoice_id"])
    numbers = [row["number"] for row in await world.invoices(first["run_id"])]
    assert numbers == ["INV000001", "F-0002"]


async def test_a_draft_with_missing_details_is_not_approved_until_they_are_there(world: World) -> None:
    """Z10: the others of its run are; approved again, it is tried again."""
    whole, lacking = made.customer(low_invoice=made.CREATE), made.customer(low_invoice=made.CREATE)
    await world.hear(whole, lacking)
    run_id = await world.bill()
    gone = {**lacking.model_dump(), "version": 2, "missing": ("billing address",)}
    await world.hear(CustomerUpdated(**gone))
    await world.approve(run_id)
    problems = {row["customer_id"]: (row["number"], row["problem"]) for row in await world.invoices(run_id)}
    assert problems[whole.customer_id] == ("INV000001", "")
    assert problems[lacking.customer_id] == (None, "missing details: billing address")
    with pytest.raises(Conflict, match="billing address"):
        await approve_invoice((await world.invoices(run_id))[1]["invoice_id"])
    await world.hear(CustomerUpdated(**{**gone, "version": 3, "missing": ()}))
    await world.approve(run_id)
    assert [row["number"] for row in await world.invoices(run_id)] == ["INV000001", "INV000002"]


async def test_another_vat_rate_recomputes_drafts_and_leaves_approved_invoices_alone(world: World) -> None:
    """C7: to new transactions, to those on Unsent and to drafts; a charge's own rate stays."""
    customers = [made.customer() for _ in range(2)]
    own = made.charge("10.00", made.date(2025, 1, 1), vat_rate="reduced")
    await world.hear(*customers, made.feature(customers[0].customer_id, own))
    run_id = await world.bill({each.customer_id: [made.usage_line("100.00")] for each in customers})
    draft, approved = await world.invoices(run_id)
    await approve_invoice(approved["invoice_id"])
    changed = (CustomerUpdated(**{**each.model_dump(), "version": 2, "vat_rate": "zero"}) for each in customers)
    await world.hear(*changed)
    after, untouched = await world.invoices(run_id)
    assert (draft["vat"], after["vat"], after["gross"]) == (Decimal("20.50"), Decimal("0.50"), Decimal("110.50"))
    assert untouched["vat"] == Decimal("20.00")
    (told,) = await world.told(InvoiceUpdated)
    assert (told.invoice_id, told.version) == (draft["invoice_id"], 2)
    assert {line.vat_rate: line.vat for line in told.vat_lines} == {
        "zero": Decimal("0.00"),
        "reduced": Decimal("0.50"),
    }
    rates = {row["kind"]: row["vat_rate"] for row in await world.transactions(customers[0].customer_id)}
    assert rates == {"usage": "zero", "one_off": "reduced"}


async def test_a_vat_rate_without_a_percentage_keeps_a_draft_until_it_has_one(world: World) -> None:
    """C7, Z13: no invoice is approved at a rate that the customer has no more, or at one that is not known."""
    odd = made.reference("vat_rates", "odd", vat_rate=VatRate(treatment="standard", periods=()))
    await world.hear(odd, customer := made.customer())
    run_id = await world.bill({customer.customer_id: [made.usage_line("100.00")]})
    await world.hear(CustomerUpdated(**{**customer.model_dump(), "version": 2, "vat_rate": "odd"}))
    (draft,) = await world.invoices(run_id)
    assert (draft["vat"], draft["problem"]) == (Decimal("20.00"), "VAT rate odd has no percentage on 2025-02-01")
    await world.approve(run_id)
    with pytest.raises(Conflict, match="odd has no percentage"):
        await approve_invoice(draft["invoice_id"])
    period = VatPeriod(percent=Decimal("8"), valid_from=made.date(2025, 1, 1))
    rate = VatRate(treatment="standard", periods=(period,))
    await world.hear(made.reference("vat_rates", "odd", version=2, vat_rate=rate))
    await world.approve(run_id)
    (approved,) = await world.told(InvoiceApproved)
    assert (approved.number, approved.vat) == ("INV000001", Decimal("8.00"))


async def test_a_run_that_has_no_drafts_cannot_be_approved(world: World) -> None:
    """I3: it says in which state it is."""
    from invoicing.service.runs import NewRun, create_run

    run = await create_run(NewRun(bill_to=made.date(2025, 1, 31), invoice_date=made.date(2025, 2, 1)), "tests")
    with pytest.raises(Conflict, match="is draft"):
        await approve_run(run.run_id)


async def test_what_a_customer_owes_is_told_with_each_approval(world: World) -> None:
    """I9: approved invoices less credit notes; the version grows. 12.00 + 20 % is 14.40, and 5.00 back is 6.00 less."""
    await world.hear(customer := made.customer(low_invoice=made.CREATE))
    await world.hear(made.feature(customer.customer_id, made.charge("12.00", made.date(2025, 1, 1))))
    (draft,) = await world.invoices(await world.bill())
    assert await world.told(AccountBalanceChanged) == []
    await approve_invoice(draft["invoice_id"])
    await approve_invoice(draft["invoice_id"])
    await world.hear(made.feature(customer.customer_id, made.charge("-5.00", made.date(2025, 1, 2))))
    (second,) = await world.invoices(await world.bill())
    await approve_invoice(second["invoice_id"])
    told = await world.told(AccountBalanceChanged)
    assert [(each.customer_id, each.version, each.balance) for each in told] == [
        (customer.customer_id, 1, Decimal("14.40")),
        (customer.customer_id, 2, Decimal("8.40")),
    ]


async def test_a_run_tells_the_balance_of_each_customer_once(world: World) -> None:
    """I9: in groups, each customer its own."""
    customers = [made.customer(low_invoice=made.CREATE) for _ in range(5)]
    await world.hear(*customers)
    run_id = await world.bill({each.customer_id: [made.usage_line("5.00")] for each in customers})
    await world.approve(run_id, group=2)
    told = await world.told(AccountBalanceChanged)
    assert sorted(each.customer_id for each in told) == [each.customer_id for each in customers]
    assert {(each.version, each.balance) for each in told} == {(1, Decimal("6.00"))}
