"""Idempotency keys: sent again, a POST acts once and is answered the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from fastapi import APIRouter, Response, UploadFile
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from tests.service_kit import toy

from service_kit.auth import scope
from service_kit.database import Database, Transaction, ambient, bind, reading, transaction
from service_kit.errors import ConfigurationError, TryAgain
from service_kit.http import Conflict, Router, create_app, repeatable
from service_kit.outbox import Relay
from service_kit.tokens import Issuer, generate_issuer, issue_token

WRITE = scope("customers:write")
KEY = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
Ticked = toy.ticked_on("toy")
router = Router(prefix="/ticks", dependencies=[WRITE])
gates: dict[str, asyncio.Event] = {}


class NewTick(BaseModel):
    customer_id: int


async def _tick(tx: Transaction, customer_id: int) -> int:
    n: int = (
        await tx.connection.execute(
            toy.effect.insert().values(n=0, customer_id=customer_id).returning(toy.effect.c.seq)
        )
    ).scalar_one()
    await tx.publish(Ticked(customer_id=customer_id, n=n))
    return n


@router.post("", status_code=201)
async def add(tick: NewTick, response: Response) -> dict[str, int]:
    async with transaction() as tx:
        n = await _tick(tx, tick.customer_id)
    response.headers["Location"], response.headers["ETag"] = f"/ticks/{n}", '"1"'
    async with reading() as connection:
        seen = await connection.scalar(sa.select(sa.func.count()).select_from(toy.effect))
    return {"n": n, "seen": seen or 0}


@router.post("/clashing")
async def clash() -> dict[str, int]:
    """A use case that meets a clash, looks why, and tries again."""
    for n in (1, 2):
        try:
            async with transaction() as tx:
                await _tick(tx, n)
                await tx.connection.execute(toy.tick.insert().values(n=n, customer_id=1))
            return {"n": n}
        except IntegrityError:
            async with reading() as connection:
                assert await connection.scalar(sa.select(toy.tick.c.n)) == 1
    raise Conflict("both are taken")


@router.post("/refused")
async def refuse(tick: NewTick) -> Response:
    async with transaction() as tx:
        await _tick(tx, tick.customer_id)
    if tick.customer_id == 1:
        raise Conflict("customer 1 is busy")
    return JSONResponse({"customer_id": tick.customer_id}, 409 if tick.customer_id == 2 else 200)


@router.post("/cut-off")
async def cut_off() -> None:
    async with transaction() as tx:
        await _tick(tx, 1)
        await tx.connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))


@router.post("/slow")
async def slow() -> None:
    gates["begun"].set()
    await gates["go"].wait()


@router.post("/files")
async def post_file(file: UploadFile) -> dict[str, int]:
    async with transaction() as tx:
        await _tick(tx, 1)
    return {"bytes": len(await file.read())}


@router.post("/nothing", status_code=204)
async def nothing() -> None:
    async with transaction() as tx:
        await _tick(tx, 1)


@router.post("/lines", dependencies=[repeatable("lines are known by their number")], response_class=StreamingResponse)
async def lines() -> StreamingResponse:
    return StreamingResponse(iter([b"1\n", b"2\n"]))


@pytest.fixture
def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    made = generate_issuer(tmp_path / "issuer")
    monkeypatch.setenv("FARTHING_JWKS", str(made.jwks))
    return made


@pytest.fixture
def bearer(issuer: Issuer) -> Callable[..., dict[str, str]]:
    """Makes the headers of a caller: `bearer("ada")`."""

    def make(subject: str, *scopes: str) -> dict[str, str]:
        token = issue_token(issuer.private_key, scopes or ("customers:write",), subject)
        return {"Authorization": f"Bearer {token}"}

    return make


@pytest.fixture
async def client(database: Database, bearer: Callable[..., dict[str, str]]) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app("toy", title="Toy", description="For tests", routers=[router])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://toy", headers=bearer("ada")) as client:
        yield client


async def _count(table: sa.Table) -> int:
    async with reading() as connection:
        return await connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


async def _done() -> tuple[int, int, int]:
    """Effects, events and kept answers."""
    return await _count(toy.effect), await _count(toy.kit.outbox), await _count(toy.kit.request_key)


async def test_a_repeat_is_answered_as_the_first_and_acts_no_more(
    client: httpx.AsyncClient, database: Database
) -> None:
    """HTTP conventions, idempotency keys: same status, body, Location and ETag; the relay is woken after the commit."""
    database.outbox_written.clear()
    first = await client.post("/ticks", json={"customer_id": 1}, headers=KEY)
    assert database.outbox_written.is_set()
    again = await client.post("/ticks", json={"customer_id": 1}, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert first.json()["seen"] == 1, "what the request has done is read before it is committed"
    for header in ("location", "etag", "content-type", "content-length"):
        assert first.headers[header] == again.headers[header]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    assert await _done() == (1, 1, 1)


async def test_without_a_key_nothing_is_kept(client: httpx.AsyncClient) -> None:
    """HTTP conventions: the key is optional."""
    for _ in range(2):
        assert (await client.post("/ticks", json={"customer_id": 1})).status_code == 201
    assert await _done() == (2, 2, 0)


async def test_another_request_under_the_same_key_is_refused(client: httpx.AsyncClient) -> None:
    """HTTP conventions: another body, another path, another query."""
    await client.post("/ticks", json={"customer_id": 1}, headers=KEY)
    others = [
        ("/ticks", {"customer_id": 2}),
        ("/ticks/refused", {"customer_id": 1}),
        ("/ticks?x=1", {"customer_id": 1}),
    ]
    for path, body in others:
        answer = await client.post(path, json=body, headers=KEY)
        assert (path, answer.status_code) == (path, 422)
        assert answer.json()["type"].endswith("idempotency-key-reused")
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert await _done() == (1, 1, 1)


async def test_repeats_that_arrive_together_act_once(client: httpx.AsyncClient) -> None:
    """HTTP conventions: the others wait for the first; more of them than there are connections is no harm."""
    asked = (client.post("/ticks", json={"customer_id": 1}, headers=KEY) for _ in range(12))
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 11
    assert await _done() == (1, 1, 1)


async def test_who_waits_too_long_is_told_that_the_first_is_at_work(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP conventions: 409 with Retry-After, in this process and where another process has the key."""
    monkeypatch.setattr("service_kit.idempotency._WAIT_S", 0.05)
    gates.update(begun=asyncio.Event(), go=asyncio.Event())
    first = asyncio.create_task(client.post("/ticks/slow", headers=KEY))
    await gates["begun"].wait()
    early = await client.post("/ticks/slow", headers=KEY)
    gates["go"].set()
    assert (early.status_code, early.headers["retry-after"]) == (409, "5")
    assert early.json()["type"].endswith("request-in-progress")
    assert (await first).status_code == 200
    assert "idempotent-replayed" in (await client.post("/ticks/slow", headers=KEY)).headers


