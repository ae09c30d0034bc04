"""Ports of our own, found without races between the platforms and test runs of one machine."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Mapping
from pathlib import Path

from local_platform.errors import PlatformError, folder_error

LOWEST, HIGHEST = 20_000, 32_000
"""Below the range from which systems take ports for outgoing connections, so that none of those gets in the way."""

_claims: dict[int, socket.socket] = {}


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _claim(port: int) -> bool:
    """Claims the port against all who ask here: by a name in the kernel, which is free again when this process ends."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0farthing-port-{port}")
    except OSError:
        claim.close()
        return False
    _claims[port] = claim
    return True


def release(port: int) -> None:
    """Gives a port back."""
    claim = _claims.pop(port, None)
    if claim is not None:
        claim.close()


def reserve(wanted: int | None = None) -> int:
    """Reserves a free port until `release` or the end of this process.

    Args:
        wanted: a port asked for by the user. None: any.
    Raises:
        PlatformError: the wanted port is taken, or none is free.
    """
    candidates = [wanted] if wanted else random.sample(range(LOWEST, HIGHEST), 200)
    for port in candidates:
        if _claim(port):
            if is_free(port):
                return port
            release(port)
    raise PlatformError(
        f"Port {wanted} is taken." if wanted else "No free port was found.",
        where=f"127.0.0.1:{wanted}" if wanted else f"127.0.0.1, ports {LOWEST} to {HIGHEST}",
        why="Another program listens there, or another platform on this machine has reserved it.",
        remedy="Stop that program, or leave the port out: then a free one is chosen.",
    )


def reserve_same(previous: int | None) -> int:
    """Reserves the port used the last time if it is free, else another."""
    try:
        return reserve(previous)
    except PlatformError:
        return reserve()


class PortBook:
    """The ports of one platform: those wished, else those of the last time if they are free, else new ones.

    Args:
        file: where they are noted between two starts.
        wished: by name.
    """

    def __init__(self, file: Path, wished: Mapping[str, int]) -> None:
        self._file, self._wished = file, wished
        self._last: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        self._taken: dict[str, int] = {}

    def take(self, name: str) -> int:
        """Reserves the port of that name. Raises PlatformError if the wished one is taken."""
        port = reserve(self._wished[name]) if name in self._wished else reserve_same(self._last.get(name))
        self._taken[name] = port
        return port

    def save(self) -> None:
        """Notes the ports for the next time. Raises PlatformError."""
        try:
            self._file.write_text(json.dumps(self._last | self._taken))
        except OSError as error:
            raise folder_error(error, self._file.parent) from error

    def close(self) -> None:
        """Gives all of them back."""
        for port in self._taken.values():
            release(port)
        self._taken.clear()
