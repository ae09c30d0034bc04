"""Fixtures of invoicing's integration tests: a bound database, and the other services played by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text
from tests.invoicing import made

from contracts.base import Event
from contracts.closing import UsageClosed, UsageLine
from contracts.events import EVENTS
from invoicing.main import make_app
from invoicing.service.approvals import approve_next, approve_run
from invoicing.service.closes import take_in_closes
from invoicing.service.drafting import draft_next
from invoicing.service.readmodel import take_in_customers, take_in_reference
from invoicing.service.runs import NewRun, complete_run, create_run, request_run, start_run
from invoicing.store.tables import invoice, run_customer, transaction
from service_kit.database import Database, bind, reading
from service_kit.tokens import generate_issuer, issue_token

PARTITIONS = 3
SCOPES = ("invoicing:read", "invoicing:write", "billing:run", "documents:read")
app = cache(make_app)
"""Made once for all tests: it holds nothing of them."""


@pytest.fixture
def service_dsn(service_database: Callable[[str], str]) -> str:
    """The DSN of a fresh database of invoicing."""
    return service_database("invoicing")


@pytest.fixture
async def database(service_dsn: str) -> AsyncIterator[Database]:
    """This process bound to that database."""
    database = bind(service_dsn)
    yield database
    await database.close()


@pytest.fixture
async def api(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the HTTP API that may do everything."""
    issuer = generate_issuer(tmp_path / "issuer")
    monkeypatch.setenv("FARTHING_JWKS", str(issuer.jwks))
    headers = {"Authorization": f"Bearer {issue_token(issuer.private_key, SCOPES, 'ann')}"}
    transport = httpx.ASGITransport(app())
    async with httpx.AsyncClient(transport=transport, base_url="http://invoicing", headers=headers) as client:
        yield client


@pytest.fixture
async def world(database: Database) -> World:
    """Invoicing with the reference lists, and the others played by hand."""
    world = World()
    await world.hear(*made.REFERENCE)
    return world


class World:
    """Plays customers and rating around a real invoicing database."""

    async def hear(self, *events: Event) -> None:
        """Invoicing takes in these events."""
        on_customers = [each for each in events if each.topic == "customers"]
        on_reference = [each for each in events if each.topic == "reference"]
        closes = [each for each in events if isinstance(each, UsageClosed)]
        assert len(on_customers) + len(on_reference) + len(closes) == len(events)
        if on_customers:
            await take_in_customers(made.received(*on_customers))
        if on_reference:
            await take_in_reference(made.received(*on_reference))
        if closes:
            await take_in_closes(made.received(*closes))

    async def start(self, **what: Any) -> int:
        """A run that is requested, cut and started. Returns its id."""
        usual: dict[str, Any] = {"bill_to": date(2025, 1, 31), "invoice_date": date(2025, 2, 1)}
        run = await create_run(NewRun(**{**usual, **what}), "tests")
        await request_run(run.run_id)
        await self.hear(*made.markers(run.run_id))
        assert await start_run(run.run_id, PARTITIONS)
        return run.run_id

    async def answer(self, run_id: int, lines: dict[int, Sequence[UsageLine]]) -> None:
        """Rating answers for every customer that waits: these lines, or none."""
        waiting = [row["customer_id"] for row in await self.customers(run_id) if row["state"] == "waiting"]
        await self.hear(*(made.closed(run_id, each, *lines.get(each, ())) for each in waiting))

    async def draft(self, run_id: int, group: int = 200) -> None:
        """The runner drafts all and completes the run."""
        while await draft_next(run_id, group):
            pass
        await complete_run(run_id)

    async def bill(self, lines: dict[int, Sequence[UsageLine]] | None = None, **what: Any) -> int:
        """A whole run. Returns its id."""
        run_id = await self.start(**what)
        await self.answer(run_id, lines or {})
        await self.draft(run_id)
        return run_id

    async def approve(self, run_id: int, group: int = 200) -> None:
        """The runner approves all drafts of a run."""
        await approve_run(run_id)
        while await approve_next(run_id, group):
            pass

    async def customers(self, run_id: int) -> list[dict[str, Any]]:
        """The run's customers, in the order of their ids."""
        return await rows(
            select(run_customer).where(run_customer.c.run_id == run_id).order_by(run_customer.c.customer_id)
        )

    async def invoices(self, run_id: int) -> list[dict[str, Any]]:
        """The run's invoices, in the order of their ids."""
        return await rows(select(invoice).where(invoice.c.run_id == run_id).order_by(invoice.c.invoice_id))

    async def transactions(self, customer_id: int) -> list[dict[str, Any]]:
        """A customer's transactions, in the order of their ids."""
        wanted = select(transaction).where(transaction.c.customer_id == customer_id)
        return await rows(wanted.order_by(transaction.c.transaction_id))

    async def told(self, kind: type[Event]) -> list[Any]:
        """The events of a type in the outbox, in their order."""
        found = await rows(
            text("SELECT type, payload FROM outbox WHERE type = :type ORDER BY seq").bindparams(type=kind.event_type)
        )
        return [EVENTS[row["type"]].model_validate(row["payload"]) for row in found]


async def rows(statement: Any) -> list[dict[str, Any]]:
    """What a query gives, as dicts."""
    async with reading() as connection:
        return [dict(row._mapping) for row in await connection.execute(statement)]
