"""The HTTP app: a scope on every route, problem documents, request ids, health and readiness."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel

from service_kit.auth import principal, scope
from service_kit.errors import ConfigurationError, DatabaseAway, Unstorable
from service_kit.http import Conflict, Invalid, NotFound, PreconditionFailed, Problem, Router, create_app
from service_kit.tokens import Issuer, generate_issuer, issue_token

READ = scope("customers:read")


class Line(BaseModel):
    amount: int


class Order(BaseModel):
    name: str
    lines: list[Line] = []


router = Router(prefix="/things", dependencies=[READ])
PROBLEMS: dict[str, Exception] = {
    "not-found": NotFound("customer 7 does not exist: look it up by its account number"),
    "conflict": Conflict("account number 'A1' belongs to customer 3", type="account-number-taken", customer_id=3),
    "invalid": Invalid("the end is before the start", errors=[{"field": "end", "message": "before start"}]),
    "changed": PreconditionFailed("someone else changed this: reload"),
    "own": Problem(429, "too-many", "Too many", "wait a second"),
    "http": HTTPException(418, "a teapot"),
    "away": DatabaseAway("connection refused"),
    "bug": ZeroDivisionError("oops"),
    "unstorable": Unstorable("oops"),
}


@router.get("/problem/{name}")
async def raise_it(name: str) -> None:
    raise PROBLEMS[name]


@router.post("", status_code=201, dependencies=[scope("customers:write")])
async def create(order: Order, request: Request) -> dict[str, str]:
    return {"name": order.name, "by": principal(request)}


@pytest.fixture
def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    made = generate_issuer(tmp_path / "issuer")
    monkeypatch.setenv("FARTHING_JWKS", str(made.jwks))
    return made


@pytest.fixture
def app() -> FastAPI:
    return create_app("toy", title="Toy", description="For tests", routers=[router])


@pytest.fixture
async def client(app: FastAPI, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    token = issue_token(issuer.private_key, ["customers:read", "customers:write"], "ada")
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://toy", headers=headers) as client:
        yield client


def test_a_route_without_a_scope_makes_the_app_fail() -> None:
    """DESIGN: every HTTP route needs a scope from the first day."""
    bare = APIRouter()
    bare.add_api_route("/open", lambda: None, methods=["GET"])
    with pytest.raises(ConfigurationError, match="GET /open has no scope"):
        create_app("toy", title="Toy", description="", routers=[bare])


def test_a_bare_route_in_a_nested_router_is_found_too() -> None:
    """DESIGN: every HTTP route needs a scope; a dependency that is none does not count."""
    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer")
    inner.add_api_route("/open", lambda: None, methods=["POST"], dependencies=[Depends(lambda: None)])
    outer.include_router(inner)
    with pytest.raises(ConfigurationError, match="POST /outer/inner/open has no scope"):
        create_app("toy", title="Toy", description="", routers=[outer])


def test_a_scope_among_the_parameters_counts() -> None:
    """DESIGN: the scope may stand wherever FastAPI takes a dependency."""
    guarded = APIRouter()

    async def ask(caller: Annotated[Any, READ]) -> None:
        return None

    guarded.add_api_route("/guarded", ask, methods=["GET"])
    create_app("toy", title="Toy", description="", routers=[guarded])


@pytest.mark.parametrize(
    ("name", "status", "slug"),
    [
        ("not-found", 404, "not-found"),
        ("conflict", 409, "account-number-taken"),
        ("invalid", 422, "invalid"),
        ("changed", 412, "precondition-failed"),
        ("own", 429, "too-many"),
        ("http", 418, "http"),
        ("away", 503, "away"),
        ("bug", 500, "internal"),
        ("unstorable", 422, "invalid"),
    ],
)
async def test_every_error_is_a_problem_document(client: httpx.AsyncClient, name: str, status: int, slug: str) -> None:
    """HTTP conventions: application/problem+json with type, title, status, detail, instance (RFC 9457)."""
    answer = await client.get(f"/things/problem/{name}", headers={"X-Request-ID": "abc-123"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "abc-123"
    document = answer.json()
    assert document["type"] == f"urn:farthing:problem:{slug}"
    assert document["status"] == status
    assert document["instance"] == f"/things/problem/{name}"
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == "abc-123"
    assert "oops" not in answer.text, "an internal error tells nothing of the inside"


async def test_a_problem_carries_its_own_members(client: httpx.AsyncClient) -> None:
    """HTTP conventions: a clash names who holds it."""
    assert (await client.get("/things/problem/conflict")).json()["customer_id"] == 3


async def test_invalid_input_names_its_fields(client: httpx.AsyncClient) -> None:
    """HTTP conventions: errors: [{field, message}]."""
    answer = await client.post("/things", json={"lines": [{"amount": 1}, {"amount": "many"}]})
    assert answer.status_code == 422
    fields = {error["field"]: error["message"] for error in answer.json()["errors"]}
    assert set(fields) == {"name", "lines.1.amount"}
    broken = await client.post("/things", content=b"{", headers={"Content-Type": "application/json"})
    assert broken.status_code == 422


@pytest.mark.parametrize(
    ("path", "fields"), [("/things/problem/o%00wn", ["name"]), ("/things/problem/own?a=%00&b=1&a=x%00", ["a", "a"])]
)
async def test_no_parameter_may_hold_a_nul(
    client: httpx.AsyncClient, app: FastAPI, path: str, fields: list[str]
) -> None:
    """HTTP conventions: what cannot be kept is refused by field, and the document says so of every text."""
    answer = await client.get(path)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == fields
    (name,) = app.openapi()["paths"]["/things/problem/{name}"]["get"]["parameters"]
    assert name["schema"]["pattern"] == r"^[^\u0000]*$"


async def test_an_unknown_path_is_a_problem_too(client: httpx.AsyncClient) -> None:
    """HTTP conventions: also what the framework answers itself."""
    answer = await client.get("/nowhere")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:farthing:problem:not-found")
    assert (await client.delete("/things/problem/own")).status_code == 405


async def test_the_subject_of_the_token_is_known_for_the_audit(client: httpx.AsyncClient) -> None:
    """C19: who did it."""
    answer = await client.post("/things", json={"name": "x"})
    assert answer.json() == {"name": "x", "by": "ada"}


async def test_a_token_without_the_scope_is_refused_by_name(client: httpx.AsyncClient, issuer: Issuer) -> None:
    """DESIGN: bearer tokens checked against the issuer's keys; the refusal says which scope is missing."""
    token = issue_token(issuer.private_key, ["customers:read"], "ada")
    answer = await client.post("/things", json={"name": "x"}, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403
    assert answer.json()["scope"] == "customers:write"
    assert "customers:write" in answer.json()["detail"]


async def test_what_is_no_valid_token_is_refused(client: httpx.AsyncClient, issuer: Issuer, tmp_path: Path) -> None:
    """DESIGN: signature, issuer, audience and lifetime are checked."""
    stranger = generate_issuer(tmp_path / "stranger")
    good = issue_token(issuer.private_key, ["customers:read"], "ada")
    header, payload, signature = good.split(".")
    bad = {
        "other key": issue_token(stranger.private_key, ["customers:read"], "eve"),
        "expired": issue_token(issuer.private_key, ["customers:read"], "ada", timedelta(hours=-1)),
        "other issuer": issue_token(issuer.private_key, ["customers:read"], "ada", issuer="someone"),
        "other audience": issue_token(issuer.private_key, ["customers:read"], "ada", audience="someone"),
        "no token": "rubbish",
        "two parts": f"{header}.{payload}",
        "unsigned": f"{header}.{payload}.",
        "signature of another": f"{header}.{payload}.{signature[::-1]}",
        "algorithm none": "eyJhbGciOiJub25lIn0." + payload + ".",
    }
    for why, token in bad.items():
        answer = await client.get("/things/problem/own", headers={"Authorization": f"Bearer {token}"})
        assert (why, answer.status_code) == (why, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
    del client.headers["Authorization"]
    assert (await client.get("/things/problem/own")).status_code == 401


async def test_a_new_key_of_the_issuer_is_picked_up(
    client: httpx.AsyncClient, issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DESIGN: the keys are read again when a token names one that is not known."""
    assert (await client.get("/things/problem/own")).status_code == 429
    rotated = generate_issuer(tmp_path / "rotated")
    issuer.jwks.write_text(rotated.jwks.read_text())
    monkeypatch.setattr("service_kit.auth._RELOAD_AFTER_S", 0.0)
    token = issue_token(rotated.private_key, ["customers:read"], "ada")
    answer = await client.get("/things/problem/own", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 429


async def test_operations_are_open_and_say_what_is_awaited(app: FastAPI, client: httpx.AsyncClient) -> None:
    """HTTP conventions: /health, /ready, /metrics need no token; readiness names what is missing."""

    async def away() -> None:
        raise ConnectionError("no database")

    del client.headers["Authorization"]
    assert (await client.get("/health")).json() == {"status": "up", "service": "toy"}
    assert (await client.get("/ready")).status_code == 200
    app.state.ready_checks["database"] = away
    answer = await client.get("/ready")
    assert (answer.status_code, answer.json()["waits_for"]) == (503, {"database": "no database"})
    assert "farthing_http_requests_total" in (await client.get("/metrics")).text


async def test_the_openapi_page_documents_tokens_scopes_and_problems(client: httpx.AsyncClient) -> None:
    """E1, HTTP conventions: an integrator needs only the page."""
    document = (await client.get("/openapi.json")).json()
    operation = document["paths"]["/things"]["post"]
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert {scope for each in operation["security"] for scope in each["HTTPBearer"]} >= {"customers:write"}
    assert "application/problem+json" in operation["responses"]["4XX"]["content"]
    assert document["paths"]["/health"]["get"].get("security") is None
