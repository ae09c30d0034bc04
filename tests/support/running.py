"""A service's HTTP API in a process of its own, as clients meet it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from local_platform import ports
from service_kit.tokens import generate_issuer, issue_token

STARTS_WITHIN_S = 60.0


@dataclass(frozen=True)
class Running:
    """Where a service answers, a token for it, and its log."""

    url: str
    token: str
    log: Path

    @property
    def headers(self) -> dict[str, str]:
        """What every request needs."""
        return {"Authorization": f"Bearer {self.token}"}


@contextmanager
def running(
    service: str, scopes: Sequence[str], folder: Path, environment: Mapping[str, str], roles: str = "api"
) -> Iterator[Running]:
    """Start a service, wait until it answers, and stop it at the end.

    Args:
        service: its package.
        scopes: of the token.
        folder: for its keys and log.
        environment: its settings beside the token issuer's keys.
        roles: those that it has.
    """
    issuer, port = generate_issuer(folder / "issuer"), ports.reserve()
    log = folder / f"{service}.log"
    settings = {**os.environ, "FARTHING_JWKS": str(issuer.jwks), **environment}
    command = [sys.executable, "-m", service, "--roles", roles, "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=settings)
    made = Running(f"http://127.0.0.1:{port}", issue_token(issuer.private_key, list(scopes), "ann"), log)
    try:
        _wait(made, process)
        yield made
    finally:
        process.kill()
        process.wait(30)
        ports.release(port)


def _wait(made: Running, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        assert process.poll() is None, made.log.read_text()
        try:
            if httpx.get(f"{made.url}/health", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"not up within {STARTS_WITHIN_S} s:\n{made.log.read_text()}")
