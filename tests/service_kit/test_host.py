"""Hosting: one process, several roles, a clean end, and a loud one when a role breaks."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from tests.service_kit import toy
from tests.service_kit.conftest import ROOT, until

from service_kit.database import Database, transaction


@pytest.fixture
async def migrated(database: Database) -> None:
    async with transaction() as tx:
        await tx.connection.execute(sa.text("CREATE TABLE alembic_version (version_num text)"))
        await tx.connection.execute(sa.text("INSERT INTO alembic_version VALUES ('0001_first')"))


async def test_a_service_answers_while_kafka_is_away_and_ends_cleanly_on_sigterm(
    migrated: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DESIGN running it: health at once, readiness says what is awaited, SIGTERM ends with code 0."""
    port, nobody = _free_port(), _free_port()
    monkeypatch.setenv("FARTHING_KAFKA", f"127.0.0.1:{nobody}")
    process = _start("--roles", "api,consumers,relay,idle", "--port", str(port))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        await until(lambda: _answers(client))
        ready = await client.get("/ready", timeout=20)
        assert (ready.status_code, set(ready.json()["waits_for"])) == (503, {"kafka"})
    process.terminate()
    output, _ = await asyncio.to_thread(process.communicate, None, 30)
    assert process.returncode == 0, output
    lines = [json.loads(line) for line in output.splitlines()]
    assert {line["service"] for line in lines} == {"toy"}
    assert lines[-1]["event"] == "stopped"


async def test_a_service_with_kafka_and_its_database_is_ready(migrated: None, topic: str) -> None:
    """DESIGN running it: ready is database, schema and Kafka."""
    port = _free_port()
    process = _start("--roles", "api,relay", "--port", str(port))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        await until(lambda: _answers(client))
        assert (await client.get("/ready", timeout=20)).json()["status"] == "ready"
        async with transaction() as tx:
            await tx.publish(toy.ticked_on(topic)(customer_id=1, n=1))
        await until(_all_sent)
    process.terminate()
    await asyncio.to_thread(process.communicate, None, 30)
    assert process.returncode == 0


async def test_a_role_that_breaks_ends_the_process_with_a_reason(migrated: None) -> None:
    """DESIGN running it: a service that does half its work is not left running."""
    process = _start("--roles", "idle,fail")
    output, _ = await asyncio.to_thread(process.communicate, None, 30)
    assert process.returncode == 1
    assert "the worker broke" in output
    assert '"role": "fail"' in output


async def test_a_service_does_not_start_on_a_schema_that_is_behind(database: Database) -> None:
    """DESIGN migrations: it says so and does not start."""
    process = _start("--roles", "idle")
    output, _ = await asyncio.to_thread(process.communicate, None, 30)
    assert process.returncode == 1
    assert "python -m service_kit migrate toy" in output


async def test_the_kit_migrates_a_service_and_starts_from_nothing_only_once(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DESIGN migrations: run by a command; twice is no harm."""
    versions = tmp_path / "toy" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "toy" / "env.py").write_text("from service_kit.migrations import run_env\n\nrun_env()\n")
    (versions / "0001_first.py").write_text(
        "from alembic import op\nfrom service_kit.migrations import create_kit_tables, drop_kit_tables\n"
        "revision = '0001'\ndown_revision = None\n"
        "def upgrade():\n    create_kit_tables(op)\ndef downgrade():\n    drop_kit_tables(op)\n"
    )
    monkeypatch.setenv("FARTHING_MIGRATIONS", str(tmp_path))
    monkeypatch.setenv("FARTHING_POSTGRES_TOY", empty_database)
    for _ in range(2):
        command = [sys.executable, "-m", "service_kit", "migrate", "toy"]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "toy: up to date" in done.stdout
    process = _start("--roles", "fail")
    output, _ = await asyncio.to_thread(process.communicate, None, 30)
    assert "the worker broke" in output, "the schema is recent enough to start"


def _start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.service_kit.toy_service", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=os.environ.copy(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health")).status_code == 200
    except httpx.TransportError:
        return False


async def _all_sent() -> bool:
    async with transaction() as tx:
        return not await tx.connection.scalar(sa.text("SELECT count(*) FROM outbox WHERE sent_at IS NULL"))
