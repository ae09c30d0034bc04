"""Idempotency keys: a POST that is sent again under the same key acts once and is answered the same.

The key, what the request did and its answer are one Postgres transaction, so whatever kills the process leaves all of
them or none. A repeat that arrives meanwhile waits for that transaction's end. Answers from 400 on undo what was done
and are not kept: the same key may be sent again with the body put right.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from email.message import Message
from typing import Any
from weakref import WeakValueDictionary

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from sqlalchemy import MetaData, Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from service_kit.auth import authenticate
from service_kit.database import LOCK_TIMEOUT_MS, Transaction, ambient, told_apart
from service_kit.errors import ConfigurationError, TryAgain
from service_kit.faults import crash_point
from service_kit.problems import Conflict, Invalid
from service_kit.tables import kit_tables

_FORGET = text(
    """
    DELETE FROM request_key
    WHERE target ~ :path OR position(CAST(:amid AS bytea) IN body) > 0 OR position(CAST(:last AS bytea) IN body) > 0
    """
)
HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
LONGEST_KEY = 255
_KEY = r"^[!-~]([ -~]*[!-~])?$"
_WAIT_S = LOCK_TIMEOUT_MS / 1000
_PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Sent again with the same key, the same request acts once: it is answered as the first time, with "
    f"`{REPLAYED}: true`. Another request under the key of one that was done is refused with 422. Only answers below "
    "400 are kept, for days; after any other, the key may be used again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": _KEY},
    "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}
_answered = kit_tables(MetaData()).request_key
_turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True)
class Repeatable:
    """The dependency behind `repeatable`. It refuses a key rather than let a caller believe that it is heeded."""

    how: str

    def __call__(self, request: Request) -> None:
        if HEADER in request.headers:
            message = f"this request takes no key: {self.how}"
            raise Invalid(f"{HEADER}: {message}", errors=[{"field": HEADER, "message": message}])


def repeatable(how: str) -> Any:
    """What a POST says that takes no keys: for answers and bodies of any length, and effects outside Postgres.

    Args:
        how: why it is safe to send again; shown in its documentation.
    """
    return Depends(Repeatable(how))


class KeyedRoute(APIRoute):
    """A route whose POST takes idempotency keys, or says by `repeatable` why it needs none."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        marks = [each.dependency for each in options.get("dependencies") or ()]
        self._repeatable = next((mark for mark in marks if isinstance(mark, Repeatable)), None)
        self._takes_keys = "POST" in (options.get("methods") or ()) and self._repeatable is None
        if self._takes_keys:
            extra = options.get("openapi_extra") or {}
            options["openapi_extra"] = {**extra, "parameters": [*extra.get("parameters", ()), _PARAMETER]}
        super().__init__(path, endpoint, **options)
        if self._repeatable is not None:
            self.description += f"\n\n**Sent again:** {self._repeatable.how}."
        self._refuse_streams()

    def _refuse_streams(self) -> None:
        kind = self.response_class
        streams = self.is_json_stream or self.is_sse_stream
        if self._takes_keys and (streams or (isinstance(kind, type) and issubclass(kind, StreamingResponse))):
            raise ConfigurationError(
                f"POST {self.path} answers with a stream, which cannot be kept: say how it is "
                'safe to send again, by dependencies=[repeatable("...")]'
            )

    def get_route_handler(self) -> Handler:
        """The route's handler, behind the keys."""
        handler = super().get_route_handler()

        async def keyed(request: Request) -> Response:
            if not self._takes_keys or HEADER not in request.headers:
                return await handler(request)
            caller = await authenticate(request, self.dependant)
            return await _once(await _asked(request, caller), lambda: handler(request))

        return keyed


class Router(APIRouter):
    """FastAPI's router, whose POSTs take idempotency keys."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"route_class": KeyedRoute, **options})


@dataclass(frozen=True)
class Asked:
    """A request under a key: who, and what."""

    principal: str
    key: str
    method: str
    target: str
    body_sha256: bytes


class _NotKept(Exception):
    """Undoes what was done for an answer that is an error."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


