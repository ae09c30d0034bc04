"""Fixtures of the rating service: its own fresh database, its own topic of CDRs' readers, a client of its HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from rating.main import app as make_app
from rating.service.cdrs import stop_sending
from rating.service.mappings import seed_mappings
from service_kit.database import Database, bind, reading
from service_kit.tokens import generate_issuer, issue_token

SCOPES = ("rating:read", "rating:write", "cdrs:write")
Rows = list[dict[str, Any]]
app = cache(make_app)
"""Made once for all tests: it holds nothing of them."""


@pytest.fixture
async def rating_database(
    service_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Database]:
    """This process bound to a fresh database that has the shipped mappings; its clock can be moved."""
    dsn = service_database("rating")
    monkeypatch.setenv("FARTHING_POSTGRES_RATING", dsn)
    monkeypatch.setenv("FARTHING_CLOCK", str(tmp_path / "clock.json"))
    database = bind(dsn, pool_size=10)
    await seed_mappings()
    yield database
    await database.close()


@pytest.fixture
async def rating_api(
    rating_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the HTTP API that may do everything."""
    issuer = generate_issuer(tmp_path / "issuer")
    monkeypatch.setenv("FARTHING_JWKS", str(issuer.jwks))
    headers = {"Authorization": f"Bearer {issue_token(issuer.private_key, SCOPES, 'ann')}"}
    transport = httpx.ASGITransport(app())
    async with httpx.AsyncClient(transport=transport, base_url="http://rating", headers=headers) as client:
        yield client
    await stop_sending()


@pytest.fixture
def select(rating_database: Database) -> Callable[[str], Any]:
    """Reads the database: `await select("SELECT ...")` gives its rows."""

    async def rows(statement: str) -> Rows:
        async with reading() as connection:
            return [dict(row) for row in (await connection.execute(text(statement))).mappings()]

    return rows
