"""The HTTP app of every service: problem documents, request ids, health, metrics, and a scope on every route."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import RouteContext, iter_route_contexts
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit.auth import scope_checks
from service_kit.errors import ConfigurationError, Transient, Unstorable
from service_kit.idempotency import KeyedRoute, Router, repeatable
from service_kit.logs import bind_context, logger
from service_kit.metrics import REQUEST_SECONDS, REQUESTS
from service_kit.openapi import About, describe, operation_id, problems, refuse_same_names
from service_kit.problems import (
    MEDIA_TYPE,
    Conflict,
    Invalid,
    NotFound,
    PreconditionFailed,
    Problem,
    field_errors,
)

__all__ = [
    "About",
    "Check",
    "Conflict",
    "Invalid",
    "NotFound",
    "PreconditionFailed",
    "Problem",
    "Router",
    "create_app",
    "repeatable",
]

_log = logger(__name__)
Check = Callable[[], Awaitable[None]]
"""A readiness check: returns when it is well, raises when it is not."""

OPEN_ROUTES = frozenset(
    {
        "/health",
        "/ready",
        "/metrics",
        "/docs",
        "/docs/oauth2-redirect",
        "/redoc",
        "/openapi.json",
        "/asyncapi",
        "/asyncapi.json",
    }
)
"""The only routes that need no token."""
_READY_WITHIN_S = 5.0
_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}")
_NO_NUL = "the text holds the character NUL, which cannot be kept or looked for: take it out"


def create_app(
    name: str, *, title: str, description: str, routers: list[APIRouter], about: About | None = None
) -> FastAPI:
    """A service's HTTP app.

    Args:
        name: the service's name, as in logs and metrics.
        title: heading of its OpenAPI page.
        description: what the service owns, for that page.
        routers: its routes; each needs a scope, and those with a POST are a `Router`. An operation is named after its
            function: clients are generated from these names.
        about: what the OpenAPI document says beside the routes.

    Raises:
        ConfigurationError: a route has no scope, a POST takes no idempotency keys, or two operations have one name,
            with method and path.
    """
    responses: dict[int | str, dict[str, Any]] = {
        "4XX": problems("The request cannot be done: `type`, `detail` and `errors` say why and what to do."),
        "5XX": problems("The service could not do it now."),
    }
    app = FastAPI(
        title=title,
        description=description,
        version="1",
        responses=responses,
        dependencies=[Depends(_refuse_nul)],
        generate_unique_id_function=operation_id,
    )
    app.state.service = name
    app.state.ready_checks = {}
    for router in routers:
        app.include_router(router)
    _refuse_open_routes(app)
    _refuse_unkeyed_posts(app)
    _add_errors(app)
    app.include_router(_operations(name))
    app.add_middleware(RequestContext, service=name)
    refuse_same_names(app)
    describe(app, about or About())
    return app


async def _refuse_nul(request: Request) -> None:
    """Postgres takes no NUL in a text, so no route has to say so of its parameters; the document says it of all."""
    sent = [*request.path_params.items(), *request.query_params.multi_items()]
    errors = [{"field": name, "message": _NO_NUL} for name, value in sent if "\0" in str(value)]
    if errors:
        raise Invalid(f"the request is not valid: {errors[0]['field']}: {_NO_NUL}", errors=errors)


def _refuse_open_routes(app: FastAPI) -> None:
    for route in iter_route_contexts(app.routes):
        if route.path not in OPEN_ROUTES and not _has_scope(route):
            raise ConfigurationError(
                f"{','.join(sorted(route.methods or []))} {route.path} has no scope: "
                'add dependencies=[scope("<area>:<read|write>")]'
            )


def _has_scope(route: RouteContext) -> bool:
    dependant: Dependant | None = getattr(route, "dependant", None)
    return dependant is not None and bool(scope_checks(dependant))


def _refuse_unkeyed_posts(app: FastAPI) -> None:
    for route in iter_route_contexts(app.routes):
        if "POST" in (route.methods or ()) and not isinstance(route.original_route, KeyedRoute):
            raise ConfigurationError(
                f"POST {route.path} takes no idempotency keys: make its router a service_kit.http.Router"
            )


def _operations(name: str) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get("/health", summary="The process runs")
    async def health() -> dict[str, str]:
        return {"status": "up", "service": name}

    @router.get("/ready", summary="The service can do its work", responses={503: {"description": "What it waits for"}})
    async def ready(request: Request) -> JSONResponse:
        checks: dict[str, Check] = request.app.state.ready_checks
        answers = await asyncio.gather(*(_asked(check) for check in checks.values()))
        waits = {check: answer for check, answer in zip(checks, answers, strict=True) if answer is not None}
        content = {"status": "waiting" if waits else "ready", "service": name, "waits_for": waits}
        return JSONResponse(content, status_code=503 if waits else 200)

    @router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _asked(check: Check) -> str | None:
    try:
        await asyncio.wait_for(check(), _READY_WITHIN_S)
    except TimeoutError:
        return f"no answer within {_READY_WITHIN_S:.0f} s"
    except Exception as error:
        return str(error) or type(error).__name__
    return None


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def on_problem(request: Request, error: Problem) -> Response:
        return _answer(request, error)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        slug = "not-found" if error.status_code == 404 else "http"
        headers = dict(error.headers or {})
        return _answer(request, Problem(error.status_code, slug, str(error.detail), str(error.detail), headers=headers))

    @app.exception_handler(RequestValidationError)
    async def on_validation(request: Request, error: RequestValidationError) -> Response:
        errors = field_errors(error.errors())
        told = "; ".join(f"{each['field']}: {each['message']}" for each in errors[:3])
        return _answer(request, Invalid(f"the request is not valid: {told}", errors=errors))

    @app.exception_handler(Unstorable)
    async def on_unstorable(request: Request, error: Unstorable) -> Response:
        _log.warning("a text with NUL", error=repr(error))
        return _answer(request, Invalid(f"the request is not valid: {_NO_NUL}"))

    @app.exception_handler(Transient)
    async def on_transient(request: Request, error: Transient) -> Response:
        _log.warning("away", error=repr(error))
        detail = "something this service needs is away for the moment: try again in a few seconds"
        return _answer(request, Problem(503, "away", "Away for the moment", detail, headers={"Retry-After": "2"}))


def _answer(request: Request, problem: Problem) -> Response:
    document = problem.document(request.url.path)
    request_id = getattr(request.state, "request_id", None)
    if request_id:
        document["request_id"] = request_id
    return JSONResponse(document, status_code=problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


class RequestContext:
    """Gives each request an id, in its answer and in all log lines; counts it; answers what nothing else caught."""

    def __init__(self, app: ASGIApp, *, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        began = time.perf_counter()
        with bind_context(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            except Exception as error:
                _log.error("unhandled", method=scope["method"], path=scope["path"], exc_info=error)
                if status:
                    raise
                await _failed(scope, request_id)(scope, receive, send_with_id)
            finally:
                self._count(scope, status, time.perf_counter() - began)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        method = scope["method"]
        REQUESTS.labels(self._service, method, route, status).inc()
        REQUEST_SECONDS.labels(self._service, method, route).observe(seconds)
        if scope["path"] not in OPEN_ROUTES:
            _log.info("request", method=method, path=scope["path"], status=status, ms=round(seconds * 1000, 1))


def _failed(scope: Scope, request_id: str) -> Response:
    detail = f"something went wrong in the service; its logs have the reason under request id {request_id}"
    problem = Problem(500, "internal", "Internal error", detail, request_id=request_id)
    return JSONResponse(problem.document(scope["path"]), status_code=500, media_type=MEDIA_TYPE)


def _request_id(scope: Scope) -> str:
    """The caller's X-Request-ID where it is a sensible one, else a new one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    with suppress(UnicodeDecodeError):
        if _REQUEST_ID.fullmatch(text := given.decode("ascii")):
            return text
    return uuid4().hex
