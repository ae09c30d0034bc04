"""The real Postgres that we start ourselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local_platform import ports
from local_platform.databases import create_service_database
from local_platform.errors import PlatformError
from local_platform.postgres import Postgres, dsn
from local_platform.processes import Children


@pytest.fixture
def server(state: Path, children: Children) -> Iterator[Postgres]:
    port = ports.reserve()
    yield Postgres(state, children, port=port, durable=False)
    ports.release(port)


def test_letters_of_every_language_are_letters(server: Postgres) -> None:
    """F1: search ignores case and finds typing errors in names, whatever their language."""
    server.start()
    with psycopg.connect(server.admin_dsn) as connection:
        connection.execute("CREATE EXTENSION pg_trgm")
        row = connection.execute("SELECT lower('É'), similarity('Żółć', 'żółć')").fetchone()
    assert row == ("é", 1.0)


def test_a_service_can_enter_its_own_database_only_and_only_with_its_password(server: Postgres) -> None:
    server.start()
    for name in ("customers", "rating"):
        create_service_database(server.admin_dsn, name, f"{name}-secret")
        create_service_database(server.admin_dsn, name, f"{name}-secret")
    with psycopg.connect(dsn("customers", "customers-secret", server.port, "customers")) as connection:
        connection.execute("CREATE TABLE numbers (id bigint)")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(dsn("customers", "customers-secret", server.port, "rating"))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(dsn("customers", "wrong", server.port, "customers"))


def test_data_survive_a_restart_and_a_half_made_folder_is_made_again(server: Postgres) -> None:
    (server.folder / "data").mkdir(parents=True)
    (server.folder / "data" / "PG_VERSION").write_text("18\n")
    server.start()
    with psycopg.connect(server.admin_dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS id")
    server.stop()
    server.start()
    with psycopg.connect(server.admin_dsn) as connection:
        assert connection.execute("SELECT id FROM kept").fetchone() == (1,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_becomes_nobody_where_there_are_no_user_namespaces(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Postgres, "_can_run", lambda *arguments: arguments[1] == "nobody")
    server.start()
    assert (server.folder / "data").stat().st_uid != 0
    server.stop()
    server.start()


def test_a_port_that_was_taken_meanwhile_is_said(server: Postgres, children: Children, state: Path) -> None:
    server.start()
    second = Postgres(state.with_name("second"), children, port=server.port, durable=False)
    with pytest.raises(PlatformError) as raised:
        second.start()
    assert "port" in raised.value.remedy
    assert "could not bind" in raised.value.why
