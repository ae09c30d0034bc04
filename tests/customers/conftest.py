"""Fixtures of the customers service: its own fresh database, and a client of its HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from customers.main import app as make_app
from customers.service.reference import seed_defaults
from service_kit.database import Database, bind, reading
from service_kit.tokens import generate_issuer, issue_token

SCOPES = ("customers:read", "customers:write", "customers:erase", "reference:read", "reference:write")
Json = dict[str, Any]
app = cache(make_app)
"""Made once for all tests: it holds nothing of them."""


@pytest.fixture
async def database(
    service_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Database]:
    """This process bound to a fresh database that has the UK reference lists; its clock can be moved."""
    dsn = service_database("customers")
    monkeypatch.setenv("FARTHING_POSTGRES_CUSTOMERS", dsn)
    monkeypatch.setenv("FARTHING_CLOCK", str(tmp_path / "clock.json"))
    database = bind(dsn, pool_size=10)
    await seed_defaults()
    yield database
    await database.close()


@pytest.fixture
async def api(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the HTTP API that may do everything."""
    issuer = generate_issuer(tmp_path / "issuer")
    monkeypatch.setenv("FARTHING_JWKS", str(issuer.jwks))
    token = issue_token(issuer.private_key, SCOPES, "ann")
    transport = httpx.ASGITransport(app())
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://customers", headers=headers) as client:
        yield client


@pytest.fixture
def outbox(database: Database) -> Callable[..., Any]:
    """Reads the outbox: `await outbox("number.created")` gives its rows of that type, in order; without one, all."""

    async def rows(*types: str) -> list[Json]:
        async with reading() as connection:
            found = await connection.execute(text("SELECT * FROM outbox ORDER BY seq"))
            return [dict(row) for row in found.mappings() if not types or row["type"] in types]

    return rows


@pytest.fixture
def add_customer(api: httpx.AsyncClient) -> Callable[..., Any]:
    """Adds a customer by the API: `await add_customer(name="Fenwick Tiles")` gives its state."""

    async def add(**fields: Any) -> Json:
        answer = await api.post("/customers", json={"name": "Brightwater Tiles", **fields})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    return add
