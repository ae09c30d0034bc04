"""Usage that rating takes back after it was billed, with rating played by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from tests.invoicing import made
from tests.invoicing.integration.conftest import World
from tests.invoicing.integration.step import taken_back
from tests.invoicing.integration.test_kills import killed_in

from contracts.closing import UsageAdjusted, UsageLine
from contracts.customers import CustomerCreated
from invoicing.domain.transactions import Transaction
from invoicing.service.closes import take_in_closes
from invoicing.store import adjustments, transactions
from service_kit.database import reading, transaction

FEBRUARY = date(2025, 2, 28)


@dataclass
class Billed:
    """A customer with 10.00 of peak and 1.00 of weekend calls on an approved invoice."""

    customer: CustomerCreated
    run_id: int
    close_id: int
    invoice_id: int

    def adjusted(self, *lines: UsageLine, **what: Any) -> UsageAdjusted:
        """Rating takes these back."""
        usual = {"adjustment_id": made.fresh_id(), "part": 1, "parts": 1, "reason": "dropped on 15 January"}
        ours = {"close_id": self.close_id, "invoice_id": self.invoice_id, "totals": made.totals(*lines)}
        return UsageAdjusted(customer_id=self.customer.customer_id, lines=lines, **{**usual, **ours, **what})


@pytest.fixture
async def billed(world: World) -> Billed:
    await world.hear(customer := made.customer())
    lines = [made.usage_line("10.00"), made.usage_line("1.00", band="weekend")]
    run_id = await world.bill({customer.customer_id: lines})
    await world.approve(run_id)
    (row,) = await world.customers(run_id)
    return Billed(customer, run_id, row["close_id"], row["invoice_id"])


async def refunds(world: World, billed: Billed) -> list[tuple[Decimal, str, int | None]]:
    found = await world.transactions(billed.customer.customer_id)
    return [(row["net"], row["vat_rate"], row["invoice_id"]) for row in found if row["kind"] == "refund"]


async def test_billed_calls_are_given_back_on_unsent_and_on_the_next_bill_at_the_old_rate(
    world: World, billed: Billed
) -> None:
    """Z9, Z13: the customer's rate changed since; the refund has that of the invoice."""
    await world.hear(billed.customer.model_copy(update={"version": 2, "vat_rate": "reduced"}))
    lines = made.usage_line("-4.125", calls=4), made.usage_line("-1.00", band="weekend", calls=10)
    await take_in_closes(made.received(billed.adjusted(*lines)))
    assert await refunds(world, billed) == [
        (Decimal("-4.13"), "standard", None),
        (Decimal("-1.00"), "standard", None),
    ]
    usage = {billed.customer.customer_id: [made.usage_line("20.00")]}
    run_id = await world.bill(usage, bill_to=FEBRUARY, invoice_date=date(2025, 3, 1))
    (invoice,) = await world.invoices(run_id)
    assert (invoice["net"], invoice["vat"]) == (Decimal("14.87"), Decimal("-1.03") + Decimal("1.00"))


async def test_an_adjustment_that_comes_again_gives_nothing_again(world: World, billed: Billed) -> None:
    """B1: the same event, the same part in another event, and twice in one batch."""
    adjusted = billed.adjusted(made.usage_line("-4.00"))
    received = made.received(adjusted)
    await take_in_closes(received)
    await take_in_closes(received)
    await take_in_closes(made.received(adjusted, adjusted))
    assert [net for net, *_ in await refunds(world, billed)] == [Decimal("-4.00")]


async def test_several_adjustments_never_give_back_more_than_the_line(world: World, billed: Billed) -> None:
    """Z9: 10.00 were billed; 6.006 and 3.999 back are 6.01 and 3.99."""
    await take_in_closes(
        made.received(billed.adjusted(made.usage_line("-6.006")), billed.adjusted(made.usage_line("-3.999")))
    )
    assert [net for net, *_ in await refunds(world, billed)] == [Decimal("-6.01"), Decimal("-3.99")]
    await take_in_closes(made.received(billed.adjusted(made.usage_line("-0.50"))))
    assert len(await refunds(world, billed)) == 2


async def test_parts_follow_one_another(world: World, billed: Billed) -> None:
    """E1: what may be long comes in parts."""
    first, second = made.usage_line("-1.00"), made.usage_line("-0.50", band="weekend")
    one = billed.adjusted(first, parts=2)
    two = billed.adjusted(second, parts=2, part=2, adjustment_id=one.adjustment_id)
    await take_in_closes(made.received(two))
    await take_in_closes(made.received(one))
    assert [net for net, *_ in await refunds(world, billed)] == [Decimal("-0.50"), Decimal("-1.00")]


async def test_what_was_taken_back_before_a_close_is_on_the_bill_of_that_close(world: World, billed: Billed) -> None:
    """C14, Z9: both come in one batch, the adjustment first, as rating tells them."""
    run_id = await world.start(bill_to=FEBRUARY, invoice_date=date(2025, 3, 1))
    close = made.closed(run_id, billed.customer.customer_id, made.usage_line("5.00"))
    await take_in_closes(made.received(billed.adjusted(made.usage_line("-4.00")), close))
    await world.draft(run_id)
    assert [row["net"] for row in await world.invoices(run_id)] == [Decimal("1.00")]


async def test_which_invoices_were_adjusted_is_known(world: World, billed: Billed) -> None:
    """I6: such an invoice cannot be unapproved."""
    async with reading() as connection:
        assert await adjustments.adjusted_invoices(connection, [billed.invoice_id]) == set()
    await take_in_closes(made.received(billed.adjusted(made.usage_line("-4.00"))))
    async with reading() as connection:
        assert await adjustments.adjusted_invoices(connection, [billed.invoice_id]) == {billed.invoice_id}


async def test_the_database_refuses_a_second_correction_of_a_line_by_one_adjustment(
    world: World, billed: Billed
) -> None:
    """B1: not even a program gone wrong gives back twice."""
    again = Transaction(
        customer_id=billed.customer.customer_id,
        kind="refund",
        description="National calls",
        net=Decimal("-4.00"),
        adjustment_id=1,
        adjusts=2,
    )
    with pytest.raises(IntegrityError, match="transaction_adjustment"):
        async with transaction() as tx:
            await transactions.add(tx.connection, [again, again])


async def test_a_process_killed_while_it_gives_back_has_given_nothing_or_all(
    service_dsn: str, world: World, billed: Billed
) -> None:
    """B1: killed before it commits; what comes again is posted once."""
    killed_in("invoicing.adjusted", service_dsn, billed.run_id)
    assert await refunds(world, billed) == []
    received = made.received(await taken_back(billed.run_id))
    await take_in_closes(received)
    await take_in_closes(received)
    assert [net for net, *_ in await refunds(world, billed)] == [Decimal("-1.00")]
