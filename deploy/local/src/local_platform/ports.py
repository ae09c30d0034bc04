"""Ports of our own, found without races between the platforms and test runs of one machine."""

from __future__ import annotations

import fcntl
import json
import os
import random
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from local_platform.errors import PlatformError, folder_error

LOWEST, HIGHEST = 20_000, 32_000
"""Below the range from which systems take ports for outgoing connections, so that none of those gets in the way."""

_locks: dict[int, IO[str]] = {}


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _lock(port: int) -> bool:
    """Locks the port against others who ask here; the kernel drops the lock when this process ends."""
    if port in _locks:
        return False
    folder = Path(tempfile.gettempdir()) / f"farthing-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = (folder / str(port)).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return False
    _locks[port] = file
    return True


def release(port: int) -> None:
    """Gives a port back."""
    file = _locks.pop(port, None)
    if file is not None:
        file.close()


def reserve(wanted: int | None = None) -> int:
    """Reserves a free port until `release` or the end of this process.

    Args:
        wanted: a port asked for by the user. None: any.
    Raises:
        PlatformError: the wanted port is taken, or none is free.
    """
    candidates = [wanted] if wanted else random.sample(range(LOWEST, HIGHEST), 200)
    for port in candidates:
        if _lock(port):
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
