"""Who may do what: bearer tokens checked against the issuer's keys, and a scope on every route."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import httpx
from fastapi import Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from service_kit import clock
from service_kit.logs import logger
from service_kit.problems import Problem
from service_kit.settings import ServiceSettings

_log = logger(__name__)
_ALGORITHMS = ["ES256", "RS256", "EdDSA", "Ed25519"]
_LEEWAY_S = 30
_RELOAD_AFTER_S = 1.0
_bearer = HTTPBearer(
    auto_error=False, description="A token of the issuer named in FARTHING_JWKS, with the route's scope."
)


@dataclass(frozen=True)
class Principal:
    """Who is calling, and what the token allows."""

    subject: str
    scopes: frozenset[str]


class ScopeCheck:
    """The dependency behind `scope`: one per route, so that the route can be asked what it needs."""

    def __init__(self, name: str) -> None:
        self.scope = name

    async def __call__(
        self,
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None,
    ) -> Principal:
        if credentials is None:
            raise _unauthorized("this route needs a bearer token: send 'Authorization: Bearer <token>'")
        caller = await verify(credentials.credentials)
        if self.scope not in caller.scopes:
            raise Problem(
                403,
                "missing-scope",
                "Not allowed",
                f"the token of {caller.subject!r} lacks the scope {self.scope!r}: ask for a token that has it",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{self.scope}"'},
                scope=self.scope,
            )
        request.state.principal = caller
        return caller


def scope(name: str) -> Any:
    """What a route needs: `@router.get("/x", dependencies=[scope("customers:read")])`.

    A route without one makes `create_app` fail.
    """
    return Security(ScopeCheck(name), scopes=[name])


def scope_checks(dependant: Dependant) -> list[ScopeCheck]:
    """What a route asks for, wherever among its dependencies it stands."""
    return [call for call in _calls(dependant) if isinstance(call, ScopeCheck)]


def _calls(dependant: Dependant) -> Iterator[Any]:
    for child in dependant.dependencies:
        yield child.call
        yield from _calls(child)


async def authenticate(request: Request, dependant: Dependant) -> str:
    """Check a route's scopes before anything else of it runs. Returns the caller's subject.

    Raises:
        Problem: 401 or 403.
    """
    for check in scope_checks(dependant):
        await check(request, await _bearer(request))
    return principal(request)


def principal(request: Request) -> str:
    """The subject of the token that this request came with, for the audit log."""
    caller: Principal = request.state.principal
    return caller.subject


async def verify(token: str) -> Principal:
    """Check a token's signature, issuer, audience and lifetime (wall time).

    Raises:
        Problem: 401, saying what is wrong with it; 503 where the issuer's keys cannot be read.
    """
    known = _checked.get(token)
    if known is not None and known[1] > clock.wall_now().timestamp():
        return known[0]
    settings = ServiceSettings()
    try:
        claims = jwt.decode(token, await _key_of(token, settings.jwks), algorithms=_ALGORITHMS).claims
        _requirements(settings.issuer, settings.audience).validate(claims)
    except (JoseError, ValueError) as error:
        raise _unauthorized(f"the token is not accepted: {_reason(error)}") from error
    caller = Principal(str(claims["sub"]), frozenset(str(claims.get("scope", "")).split()))
    _remember(token, caller, float(claims["exp"]))
    return caller


_checked: dict[str, tuple[Principal, float]] = {}


def _remember(token: str, caller: Principal, until: float) -> None:
    if len(_checked) >= 1_000:
        _checked.clear()
    _checked[token] = (caller, until)


def _requirements(issuer: str, audience: str) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        leeway=_LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        sub={"essential": True},
        exp={"essential": True},
    )


def _reason(error: Exception) -> str:
    return getattr(error, "description", "") or str(error) or type(error).__name__


def _unauthorized(detail: str) -> Problem:
    return Problem(401, "unauthorized", "Not signed in", detail, headers={"WWW-Authenticate": "Bearer"})


class KeyStore:
    """The issuer's public keys, from a file or an URL; read again when a token names a key that is not known."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._keys: dict[str | None, Key] = {}
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def get(self, kid: str | None) -> Key:
        """The key of that id. Raises ValueError where the issuer has none, Problem (503) where it cannot be asked."""
        if kid not in self._keys:
            async with self._lock:
                if kid not in self._keys and time.monotonic() - self._read_at > _RELOAD_AFTER_S:
                    await self._read()
        try:
            return self._keys[kid]
        except KeyError:
            raise ValueError(f"its key {kid!r} is not one of the issuer's") from None

    async def _read(self) -> None:
        try:
            keys = KeySet.import_key_set(json.loads(await self._text()))
        except (OSError, httpx.HTTPError, ValueError, JoseError) as error:
            _log.error("the issuer's keys cannot be read", jwks=self._where, error=repr(error))
            detail = "the token issuer's keys cannot be read: look at FARTHING_JWKS and try again"
            raise Problem(503, "no-issuer", "Sign-in is away", detail, headers={"Retry-After": "5"}) from error
        self._keys = {key.kid: key for key in keys.keys}
        self._read_at = time.monotonic()

    async def _text(self) -> str:
        if self._where.startswith(("http://", "https://")):
            async with httpx.AsyncClient(timeout=10) as client:
                return (await client.get(self._where)).raise_for_status().text
        return await asyncio.to_thread(Path(self._where).read_text)


async def _key_of(token: str, where: str) -> Key:
    header = jws.extract_compact(token.encode()).headers()
    return await _store(where).get(header.get("kid"))


@lru_cache(maxsize=4)
def _store(where: str) -> KeyStore:
    return KeyStore(where)
