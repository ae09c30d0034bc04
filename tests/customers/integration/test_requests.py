"""Requests that are sent twice, at once, or to a process that dies; edits that meet (SPEC C20)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from tests.customers.integration.waiting import until

from local_platform import ports
from service_kit.database import bind, reading
from service_kit.tokens import generate_issuer, issue_token

KEY = {"Idempotency-Key": "new-customer-1"}
SCOPES = ("customers:read", "customers:write", "reference:read", "reference:write")
EDITORS = 8
Json = dict[str, Any]


async def _rows(table: str) -> int:
    async with reading() as connection:
        return await connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0


async def test_a_customer_sent_twice_is_one(api: httpx.AsyncClient, outbox: Any) -> None:
    """Idempotency keys: the same id, account number, ETag; one row, one event, one trace in the audit log."""
    first = await api.post("/customers", json={"name": "Fenwick Tiles"}, headers=KEY)
    again = await api.post("/customers", json={"name": "Fenwick Tiles"}, headers=KEY)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert (again.headers["etag"], again.headers["location"]) == ('"1"', first.headers["location"])
    assert again.headers["idempotent-replayed"] == "true"
    assert len(await outbox("customer.created")) == await _rows("customer") == 1


async def test_another_customer_under_the_same_key_is_refused(api: httpx.AsyncClient) -> None:
    """Idempotency keys: whoever mixes up keys is told, and nothing is added."""
    made = (await api.post("/customers", json={"name": "Fenwick Tiles"}, headers=KEY)).json()
    other = await api.post("/customers", json={"name": "Brightwater Tiles"}, headers=KEY)
    assert (other.status_code, other.json()["type"]) == (422, "urn:farthing:problem:idempotency-key-reused")
    status = await api.post(f"/customers/{made['customer_id']}/status", json={"status": "active"}, headers=KEY)
    assert status.status_code == 422
    assert await _rows("customer") == 1


async def test_a_clash_is_not_kept_and_the_body_may_be_put_right(
    api: httpx.AsyncClient, add_customer: Any, outbox: Any
) -> None:
    """C2, idempotency keys: after a 409 the same key does for another account number."""
    holder = await add_customer(account_number="Acme-1")
    for _ in range(2):
        clash = await api.post("/customers", json={"name": "Other", "account_number": "acme-1"}, headers=KEY)
        assert (clash.status_code, clash.json()["customer_id"]) == (409, holder["customer_id"])
    made = await api.post("/customers", json={"name": "Other", "account_number": "acme-2"}, headers=KEY)
    assert made.status_code == 201
    assert len(await outbox("customer.created")) == 2


async def test_a_number_feature_and_status_sent_twice_are_one(
    api: httpx.AsyncClient, add_customer: Any, outbox: Any
) -> None:
    """C8, C9, idempotency keys: a taken number would be a 409 without them."""
    path = f"/customers/{(await add_customer())['customer_id']}"
    number = {"number": "020 7946 0123", "call_plan": "standard", "start": "2025-01-01"}
    bodies: list[tuple[str, Json]] = [
        ("numbers", number),
        ("features", {"description": "Line rental", "start": "2025-01-01"}),
        ("status", {"status": "active_do_not_bill"}),
    ]
    for what, body in bodies:
        first, again = [await api.post(f"{path}/{what}", json=body, headers={"Idempotency-Key": what}) for _ in "12"]
        assert first.is_success, first.text
        assert first.content == again.content
        assert "idempotent-replayed" in again.headers
    told = Counter(row["type"] for row in await outbox())
    assert (told["number.created"], told["feature.created"], told["customer.status_changed"]) == (1, 2, 1)


async def test_a_number_that_two_want_is_one_customers_under_keys_too(
    api: httpx.AsyncClient, add_customer: Any
) -> None:
    """C9: the loser is told who holds it, as without a key."""
    paths = [f"/customers/{(await add_customer())['customer_id']}/numbers" for _ in range(4)]
    body = {"number": "020 7946 0123", "call_plan": "standard", "start": "2025-01-01"}
    posts = (api.post(path, json=body, headers={"Idempotency-Key": path}) for path in paths)
    answers = await asyncio.gather(*posts)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert await _rows("assignment") == 1


@dataclass
class Desk:
    """The service in processes of its own, on one database."""

    token: str
    log: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)

    def start(self, **environment: str) -> tuple[httpx.AsyncClient, subprocess.Popen[bytes]]:
        """Another process, and a client of it."""
        port = ports.reserve()
        self.taken.append(port)
        command = [sys.executable, "-m", "customers", "--roles", "api", "--port", str(port)]
        with self.log.open("ab") as output:
            process = subprocess.Popen(command, stdout=output, env={**os.environ, **environment})
        self.processes.append(process)
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30), process


@pytest.fixture
def desk(service_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Desk]:
    """Starts the service; ends its processes with the test."""
    issuer = generate_issuer(tmp_path)
    monkeypatch.setenv("FARTHING_JWKS", str(issuer.jwks))
    monkeypatch.setenv("FARTHING_POSTGRES_CUSTOMERS", service_database("customers"))
    desk = Desk(issue_token(issuer.private_key, SCOPES, "ann"), tmp_path / "log")
    yield desk
    for process in desk.processes:
        process.kill()
        process.wait(30)
    for port in desk.taken:
        ports.release(port)


@pytest.fixture
async def books(desk: Desk) -> AsyncIterator[None]:
    """This process reads the desk's database."""
    database = bind(os.environ["FARTHING_POSTGRES_CUSTOMERS"])
    yield
    await database.close()


