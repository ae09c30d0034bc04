"""The service as it is run: one process with all its roles."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from tests.rating.integration.test_files import content, hand_in, row
from tests.rating.support.carriers import in_february
from tests.support.platform import unique

from contracts.topics import CDR_RECEIVED
from local_platform import ports
from service_kit.tokens import generate_issuer, issue_token

SCOPES = ("rating:read", "rating:write", "cdrs:write")


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"did not come true within {seconds} s"
        await asyncio.sleep(0.1)


@pytest.fixture
async def client(
    service_database: Callable[[str], str], kafka: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service, which runs in a process of its own."""
    in_february(monkeypatch, tmp_path)
    issuer, port = generate_issuer(tmp_path), ports.reserve()
    monkeypatch.setenv("FARTHING_KAFKA", kafka)
    monkeypatch.setenv("FARTHING_JWKS", str(issuer.jwks))
    monkeypatch.setenv("FARTHING_POSTGRES_RATING", service_database("rating"))
    process = start(port, tmp_path / "log")
    headers = {"Authorization": f"Bearer {issue_token(issuer.private_key, SCOPES, 'ann')}"}
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
            await until(lambda: ready(client, process))
            yield client
    finally:
        process.terminate()
        try:
            assert process.wait(30) == 0
        finally:
            process.kill()
            ports.release(port)


def start(port: int, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen([sys.executable, "-m", "rating", "--port", str(port)], stdout=output)


async def ready(client: httpx.AsyncClient, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the service ended"
    try:
        return (await client.get("/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def test_every_door_ends_in_the_same_account(client: httpx.AsyncClient) -> None:
    """R2, R3: a file and a batch, good and bad records, a second copy: each has its one outcome."""
    source = unique("northstar")
    file = (await hand_in(client, content(row(1), row(2, Duration="x"), row(3)), source)).json()

    async def published() -> bool:
        return bool((await client.get(f"/cdr-files/{file['file_id']}")).json()["state"] == "published")

    await until(published)
    call = {
        "source": source,
        "charged_number": "+442079460001",
        "other_party": "+441614960123",
        "start": "2025-01-15T09:30:00Z",
        "duration_seconds": 62,
    }
    records = [{**call, "record_id": "NS-000001"}, {**call, "record_id": "LW-1"}, {**call, "record_id": ""}]
    answer = await client.post("/cdrs", json={"records": records})
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (2, 1)

    async def stored() -> bool:
        items = (await client.get("/positions")).json()["items"]
        return all(each["position"] >= each["end"] for each in items if each["topic"] == CDR_RECEIVED)

    await until(stored)
    report = (await client.get("/reports/outcomes", params={"group": "source"})).json()
    (ours,) = [each for each in report["items"] if each["source"] == source]
    assert (ours["received"], ours["suspended"], ours["duplicate"], ours["rejected"]) == (6, 3, 1, 2)
    assert ours["by_reason"] == {"unknown_number": 3, "bad_duration": 1, "missing_record_id": 1, "conflict": 1}
    assert "cdr.received" in (await client.get("/asyncapi.json")).text
