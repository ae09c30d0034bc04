"""Usage that discount plans priced, from a close to an approved invoice, on a real database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from tests.invoicing import made
from tests.invoicing.integration.conftest import World

from invoicing.domain.transactions import Transaction
from invoicing.store import transactions
from service_kit.database import transaction


def on_plan(net_exact: str, listed: str, plan: str) -> Any:
    exact, price = Decimal(net_exact), Decimal(listed)
    return made.usage_line(net_exact, plan=plan, list_price=price, discount=price - exact)


async def test_parts_priced_by_plans_are_billed_beside_the_rest(world: World) -> None:
    """Z2, I4: the same number, class and band three times, each rounded once; the bill agrees with the close."""
    customer = made.customer()
    await world.hear(customer, made.number(customer.customer_id))
    run_id = await world.bill(
        {customer.customer_id: [made.usage_line("1.0049"), on_plan("0.4051", "2.60", "A"), on_plan("0", "1.25", "B")]}
    )
    (invoice,) = await world.invoices(run_id)
    assert (invoice["status"], invoice["net"]) == ("draft", Decimal("1.41"))
    lines = {row["plan"]: row for row in await world.transactions(customer.customer_id)}
    assert {plan: row["net"] for plan, row in lines.items()} == {
        "": Decimal("1.00"),
        "A": Decimal("0.41"),
        "B": Decimal("0.00"),
    }
    assert (lines["A"]["list_price"], lines["A"]["discount"]) == (Decimal("2.60"), Decimal("2.1949"))


async def test_a_line_of_a_plan_cannot_be_billed_twice(world: World) -> None:
    """I4: the database refuses what nothing should ever try."""
    line = Transaction(
        customer_id=1, kind="usage", description="", net=Decimal(1), close_id=7, number_id=8, call_class="X", band=""
    )
    other = Transaction(**{name: getattr(line, name) for name in line.__slots__} | {"plan": "A"})
    async with transaction() as tx:
        await transactions.add(tx.connection, [line, other])
    for each in (line, other):
        with pytest.raises(IntegrityError, match="transaction_close_line"):
            async with transaction() as tx:
                await transactions.add(tx.connection, [each])