async def _up(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health")).status_code == 200
    except httpx.TransportError:
        return False


async def test_eight_at_once_at_two_processes_make_one_customer(desk: Desk, books: None) -> None:
    """Idempotency keys: the second waits for the first's commit, wherever it arrives."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(desk.start()[0]) for _ in range(2)]
        for client in clients:
            await until(lambda client=client: _up(client))
        for round_ in range(5):
            headers = {"Idempotency-Key": f"round {round_}"}
            posts = [clients[n % 2].post("/customers", json={"name": "Fenwick"}, headers=headers) for n in range(8)]
            answers = await asyncio.gather(*posts)
            assert {answer.status_code for answer in answers} == {201}
            assert len({answer.content for answer in answers}) == 1
            assert sum("idempotent-replayed" in answer.headers for answer in answers) == 7
    assert await _rows("customer") == await _rows("outbox WHERE type = 'customer.created'") == 5


async def test_a_process_killed_before_its_answer_leaves_nothing_and_the_repeat_makes_one(
    desk: Desk, books: None
) -> None:
    """Idempotency keys: the key, the customer, its event and the answer are there together, or none of them."""
    doomed, process = desk.start(FARTHING_CRASH_POINTS="request-before-commit=1")
    async with doomed:
        await until(lambda: _up(doomed))
        with pytest.raises(httpx.TransportError):
            await doomed.post("/customers", json={"name": "Fenwick"}, headers=KEY)
    assert process.wait(30) == -signal.SIGKILL
    assert await _rows("customer") == await _rows("request_key") == 0
    client, _ = desk.start()
    async with client:
        await until(lambda: _up(client))
        answers = [await client.post("/customers", json={"name": "Fenwick"}, headers=KEY) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert ["idempotent-replayed" in answer.headers for answer in answers] == [False, True]
    assert await _rows("customer") == await _rows("outbox WHERE type = 'customer.created'") == 1


@pytest.mark.faults
async def test_a_repeat_to_a_process_that_lives_waits_for_the_one_that_dies(desk: Desk, books: None) -> None:
    """Idempotency keys: eight are sent while the first process dies; one customer is made."""
    doomed, _ = desk.start(FARTHING_CRASH_POINTS="request-before-commit=1")
    living, _ = desk.start()
    async with doomed, living:
        for client in (doomed, living):
            await until(lambda client=client: _up(client))
        posts = [client.post("/customers", json={"name": "Fenwick"}, headers=KEY) for client in (doomed, living) * 4]
        answers = await asyncio.gather(*posts, return_exceptions=True)
        again = await living.post("/customers", json={"name": "Fenwick"}, headers=KEY)
    told = {answer.content for answer in answers if isinstance(answer, httpx.Response)}
    assert told == {again.content}
    assert await _rows("customer") == 1


async def test_of_two_people_editing_one_customer_the_second_is_told_to_reload(
    api: httpx.AsyncClient, add_customer: Any
) -> None:
    """C20: refused, not merged, also where they changed other fields; a repeat of the first's is refused as well."""
    path = f"/customers/{(await add_customer(notes='-'))['customer_id']}"
    anns, bens = [(await api.get(path)).headers["etag"] for _ in "12"]
    ann = await api.put(path, json={"notes": "rings at noon"}, headers={"If-Match": anns})
    ben = await api.put(path, json={"company_name": "Fenwick Limited"}, headers={"If-Match": bens})
    assert (ann.status_code, ben.status_code) == (200, 412)
    assert "someone else changed" in ben.json()["detail"]
    assert "reload" in ben.json()["detail"]
    reloaded = await api.get(path)
    assert (reloaded.json()["notes"], reloaded.json()["company_name"]) == ("rings at noon", "")
    body = {"company_name": "Fenwick Limited"}
    ben = await api.put(path, json=body, headers={"If-Match": reloaded.headers["etag"]})
    assert (ben.json()["notes"], ben.json()["company_name"]) == ("rings at noon", "Fenwick Limited")
    assert (await api.put(path, json=body, headers={"If-Match": anns})).status_code == 412


async def test_eight_clients_editing_one_customer_lose_nothing(
    api: httpx.AsyncClient, add_customer: Any, outbox: Any
) -> None:
    """C19, C20: each edit is refused or kept whole; versions, events and the audit log tell the same story."""
    customer = await add_customer()
    path = f"/customers/{customer['customer_id']}"
    refused = await asyncio.gather(*(_edit(api, path, editor) for editor in range(EDITORS)))
    done = (await api.get(path)).json()
    edits = EDITORS * 3
    assert done["version"] == 1 + edits
    assert sum(refused) > 0, "they met"
    words = done["notes"].split()
    assert sorted(words) == sorted(f"{editor}.{edit}" for editor in range(EDITORS) for edit in range(3))
    for editor in range(EDITORS):
        own = [word for word in words if word.startswith(f"{editor}.")]
        assert own == sorted(own), "each client's edits are in its order"
    told = [row["payload"]["version"] for row in await outbox("customer.updated")]
    assert told == list(range(2, 2 + edits))
    audit = (await api.get(f"{path}/audit", params={"limit": 1000})).json()["items"]
    notes = [trace for trace in audit if trace["field"] == "notes"]
    assert len(notes) == edits
    assert all(after["old"] == before["new"] for before, after in pairwise(notes))


async def _edit(api: httpx.AsyncClient, path: str, editor: int) -> int:
    """Add three words to the notes, reloading whenever someone else was faster. Returns how often that was."""
    refused = 0
    for edit in range(3):
        while True:
            seen = await api.get(path)
            notes = f"{seen.json()['notes']} {editor}.{edit}"
            answer = await api.put(path, json={"notes": notes}, headers={"If-Match": seen.headers["etag"]})
            if answer.status_code == 200:
                break
            assert answer.status_code == 412, answer.text
            refused += 1
    return refused
