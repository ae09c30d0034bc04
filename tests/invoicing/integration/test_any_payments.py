"""Any sequence of approvals, payments, allocations, reversals and refunds, on a real database, against a model."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.invoicing import made
from tests.invoicing.integration.billed import billed
from tests.invoicing.integration.conftest import World
from tests.support.auditor import audit

from contracts.customers import CustomerCreated
from invoicing.service.payments import NewPayment, reallocate, record_payment, refund_payment, reverse_payment
from invoicing.service.statements import account, statement
from invoicing.store import allocations
from service_kit.database import reading
from service_kit.problems import Conflict, Invalid

ZERO = Decimal("0.00")
AMOUNT = st.decimals("0.01", "60.00", places=2)
APPROVE = st.tuples(st.just("approve"), st.one_of(AMOUNT, AMOUNT, st.decimals("-40.00", "0.00", places=2)))
PAY = st.tuples(st.just("pay"), AMOUNT, st.sampled_from(["oldest", "oldest", "none", "chosen"]))
BEGINNING = st.tuples(APPROVE, PAY, APPROVE)
ACTION = st.one_of(
    APPROVE,
    PAY,
    st.tuples(st.just("allocate"), st.integers(0, 5), st.sampled_from(["oldest", "none", "chosen"])),
    st.tuples(st.just("reverse"), st.integers(0, 5)),
    st.tuples(st.just("refund"), st.integers(0, 5), st.none() | AMOUNT),
)


@dataclass
class Model:
    """What is owed, worked out in the simplest way: payment number to [amount, given back, reversed]."""

    billed: Decimal = ZERO
    payments: list[list[Any]] = field(default_factory=list)

    def refund(self, number: int, amount: Decimal | None) -> bool:
        held, back, is_reversed = self.payments[number]
        amount = held - back if amount is None else amount
        possible = not is_reversed and 0 < amount <= held - back
        self.payments[number][1] += amount if possible else 0
        return possible

    def reverse(self, number: int) -> bool:
        possible = not self.payments[number][2]
        self.payments[number][2] = True
        return possible

    @property
    def balance(self) -> Decimal:
        return self.billed - sum(((0 if gone else held) - back for held, back, gone in self.payments), ZERO)


@dataclass
class Clerk:
    """Does the same in the service."""

    customer: CustomerCreated
    model: Model = field(default_factory=Model)
    ids: list[int] = field(default_factory=list)

    async def do(self, action: str, *what: Any) -> None:
        if action in ("approve", "pay"):
            await getattr(self, action)(*what)
        elif self.ids:
            number, *rest = what
            await getattr(self, action)(number % len(self.ids), *rest)

    async def approve(self, gross: Decimal) -> None:
        self.model.billed += gross
        await billed(self.customer, gross)

    async def pay(self, amount: Decimal, how: str) -> None:
        plan = await self.plan(how, amount)
        new = NewPayment(self.customer.customer_id, amount, date(2025, 3, 1), plan=plan)
        self.ids.append((await record_payment(new, "tests")).payment.payment_id)
        self.model.payments.append([amount, ZERO, False])

    async def credit_waits(self) -> bool:
        """Whether there is credit for an invoice that is open."""
        who = [self.customer.customer_id]
        async with reading() as connection:
            return bool(await allocations.credits(connection, who) and await allocations.debts(connection, who))

    async def plan(self, how: str, amount: Decimal) -> Any:
        """What is chosen: a part of the newest open invoice."""
        async with reading() as connection:
            debts = await allocations.debts(connection, [self.customer.customer_id])
        newest = debts.get(self.customer.customer_id, [])[-1:]
        chosen = [(each.invoice_id, min(amount, each.left)) for each in newest]
        return (chosen or "none") if how == "chosen" else how

    async def allocate(self, number: int, how: str) -> None:
        with suppress(Conflict, Invalid):  # reversed, or too little left of it: then nothing changes
            await reallocate(self.ids[number], await self.plan(how, Decimal("0.01")))

    async def reverse(self, number: int) -> None:
        await self.possible(self.model.reverse(number), lambda: reverse_payment(self.ids[number], None, "bounced"))

    async def refund(self, number: int, amount: Decimal | None) -> None:
        possible = self.model.refund(number, amount)
        await self.possible(possible, lambda: refund_payment(self.ids[number], amount, None, "tests"))

    async def possible(self, wanted: bool, act: Callable[[], Any]) -> None:
        """It is done where the model says so, else refused."""
        if wanted:
            await act()
        else:
            with pytest.raises((Conflict, Invalid)):
                await act()


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(beginning=BEGINNING, actions=st.lists(ACTION, min_size=3, max_size=12))
async def test_balances_hold_whatever_is_done(
    world: World, service_dsn: str, beginning: tuple[Any, ...], actions: list[tuple[Any, ...]]
) -> None:
    """I6, I9, Z14: the balance is the model's after each step, also in the statement; the auditor finds nothing."""
    await world.hear(customer := made.customer())
    clerk = Clerk(customer)
    for action in [*beginning, *actions]:
        await clerk.do(*action)
        found = await account(customer.customer_id)
        assert found.balance == clerk.model.balance
        assert not await clerk.credit_waits()
    left = sum((row.gross - row.paid for row in found.open_items if row.gross > 0), ZERO)
    paid_back_too = sum((back for _, back, gone in clerk.model.payments if gone), ZERO)
    assert left - found.credit + paid_back_too == found.balance
    assert (await statement(customer.customer_id, None, None)).closing == found.balance
    assert audit({"invoicing": service_dsn}, at_rest=False) == []
