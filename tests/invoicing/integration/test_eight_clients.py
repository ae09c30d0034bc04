"""Eight clients do different things to one customer at the same time: what comes of it is some order of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from tests.invoicing import made
from tests.invoicing.integration.conftest import PARTITIONS, World, rows
from tests.invoicing.integration.test_leaving import ended, final_bill, withdrawn
from tests.support.auditor import assert_sound

from contracts.customers import CustomerCreated, NumberCreated
from invoicing.service.approvals import approve_next
from invoicing.service.cancelling import cancel_next
from invoicing.service.runs import runs_at_work, start_run
from service_kit.database import Database, bind

CLIENTS = 8
START, JANUARY, FEBRUARY = date(2025, 1, 1), date(2025, 1, 31), date(2025, 2, 28)
RENTAL = Decimal("31.00")


@pytest.fixture
async def database(service_dsn: str) -> AsyncIterator[Database]:
    """Every client has a connection of its own, and so have the roles."""
    database = bind(service_dsn, pool_size=CLIENTS + 4)
    yield database
    await database.close()


@dataclass
class Office:
    """One customer with 31.00 a month in advance, its clients, and the roles and services around them."""

    api: httpx.AsyncClient
    world: World
    customer: CustomerCreated
    number: NumberCreated
    chance: Random
    answers: list[httpx.Response] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    done: bool = False

    async def client(self, actions: int) -> None:
        """Do things at random, one after the other; between two the roles take a step."""
        doings: dict[Callable[[], Any], int] = {
            partial(self.to_an_invoice, "approve"): 4,
            partial(self.to_an_invoice, "unapprove"): 3,
            partial(self.to_an_invoice, "recreate"): 2,
            self.remove_a_draft: 1,
            self.bill_by_hand: 2,
            self.pay: 2,
            partial(self.to_a_payment, "reverse", reason="Refer to drawer"): 1,
            partial(self.to_a_payment, "refund"): 1,
            self.run: 2,
            self.cancel_a_run: 1,
            self.leave_or_stay: 1,
        }
        for _ in range(actions):
            await self.chance.choices(list(doings), list(doings.values()))[0]()
            await self.moved.wait()

    async def post(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        answer = await self.api.post(path, json=body)
        self.answers.append(answer)
        return answer

    async def to_an_invoice(self, what: str) -> None:
        if invoice_id := await self.any_of("invoice"):
            await self.post(f"/invoices/{invoice_id}/{what}")

    async def remove_a_draft(self) -> None:
        if invoice_id := await self.any_of("invoice"):
            self.answers.append(await self.api.delete(f"/invoices/{invoice_id}"))

    async def bill_by_hand(self) -> None:
        lines = [{"description": "Visit", "net": "5.00"}]
        await self.post("/invoices", {"customer_id": self.id, "bill_to": str(JANUARY), "lines": lines})

    async def pay(self) -> None:
        await self.post("/payments", {"customer_id": self.id, "amount": "7.00", "received_on": str(START)})

    async def to_a_payment(self, what: str, **how: str) -> None:
        if payment_id := await self.any_of("payment"):
            await self.post(f"/payments/{payment_id}/{what}", how)

    async def run(self) -> None:
        asked = {"bill_to": str(JANUARY), "invoice_date": str(FEBRUARY), "customers": [self.id]}
        run = await self.post("/billing-runs", asked)
        await self.post(f"/billing-runs/{run.json()['run_id']}/request")

    async def cancel_a_run(self) -> None:
        if run_id := await self.any_of("billing_run"):
            await self.post(f"/billing-runs/{run_id}/cancel")

    async def leave_or_stay(self) -> None:
        """What customers tells: Final Bill on a day of January, or withdrawn."""
        stays = self.customer.status == "final_bill"
        day = date(2025, 1, self.chance.randint(1, 31))
        self.customer = withdrawn(self.customer) if stays else final_bill(self.customer, day)
        self.number = ended(self.number, None if stays else day)
        states = [self.customer, self.number]
        self.chance.shuffle(states)
        for state in states:
            await self.world.hear(state)

    async def roles(self) -> None:
        """The runner, with customers' markers and rating's answers, until the clients are done and nothing is left."""
        while True:
            finished = self.done
            moved = [await self.step(run) for run in await runs_at_work()]
            self.moved.set()
            if finished and not any(moved):
                return
            self.moved.clear()
            await asyncio.sleep(0)

    async def step(self, run: Any) -> bool:
        if run.cancelling:
            return await cancel_next(run.run_id)
        if run.state == "requested":
            await self.world.hear(*made.markers(run.run_id))
            return await start_run(run.run_id, PARTITIONS)
        await self.world.answer(run.run_id, {self.id: [made.usage_line("1.20")]})
        await self.world.draft(run.run_id)
        await approve_next(run.run_id)
        return True

    @property
    def id(self) -> int:
        return self.customer.customer_id

    async def any_of(self, table: str) -> int | None:
        """The id of a row, whatever state it is in; mostly of the newest."""
        found = await rows(
            text(f"SELECT {table}_id AS id FROM {table} ORDER BY 1 DESC LIMIT 2".replace("billing_run_id", "run_id"))
        )
        return self.chance.choice(found)["id"] if found else None


@pytest.mark.parametrize("seed", [102, 107])
async def test_eight_clients_at_one_customer_get_clear_answers_and_leave_sound_books(
    api: httpx.AsyncClient, world: World, service_dsn: str, seed: int
) -> None:
    """I3, I6, I9, C14: each refusal says why, nobody is told of a deadlock, and each day is charged once."""
    customer = made.customer()
    number = made.number(customer.customer_id, made.charge(str(RENTAL), START, months=1), start=START)
    await world.hear(customer, number)
    office = Office(api, world, customer, number, Random(seed))
    roles = asyncio.create_task(office.roles())
    try:
        async with asyncio.timeout(90):
            await asyncio.gather(*(office.client(16) for _ in range(CLIENTS)))
            office.done = True
            await roles
    finally:
        roles.cancel()
        with suppress(asyncio.CancelledError):
            await roles
    told = [(each.status_code, each.json()["detail"]) for each in office.answers if each.is_error]
    assert {status for status, _ in told} <= {404, 409, 422}, told
    assert all(detail for _, detail in told)
    assert len({each.status_code for each in office.answers}) > 3, "too little happened"
    assert_sound({"invoicing": service_dsn}, at_rest=False)
    await each_day_is_charged_once(office)


async def each_day_is_charged_once(office: Office) -> None:
    """A last bill, and what stands charged is what the rental comes to for the days until `charged_to`."""
    await office.world.hear(final_bill(office.customer, JANUARY), ended(office.number, JANUARY))
    of_rental = await rows(
        text("SELECT sum(net) AS net, max(charged_to) AS until FROM transaction JOIN charge USING (charge_id)")
    )
    assert (of_rental[0]["until"], of_rental[0]["net"]) == (JANUARY, RENTAL)