async def test_a_key_that_another_process_is_at_is_waited_for(
    client: httpx.AsyncClient, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP conventions: as between processes, by a lock in Postgres."""
    monkeypatch.setattr("service_kit.database._SERVER_SETTINGS", "-c lock_timeout=50")
    impatient = bind(empty_database)
    lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('ada' || chr(10) || 'k', 0))")
    try:
        async with transaction() as other:
            await other.connection.execute(lock)
            answer = await client.post("/ticks", json={"customer_id": 1}, headers={"Idempotency-Key": "k"})
        assert (answer.status_code, answer.headers["retry-after"]) == (409, "5")
        assert await _done() == (0, 0, 0)
    finally:
        await impatient.close()


async def test_an_error_undoes_what_was_done_and_is_not_kept(client: httpx.AsyncClient) -> None:
    """HTTP conventions: raised or answered, the same key may be sent again with the body put right."""
    for customer in (1, 2):
        assert (await client.post("/ticks/refused", json={"customer_id": customer}, headers=KEY)).status_code == 409
        assert await _done() == (0, 0, 0)
    assert (await client.post("/ticks/refused", json={}, headers=KEY)).status_code == 422
    assert (await client.post("/ticks/refused", json={"customer_id": 3}, headers=KEY)).status_code == 200
    assert await _done() == (1, 1, 1)


async def test_two_callers_may_use_the_same_key(
    client: httpx.AsyncClient, bearer: Callable[..., dict[str, str]]
) -> None:
    """HTTP conventions: a key is its caller's own."""
    mine = await client.post("/ticks", json={"customer_id": 1}, headers=KEY)
    theirs = await client.post("/ticks", json={"customer_id": 2}, headers={**KEY, **bearer("ben")})
    assert theirs.status_code == 201
    assert mine.json()["n"] != theirs.json()["n"]


async def test_an_answer_is_not_shown_to_who_has_lost_the_scope(
    client: httpx.AsyncClient, bearer: Callable[..., dict[str, str]]
) -> None:
    """DESIGN: a scope on every route, for repeats too."""
    await client.post("/ticks", json={"customer_id": 1}, headers=KEY)
    lost = await client.post("/ticks", json={"customer_id": 1}, headers={**KEY, **bearer("ada", "customers:read")})
    assert lost.status_code == 403
    nobody = await client.post("/ticks", json={"customer_id": 1}, headers={**KEY, "Authorization": "Bearer x"})
    assert nobody.status_code == 401


@pytest.mark.parametrize("key", ["", " ", "k" * 256, "caf\xe9", "a\tb"])
async def test_a_key_is_printable_and_not_too_long(client: httpx.AsyncClient, key: str) -> None:
    """HTTP conventions: 1 to 255 printable ASCII characters."""
    headers = {"Idempotency-Key": key.encode("latin-1")}
    answer = await client.post("/ticks", json={"customer_id": 1}, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert await _done() == (0, 0, 0)


async def test_a_use_case_may_meet_a_clash_and_try_again(client: httpx.AsyncClient) -> None:
    """DESIGN: what fails is undone alone, as in a transaction of its own, its event too."""
    async with transaction() as tx:
        await tx.connection.execute(toy.tick.insert().values(n=1, customer_id=1))
    assert (await client.post("/ticks/clashing", headers=KEY)).json() == {"n": 2}
    assert (await client.post("/ticks/clashing", headers=KEY)).json() == {"n": 2}
    assert await _done() == (1, 1, 1)


async def test_two_that_lock_each_other_out_can_try_again_inside(database: Database) -> None:
    """DESIGN: a deadlock's victim gives up its savepoint and its locks, not the request."""
    async with transaction() as tx:
        for n in (1, 2):
            await tx.connection.execute(toy.tick.insert().values(n=n, customer_id=0))
    locked = asyncio.Barrier(2)
    outcomes = await asyncio.gather(_touch_both(1, 2, locked), _touch_both(2, 1, locked))
    assert sorted(outcomes) == ["again", "at once"]
    async with reading() as connection:
        assert (await connection.scalars(sa.select(toy.tick.c.customer_id))).all() == [2, 2]


async def _touch_both(first: int, second: int, locked: asyncio.Barrier) -> str:
    async with ambient():
        try:
            async with transaction() as tx:
                await _touch(tx, first)
                await locked.wait()
                await _touch(tx, second)
            return "at once"
        except TryAgain:
            async with transaction() as tx:
                await _touch(tx, first)
                await _touch(tx, second)
            return "again"


async def _touch(tx: Transaction, n: int) -> None:
    more = toy.tick.c.customer_id + 1
    await tx.connection.execute(toy.tick.update().where(toy.tick.c.n == n).values(customer_id=more))


async def test_a_lost_connection_leaves_nothing_and_the_key_is_free(client: httpx.AsyncClient) -> None:
    """DESIGN: key, effect and answer are one transaction."""
    answer = await client.post("/ticks/cut-off", headers=KEY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert await _done() == (0, 0, 0)
    assert (await client.post("/ticks", json={"customer_id": 1}, headers=KEY)).status_code == 201


async def test_a_task_that_outlives_the_request_is_on_its_own(database: Database) -> None:
    """DESIGN: it has a transaction of its own, not the one that ended."""
    over = asyncio.Event()

    async def later() -> None:
        await over.wait()
        async with transaction() as tx:
            await _tick(tx, 1)

    async with ambient():
        task = asyncio.create_task(later())
    over.set()
    await task
    assert await _count(toy.effect) == 1


async def test_a_file_is_the_same_in_other_wrapping(client: httpx.AsyncClient) -> None:
    """HTTP conventions: the boundary of a form's parts is new each time and says nothing."""
    for content, status in ((b"one", 200), (b"one", 200), (b"two", 422)):
        answer = await client.post("/ticks/files", files={"file": ("a.csv", content)}, headers=KEY)
        assert answer.status_code == status
    assert await _done() == (1, 1, 1)


async def test_an_answer_without_a_body_is_kept_too(client: httpx.AsyncClient) -> None:
    """HTTP conventions: 204 is 204 again."""
    answers = [await client.post("/ticks/nothing", headers=KEY) for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2
    assert await _done() == (1, 1, 1)


async def test_what_takes_no_key_refuses_it_and_says_how_it_is_repeated(client: httpx.AsyncClient) -> None:
    """HTTP conventions: a key is heeded or refused, never passed over."""
    answer = await client.post("/ticks/lines", headers=KEY)
    assert answer.status_code == 422
    assert "known by their number" in answer.json()["detail"]
    assert (await client.post("/ticks/lines")).text == "1\n2\n"


async def test_every_post_is_documented(client: httpx.AsyncClient) -> None:
    """E1: the header with its bounds, or how the request is made safe to send again."""
    document = (await client.get("/openapi.json")).json()
    [parameter] = document["paths"]["/ticks"]["post"]["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("Idempotency-Key", "header", False)
    assert parameter["schema"]["maxLength"] == 255
    lines = document["paths"]["/ticks/lines"]["post"]
    assert "parameters" not in lines
    assert "Sent again:** lines are known by their number" in lines["description"]


def test_a_post_that_takes_no_keys_and_does_not_say_why_makes_the_app_fail() -> None:
    """HTTP conventions: idempotency keys on every POST that creates or acts."""
    plain = APIRouter()
    plain.add_api_route("/plain", nothing, methods=["POST"], dependencies=[WRITE])
    with pytest.raises(ConfigurationError, match="POST /plain takes no idempotency keys"):
        create_app("toy", title="Toy", description="", routers=[plain])
    with pytest.raises(ConfigurationError, match="POST /stream answers with a stream"):
        Router().add_api_route("/stream", lines, methods=["POST"], response_class=StreamingResponse)


async def test_answers_are_kept_for_days_and_then_forgotten(client: httpx.AsyncClient, database: Database) -> None:
    """HTTP conventions: kept as long as the settings say, removed by the relay when it is idle."""
    for key in ("old", "young"):
        await client.post("/ticks", json={"customer_id": 1}, headers={"Idempotency-Key": key})
    kept = toy.kit.request_key
    async with transaction() as tx:
        then = sa.func.now() - timedelta(days=8)
        await tx.connection.execute(kept.update().where(kept.c.key == "old").values(created_at=then))
    async with database.engine.connect() as pooled:
        await Relay("toy")._purge(await pooled.execution_options(isolation_level="AUTOCOMMIT"))
    async with reading() as connection:
        assert (await connection.scalars(sa.select(kept.c.key))).all() == ["young"]
