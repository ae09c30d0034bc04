"""Billing runs on a real database, with customers and rating played by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.invoicing import made
from tests.invoicing.integration.conftest import PARTITIONS, World, rows

from contracts.billing import BillingRunCompleted, BillingRunRequested, BillingRunStarted, InvoiceCreated
from contracts.closing import UsageCloseReleased, UsageCloseRequested
from contracts.customers import FeatureUpdated, LowInvoicePolicy, NumberRemoved, RunMarker, StatusPeriod
from invoicing.service import reports
from invoicing.service.drafting import draft_next
from invoicing.service.runs import NewRun, complete_run, create_run, request_run, start_run
from service_kit import clock
from service_kit.kafka import partition_for
from service_kit.problems import Invalid, NotFound

JANUARY = date(2025, 1, 31)
FEBRUARY = date(2025, 2, 28)


async def test_a_run_bills_usage_and_charges_to_the_penny(world: World) -> None:
    """I1, I2, Z2, Z13: 12.99 for 17 of 31 days of January and all of February, 35.00 once, 1.0049 of calls."""
    customer = made.customer()
    rental = made.charge("12.99", date(2025, 1, 15), months=1)
    number = made.number(customer.customer_id, rental, made.charge("35.00", date(2025, 1, 15)))
    await world.hear(customer, number)
    run_id = await world.bill({customer.customer_id: [made.usage_line("1.0049")]})
    (invoice,) = await world.invoices(run_id)
    lines = {row["kind"]: row for row in await world.transactions(customer.customer_id)}
    assert lines["recurring"]["net"] == Decimal("20.11")  # 12.99 x 17/31 = 7.1235, + 12.99
    assert (lines["one_off"]["net"], lines["usage"]["net"]) == (Decimal("35.00"), Decimal("1.00"))
    assert (invoice["net"], invoice["vat"], invoice["gross"]) == (Decimal("56.11"), Decimal("11.22"), Decimal("67.33"))
    assert (invoice["due_date"], invoice["status"], invoice["number"]) == (date(2025, 2, 15), "draft", None)
    assert {row["invoice_id"] for row in lines.values()} == {invoice["invoice_id"]}
    assert {row["number"] for row in lines.values()} == {number.number, "+442079460001"}
    (told,) = await world.told(InvoiceCreated)
    assert (told.invoice_id, told.gross, told.vat_lines[0].percent) == (invoice["invoice_id"], Decimal("67.33"), 20)
    (done,) = await world.told(BillingRunCompleted)
    assert (done.state, done.totals.drafted, done.totals.gross) == ("completed", 1, Decimal("67.33"))


async def test_the_next_run_charges_the_next_month_only(world: World) -> None:
    """I2: what is charged is not charged again, and the usage of a customer is closed anew."""
    customer = made.customer()
    await world.hear(customer, made.number(customer.customer_id, made.charge("10.00", date(2025, 1, 1), months=1)))
    await world.approve(await world.bill())
    run_id = await world.bill(bill_to=FEBRUARY, invoice_date=date(2025, 3, 1))
    (invoice,) = await world.invoices(run_id)
    assert invoice["net"] == Decimal("10.00")
    days = [(row["first_day"], row["last_day"]) for row in await world.transactions(customer.customer_id)]
    assert days == [(date(2025, 1, 1), FEBRUARY), (date(2025, 3, 1), date(2025, 3, 31))]


async def test_nothing_starts_before_every_partition_has_its_marker(world: World) -> None:
    """I3: the cut: one partition without its marker, and the run waits."""
    await world.hear(made.customer())
    run = await create_run(NewRun(bill_to=JANUARY, invoice_date=JANUARY), "tests")
    run_id = run.run_id
    assert not await start_run(run_id, PARTITIONS)
    await request_run(run_id)
    first, *others = made.markers(run_id, partitions=3)
    await world.hear(*others)
    assert not await start_run(run_id, PARTITIONS)
    assert (await reports.run_report(run_id)).stage == "waiting_for_cut"
    await world.hear(first)
    assert await start_run(run_id, PARTITIONS)
    (requested,), (started,) = await world.told(BillingRunRequested), await world.told(BillingRunStarted)
    assert (requested.version, started.version, started.totals.customers) == (1, 2, 1)


async def test_a_change_before_the_marker_is_in_the_run_and_one_after_it_is_not_needed(world: World) -> None:
    """I3: the batch that brings the marker also brings what stood before it."""
    run = await create_run(NewRun(bill_to=JANUARY, invoice_date=JANUARY), "tests")
    await request_run(run.run_id)
    customer = made.customer()
    await world.hear(customer, *made.markers(run.run_id))
    assert await start_run(run.run_id, PARTITIONS)
    await world.hear(made.customer())
    assert [row["customer_id"] for row in await world.customers(run.run_id)] == [customer.customer_id]


async def test_each_partition_is_asked_for_its_own_customers(world: World) -> None:
    """DESIGN "A billing run" 3: a request per partition, sent to that partition."""
    customers = [made.customer() for _ in range(20)]
    await world.hear(*customers)
    run_id = await world.start()
    found = await rows(text("SELECT partition, payload FROM outbox WHERE type = 'usage.close.requested'"))
    asked: list[int] = []
    for row in found:
        request = UsageCloseRequested.model_validate(row["payload"])
        assert row["partition"] == request.partition
        assert request.run_id == run_id
        assert {partition_for(each, PARTITIONS) for each in request.customers} == {request.partition}
        asked += request.customers
    assert sorted(asked) == sorted(each.customer_id for each in customers)


async def test_everything_asked_or_told_twice_changes_nothing(world: World) -> None:
    """I3, B1: a run asked for twice, markers and answers that come twice."""
    customer = made.customer()
    await world.hear(customer, made.number(customer.customer_id, made.charge("10.00", date(2025, 1, 1), months=1)))
    run_id = await world.start()
    assert (await request_run(run_id)).state == "running"
    await world.hear(*made.markers(run_id))
    assert not await start_run(run_id, PARTITIONS)
    answer = made.closed(run_id, customer.customer_id, made.usage_line("5.00"))
    await world.hear(answer)
    await world.hear(answer)
    await world.draft(run_id)
    await world.hear(answer)
    await world.draft(run_id)
    assert not await complete_run(run_id)
    assert len(await world.invoices(run_id)) == 1
    assert len(await world.transactions(customer.customer_id)) == 2
    assert len(await world.told(BillingRunRequested)) == len(await world.told(BillingRunCompleted)) == 1


async def test_a_second_run_parks_customers_whose_draft_is_open_and_names_the_first(world: World) -> None:
    """Z10, B1: only one run at a time is active for a customer; approved, it is free again."""
    await world.hear(customer := made.customer(low_invoice=made.CREATE))
    first = await world.bill()
    second = await world.bill()
    (parked,) = await world.customers(second)
    assert (parked["state"], parked["reason"]) == ("parked", f"in another active run: run {first}")
    assert (await reports.run_report(second)).run.state == "completed_with_errors"
    await world.approve(first)
    third = await world.bill(bill_to=FEBRUARY)
    assert [row["state"] for row in await world.customers(third)] == ["drafted"]
    assert (await world.invoices(third))[0]["customer_id"] == customer.customer_id


async def test_a_run_waits_for_all_parts_of_a_close(world: World) -> None:
    """DESIGN "A billing run" 4: lines come in parts; totals are over all of them."""
    await world.hear(customer := made.customer())
    run_id = await world.start()
    lines = [made.usage_line("1.00", number_id=each) for each in (1, 2)]
    close = {"close_id": made.fresh_id(), "parts": 2, "totals": made.totals(*lines)}
    await world.hear(made.closed(run_id, customer.customer_id, lines[1], part=2, **close))
    assert not await draft_next(run_id)
    assert not await complete_run(run_id)
    await world.hear(made.closed(run_id, customer.customer_id, lines[0], part=1, **close))
    await world.draft(run_id)
    (invoice,) = await world.invoices(run_id)
    assert invoice["net"] == Decimal("2.00")


async def test_totals_that_differ_park_one_and_the_run_goes_on(world: World) -> None:
    """I3, I4: parked with its reason, its usage released to the next bill."""
    good, bad = made.customer(), made.customer()
    rental = made.charge("10.00", date(2025, 1, 1), months=1)
    await world.hear(good, bad, made.number(bad.customer_id, rental))
    run_id = await world.start()
    line = made.usage_line("5.00")
    wrong = made.closed(run_id, bad.customer_id, line, totals=made.totals(line, line))
    await world.hear(made.closed(run_id, good.customer_id, line), wrong)
    await world.draft(run_id)
    states = {row["customer_id"]: (row["state"], row["reason"]) for row in await world.customers(run_id)}
    assert states[good.customer_id] == ("drafted", "")
    assert states[bad.customer_id][0] == "parked"
    assert "control totals differ" in states[bad.customer_id][1]
    assert await world.transactions(bad.customer_id) == []
    (released,) = await world.told(UsageCloseReleased)
    assert (released.customer_id, released.close_id) == (bad.customer_id, wrong.close_id)
    assert (await reports.run_report(run_id)).run.state == "completed_with_errors"
    run_id = await world.bill({bad.customer_id: [line]}, customers=(bad.customer_id,))
    assert (await world.invoices(run_id))[0]["net"] == Decimal("25.00")


async def test_a_group_that_the_database_refuses_is_done_one_by_one(world: World) -> None:
    """I3: one customer whose figures do not fit a column is parked, the others of its group are drafted."""
    customers = [made.customer() for _ in range(5)]
    await world.hear(*customers)
    bad = customers[2].customer_id
    await world.hear(made.feature(bad, made.charge("999999999999999.99", date(2025, 1, 1), quantity=Decimal(1000))))
    run_id = await world.bill({each.customer_id: [made.usage_line("5.00")] for each in customers})
    states = {row["customer_id"]: row for row in await world.customers(run_id)}
    assert states.pop(bad)["reason"].startswith("failed: DataError")
    assert [row["state"] for row in states.values()] == ["drafted"] * 4
    assert [each.customer_id for each in await world.told(UsageCloseReleased)] == [bad]
    assert len(await world.told(InvoiceCreated)) == 4


async def test_a_low_invoice_rolls_forward_whole(world: World) -> None:
    """I5, Z12: charges settled wait on Unsent, usage is released, and the next bill has both."""
    policy = LowInvoicePolicy(policy="roll_forward", threshold=Decimal("20.00"))
    await world.hear(customer := made.customer(low_invoice=policy))
    await world.hear(made.number(customer.customer_id, made.charge("8.00", date(2025, 2, 1), months=1)))
    january = await world.bill({customer.customer_id: [made.usage_line("1.00")]})
    (row,) = await world.customers(january)
    assert (row["state"], row["reason"], row["active"]) == ("skipped", "roll_forward", False)
    (unsent,) = await world.transactions(customer.customer_id)
    assert (unsent["invoice_id"], unsent["vat_rate"]) == (None, None)
    assert len(await world.told(UsageCloseReleased)) == 1
    february = await world.bill({customer.customer_id: [made.usage_line("4.50")]}, bill_to=FEBRUARY)
    (invoice,) = await world.invoices(february)
    assert (invoice["net"], invoice["vat"]) == (Decimal("20.50"), Decimal("4.10"))
    assert {row["vat_rate"] for row in await world.transactions(customer.customer_id)} == {"standard"}


async def test_a_customer_with_nothing_is_skipped_and_says_so(world: World) -> None:
    """I5: rows say why."""
    await world.hear(made.customer())
    run_id = await world.bill()
    assert [(row["state"], row["reason"]) for row in await world.customers(run_id)] == [("skipped", "nothing_to_bill")]
    assert (await reports.run_report(run_id)).run.state == "completed"


async def test_only_those_due_are_rows_of_the_run(world: World) -> None:
    """C5, C8, Z10: due by cycle; do not bill, dropped and manual are not taken; missing details are parked at once."""
    monthly, due, incomplete = (
        made.customer(),
        made.customer(billing_cycle="quarterly", anchor_month=10),
        made.customer(missing=("billing address",)),
    )
    await world.hear(
        monthly,
        due,
        incomplete,
        made.customer(billing_cycle="quarterly", anchor_month=2),
        made.customer(billing_cycle="manual"),
        made.customer(status="active_do_not_bill"),
        made.customer(status="dropped"),
    )
    run_id = await world.start()
    states = {row["customer_id"]: (row["state"], row["reason"]) for row in await world.customers(run_id)}
    assert states == {
        monthly.customer_id: ("waiting", ""),
        due.customer_id: ("waiting", ""),
        incomplete.customer_id: ("parked", "missing details: billing address"),
    }


async def test_a_quarterly_customer_is_billed_again_a_quarter_after_its_first_bill(world: World) -> None:
    """Z10: the month of the first bill is the anchor."""
    await world.hear(customer := made.customer(billing_cycle="quarterly"))
    await world.hear(made.number(customer.customer_id, made.charge("30.00", date(2025, 1, 1), months=3)))
    billed = []
    for month_end in (JANUARY, FEBRUARY, date(2025, 3, 31), date(2025, 4, 30)):
        run_id = await world.bill(bill_to=month_end)
        await world.approve(run_id)
        billed.append([invoice["net"] for invoice in await world.invoices(run_id)])
    assert billed == [[Decimal("30.00")], [], [], [Decimal("30.00")]]


async def test_the_status_is_that_of_the_local_day_of_the_request(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """B2, C8: half past eleven UTC on 31 July is August in London: who is not to be billed from August is left out."""
    monkeypatch.setenv("FARTHING_CLOCK", str(tmp_path / "clock.json"))
    clock.freeze(datetime(2025, 7, 31, 23, 30, tzinfo=UTC))
    history = (
        StatusPeriod(status="active", effective_from=date(2020, 1, 1)),
        StatusPeriod(status="active_do_not_bill", effective_from=date(2025, 8, 1)),
    )
    await world.hear(billed := made.customer(), made.customer(status_history=history))
    run_id = await world.start(bill_to=date(2025, 7, 31))
    assert [row["customer_id"] for row in await world.customers(run_id)] == [billed.customer_id]


async def test_a_listed_customer_that_does_not_exist_is_parked(world: World) -> None:
    """I3: nobody is left out in silence."""
    await world.hear(customer := made.customer())
    run_id = await world.start(customers=(customer.customer_id, 10**9))
    states = {row["customer_id"]: (row["state"], row["reason"]) for row in await world.customers(run_id)}
    assert states == {customer.customer_id: ("waiting", ""), 10**9: ("parked", "no such customer")}


async def test_a_run_without_customers_completes(world: World) -> None:
    """I3: nothing to wait for."""
    run_id = await world.start()
    await world.draft(run_id)
    assert (await reports.run_report(run_id)).run.state == "completed"


async def test_an_older_version_never_wins(world: World) -> None:
    """E1: applied twice and out of order, the newest state stays; a charge taken away is refunded by the next run."""
    customer = made.customer()
    feature_id, rental = made.fresh_id(), made.charge("10.00", date(2025, 1, 1), months=1)
    old = made.feature(customer.customer_id, rental, feature_id=feature_id)
    await world.hear(customer, old)
    await world.approve(await world.bill())
    newer = FeatureUpdated(**{**old.model_dump(), "version": 2, "charges": ()})
    await world.hear(newer)
    await world.hear(old)
    run_id = await world.bill(bill_to=FEBRUARY)
    assert (await world.customers(run_id))[0]["reason"] == "roll_forward"  # a negative net rolls forward (SPEC Z12)
    lines = await world.transactions(customer.customer_id)
    assert [(row["kind"], row["net"], row["vat_rate"], row["own_vat_rate"]) for row in lines] == [
        ("recurring", Decimal("20.00"), "standard", False),
        ("refund", Decimal("-20.00"), "standard", True),
    ]


async def test_a_number_that_ends_is_refunded_and_one_that_is_removed_was_never_there(world: World) -> None:
    """I2, C9: a charge ends with the number that has it."""
    customer = made.customer(low_invoice=made.CREATE)
    ended = made.number(customer.customer_id, made.charge("28.00", date(2025, 2, 1), months=1))
    removed = made.number(customer.customer_id, made.charge("7.00", date(2025, 2, 1), months=1))
    await world.hear(customer, ended, removed)
    await world.approve(await world.bill())
    await world.hear(
        ended.model_copy(update={"version": 2, "end": date(2025, 2, 21)}),
        NumberRemoved(**{**removed.model_dump(), "version": 2}),
    )
    run_id = await world.bill(bill_to=FEBRUARY)
    (invoice,) = await world.invoices(run_id)
    assert (invoice["kind"], invoice["net"], invoice["due_date"]) == ("credit_note", Decimal("-14.00"), None)


async def test_a_number_that_moves_is_refunded_at_one_customer_and_charged_at_the_other(world: World) -> None:
    """C9, I2, Z6: the same price by the day on both bills; a one-off that lies ahead is charged by one of them."""
    old, new = made.customer(low_invoice=made.CREATE), made.customer(low_invoice=made.CREATE)
    rental, visit = made.charge("28.00", date(2025, 2, 1), months=1), made.charge("80.00", date(2025, 2, 25))
    here = made.number(old.customer_id, rental, visit)
    await world.hear(old, new, here)
    await world.approve(await world.bill())
    left = rental.model_copy(update={"end": date(2025, 2, 21)})
    there = [each.model_copy(update={"charge_id": made.fresh_id()}) for each in (rental, visit)]
    there[0] = there[0].model_copy(update={"start": date(2025, 2, 22), "anchor": date(2025, 2, 22)})
    await world.hear(
        made.number(new.customer_id, *there, number=here.number, start=date(2025, 2, 22)),
        here.model_copy(update={"version": 2, "end": date(2025, 2, 21), "charges": (left,)}),
    )
    run_id = await world.bill(bill_to=FEBRUARY)
    found = [(each["kind"], each["net"]) for each in await world.invoices(run_id)]
    # 7 of 28 days of February at 28.00 at each; then the new customer's March in advance, and the visit.
    assert found == [("credit_note", Decimal("-7.00")), ("invoice", Decimal("115.00"))]


async def test_the_database_refuses_to_bill_a_settlement_or_a_close_twice(world: World) -> None:
    """B1: even a program gone wrong cannot."""
    await world.hear(customer := made.customer())
    await world.hear(made.number(customer.customer_id, made.charge("10.00", date(2025, 1, 1), months=1)))
    await world.bill({customer.customer_id: [made.usage_line("1.00")]})
    names = "customer_id, kind, description, net, own_vat_rate"
    for extra in ("charge_id, settlement", "close_id, number_id, call_class, band"):
        copy = f"INSERT INTO transaction ({names}, {extra}) SELECT {names}, {extra} FROM transaction"
        with pytest.raises(Exception, match="duplicate key"):
            await _write(copy)


async def _write(statement: str) -> None:
    from service_kit.database import bound

    async with bound().engine.begin() as connection:
        await connection.execute(text(statement))


async def test_a_run_says_what_is_wrong_with_it(world: World) -> None:
    """I3: before anything is stored."""
    with pytest.raises(Invalid, match="due_date"):
        await create_run(NewRun(bill_to=JANUARY, invoice_date=FEBRUARY, due_date=JANUARY), "tests")
    with pytest.raises(Invalid, match="no billing cycle weekly"):
        await create_run(NewRun(bill_to=JANUARY, invoice_date=FEBRUARY, cycles=("weekly",)), "tests")
    with pytest.raises(NotFound):
        await request_run(999)


async def test_markers_of_a_run_are_kept_apart(world: World) -> None:
    """I3: another run's markers are not this one's."""
    run = await create_run(NewRun(bill_to=JANUARY, invoice_date=JANUARY), "tests")
    await request_run(run.run_id)
    await world.hear(*made.markers(run.run_id + 1))
    assert not await start_run(run.run_id, PARTITIONS)
    assert all(isinstance(each, RunMarker) for each in made.markers(1))