async def _asked(request: Request, caller: str) -> Asked:
    key = request.headers[HEADER]
    if len(key) > LONGEST_KEY or not re.fullmatch(_KEY, key):
        message = f"a key has 1 to {LONGEST_KEY} printable ASCII characters: send a new UUID for each request"
        raise Invalid(f"{HEADER}: {message}", errors=[{"field": HEADER, "message": message}])
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return Asked(caller, key, request.method, target, hashlib.sha256(await _content(request)).digest())


async def _content(request: Request) -> bytes:
    """The body, without the boundary of its parts: clients draw a new one each time."""
    body = await request.body()
    kind = Message()
    kind["content-type"] = request.headers.get("content-type", "")
    boundary = kind.get_boundary()
    return body.replace(boundary.encode(), b"") if boundary else body


async def _once(asked: Asked, act: Callable[[], Awaitable[Response]]) -> Response:
    try:
        async with _turn(asked), ambient() as tx:
            kept = await _kept(tx, asked)
            if kept is not None:
                return _again(kept, asked)
            response = await act()
            if response.status_code >= 400:
                raise _NotKept(response)
            await _keep(tx, asked, response)
            crash_point("request-before-commit")
    except _NotKept as refused:
        return refused.response
    return response


@asynccontextmanager
async def _turn(asked: Asked) -> AsyncIterator[None]:
    """One at a time in this process, so that those who wait do not hold its connections."""
    lock = _turns.setdefault((asked.principal, asked.key), asyncio.Lock())
    try:
        await asyncio.wait_for(lock.acquire(), _WAIT_S)
    except TimeoutError:
        raise _in_progress() from None
    try:
        yield
    finally:
        lock.release()


async def _kept(tx: Transaction, asked: Asked) -> Row[Any] | None:
    """What was answered under this key. Whoever else is at it, in any process, is waited for."""
    lock = func.pg_advisory_xact_lock(func.hashtextextended(f"{asked.principal}\n{asked.key}", 0))
    try:
        with told_apart():
            await tx.connection.execute(select(lock))
    except TryAgain as error:
        raise _in_progress() from error
    mine = (_answered.c.principal == asked.principal) & (_answered.c.key == asked.key)
    return (await tx.connection.execute(select(_answered).where(mine))).one_or_none()


def _in_progress() -> Conflict:
    return Conflict(
        f"the first request under this {HEADER} is still being worked on: ask again in a few seconds",
        type="request-in-progress",
        title="Still at work",
        headers={"Retry-After": "5"},
    )


def _again(kept: Row[Any], asked: Asked) -> Response:
    """The answer that was kept. Raises Invalid where it answered another request."""
    for field, value in asdict(asked).items():
        if getattr(kept, field) != value:
            what = {"body_sha256": "another body"}.get(field, f"{kept.method} {kept.target}")
            raise Invalid(
                f"{HEADER}: this key was used for {what}: send a new key for a new request, or exactly what was sent",
                type="idempotency-key-reused",
                title="Key used before",
                errors=[{"field": HEADER, "message": f"was used for {what}"}],
            )
    return Response(kept.body, kept.status, {**kept.headers, REPLAYED: "true"})


async def _keep(tx: Transaction, asked: Asked, response: Response) -> None:
    if not hasattr(response, "body"):
        raise TypeError(f"{asked.method} {asked.target} answered with a stream, which cannot be kept: use repeatable()")
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    answer = {"status": response.status_code, "headers": headers, "body": bytes(response.body)}
    await tx.connection.execute(_answered.insert().values(**asdict(asked), **answer))


async def forget_answers(connection: AsyncConnection, customer_id: int) -> None:
    """SPEC C17: remove the answers that are about a customer: by their path, or by the customer id in their JSON."""
    told = f'"customer_id":{customer_id}'.encode()
    values = {"path": f"/customers/{customer_id}([/?]|$)", "amid": told + b",", "last": told + b"}"}
    await connection.execute(_FORGET, values)
