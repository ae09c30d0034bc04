"""Making key pairs and tokens: for local platforms, tests, and an issuer until there is one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

from service_kit import clock

ALGORITHM = "ES256"


@dataclass(frozen=True)
class Issuer:
    """Where an issuer's keys are. `jwks` is what FARTHING_JWKS names; `private_key` is for the issuer alone."""

    private_key: Path
    jwks: Path


def generate_issuer(folder: Path) -> Issuer:
    """A key pair in a folder: `issuer-private.json` (mode 600) and `jwks.json`. One that is there is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    issuer = Issuer(folder / "issuer-private.json", folder / "jwks.json")
    if issuer.private_key.exists() and issuer.jwks.exists():
        return issuer
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM, "kid": uuid4().hex}, private=True)
    handle = os.open(issuer.private_key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(key.as_dict(private=True), file)
    issuer.jwks.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    return issuer


def issue_token(
    private_key: Path,
    scopes: Iterable[str],
    subject: str,
    ttl: timedelta = timedelta(hours=12),
    *,
    issuer: str = "farthing",
    audience: str = "farthing",
) -> str:
    """A signed bearer token.

    Args:
        private_key: `Issuer.private_key`.
        scopes: what it allows, for instance `customers:read`.
        subject: who it is, for the audit log.
        ttl: how long it is valid, in wall time.
        issuer: its `iss`.
        audience: its `aud`.
    """
    key = ECKey.import_key(json.loads(private_key.read_text()))
    now = clock.wall_now()
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "scope": " ".join(scopes),
        "iat": int(now.timestamp()),
        "exp": int((now + ttl).timestamp()),
        "jti": uuid4().hex,
    }
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key)
