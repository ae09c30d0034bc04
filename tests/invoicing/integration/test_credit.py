"""What is not billed yet is told with balances, and credit limits when they are reached, on a real database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.invoicing import made
from tests.invoicing.integration.billed import billed, draft
from tests.invoicing.integration.conftest import World, rows
from tests.invoicing.integration.test_kills import killed_in

from contracts.billing import AccountBalanceChanged, CreditLimitReached
from contracts.closing import UsageUnbilled
from contracts.customers import CustomerCreated
from contracts.reference import VatPeriod, VatRate
from invoicing.service.approvals import approve_invoice
from invoicing.service.credit import review_next, take_in_usage
from invoicing.service.payments import NewPayment, record_payment
from invoicing.store.credit_tables import credit, credit_changed

D = Decimal
AS_OF = datetime(2025, 2, 10, 12, tzinfo=UTC)
AT_ONCE = timedelta(0)


async def limited(world: World, limit: str | None = "100.00", **what: Any) -> CustomerCreated:
    """A customer with a credit limit."""
    await world.hear(customer := made.customer(credit_limit=limit, low_invoice=made.CREATE, **what))
    return customer


async def used(customer: CustomerCreated, net_exact: str, version: int = 1) -> None:
    """Rating tells unbilled usage."""
    told = UsageUnbilled(
        customer_id=customer.customer_id, version=version, as_of=AS_OF, calls=5, net_exact=D(net_exact)
    )
    await take_in_usage(made.received(told))


async def reviewed(told_every: timedelta = AT_ONCE) -> None:
    """The role `credit` does what there is to do."""
    while await review_next(told_every=told_every):
        pass


async def levels(world: World) -> list[tuple[str, Decimal, Decimal]]:
    """What was told of limits: level, unbilled, balance."""
    return [(each.level, each.unbilled, each.balance) for each in await world.told(CreditLimitReached)]


async def charges_told(world: World) -> list[tuple[Decimal, Decimal | None]]:
    """Balance and unbilled charges, as they were told."""
    return [(each.balance, each.unbilled_charges) for each in await world.told(AccountBalanceChanged)]


async def test_unbilled_usage_counts_with_vat_and_80_percent_is_told_once(world: World) -> None:
    """C13, Z23: 66.66 of usage is 79.99 with VAT; 66.67 is 80.00."""
    customer = await limited(world)
    await used(customer, "66.66")
    await reviewed()
    assert await levels(world) == []
    await used(customer, "66.6667", version=2)
    await used(customer, "70", version=3)
    await reviewed()
    await used(customer, "66.6667", version=2)
    await reviewed()
    assert await levels(world) == [("warning", D("84.00"), D("0.00"))]


async def test_the_limit_is_told_again_only_after_it_has_been_below(world: World) -> None:
    """Z23: a payment brings the customer below; a bill passes the limit again."""
    customer = await limited(world)
    await billed(customer, "120.00")
    await reviewed()
    await billed(customer, "10.00")
    await reviewed()
    assert [level for level, *_ in await levels(world)] == ["warning", "limit"]
    await record_payment(NewPayment(customer.customer_id, D("35.00"), date(2025, 2, 5)), "ann")
    await reviewed()
    await billed(customer, "10.00")
    await reviewed()
    assert (await levels(world))[2:] == [("limit", D("0.00"), D("105.00"))]


async def test_a_draft_and_unsent_count_before_and_after_approval_alike(world: World) -> None:
    """C13: a charge on a draft is unbilled, on an approved invoice it is in the balance; never both, never neither."""
    customer = await limited(world)
    invoice_id = await draft(customer, "90.00")
    await reviewed()
    await approve_invoice(invoice_id)
    await reviewed()
    assert await charges_told(world) == [(D("0.00"), D("90.00")), (D("90.00"), D("0.00"))]
    assert await levels(world) == [("warning", D("90.00"), D("0.00"))]


async def test_usage_on_a_draft_is_left_to_rating_which_counts_it_until_it_is_billed(world: World) -> None:
    """C13: 10.00 recurring and 50.00 of usage on one draft: told are the 12.00 with VAT."""
    customer = await limited(world)
    line = made.charge("10.00", date(2025, 1, 1), months=1, in_advance=False)
    await world.hear(made.number(customer.customer_id, line))
    await world.bill({customer.customer_id: [made.usage_line("50.00")]})
    await used(customer, "50.00")
    await reviewed()
    assert (await charges_told(world))[-1] == (D("0.00"), D("12.00"))
    assert await levels(world) == []
    await used(customer, "60.00", version=2)
    await reviewed()
    assert await levels(world) == [("warning", D("84.00"), D("0.00"))]


async def test_unbilled_charges_are_told_at_most_once_a_minute_but_levels_at_once(world: World) -> None:
    """C13: what changes meanwhile is told later, in one."""
    customer = await limited(world)
    for amount in ("10.00", "20.00", "60.00"):
        await draft(customer, amount)
        await reviewed(timedelta(minutes=1))
    assert await charges_told(world) == [(D("0.00"), D("10.00"))]
    assert await levels(world) == [("warning", D("90.00"), D("0.00"))]
    (later,) = await rows(credit_changed.select())
    assert later["not_before"] > datetime.now(UTC) + timedelta(seconds=40)


async def test_a_lower_limit_is_noticed(world: World) -> None:
    """C13: the customer's terms change, not what it owes."""
    customer = await limited(world)
    await billed(customer, "70.00")
    await reviewed()
    assert await levels(world) == []
    await world.hear(customer.model_copy(update={"version": 2, "credit_limit": D("60.00")}))
    await reviewed()
    assert [level for level, *_ in await levels(world)] == ["warning", "limit"]


async def test_another_percentage_of_vat_is_noticed(world: World) -> None:
    """C7, Z23: unbilled counts with the VAT of today."""
    customer = await limited(world, vat_rate="reduced")
    await used(customer, "70.00")
    await reviewed()
    assert await levels(world) == []
    period = VatPeriod(percent=D("25"), valid_from=date(1997, 9, 1))
    rate = VatRate(treatment="reduced", periods=(period,))
    await world.hear(made.reference("vat_rates", "reduced", version=2, vat_rate=rate))
    await reviewed()
    assert await levels(world) == [("warning", D("87.50"), D("0.00"))]


async def test_usage_that_is_told_before_its_customer_is_looked_at_when_the_customer_comes(world: World) -> None:
    """DESIGN events: order holds within a topic, not across topics."""
    customer = made.customer(credit_limit="100.00")
    await used(customer, "100.00")
    await reviewed()
    await world.hear(customer)
    await reviewed()
    assert [level for level, *_ in await levels(world)] == ["warning", "limit"]


async def test_a_level_is_told_once_when_the_process_is_killed_telling_it(world: World, service_dsn: str) -> None:
    """Z23: telling and remembering are one transaction."""
    customer = await limited(world)
    await used(customer, "100.00")
    killed_in("invoicing.credit", service_dsn, 0)
    assert await levels(world) == []
    await reviewed()
    await used(customer, "101.00", version=2)
    await reviewed()
    assert [level for level, *_ in await levels(world)] == ["warning", "limit"]
    assert (await rows(credit.select()))[0]["limited"]
