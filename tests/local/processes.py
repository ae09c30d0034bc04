"""Finding what a platform left running."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

DEADLINE_SECONDS = 20.0


def of_state(state: Path) -> set[int]:
    """Every live process that has to do with a state folder: by its arguments, environment or working folder."""
    return {pid for pid in _pids() if pid != os.getpid() and _concerns(Path(f"/proc/{pid}"), str(state))}


def wait_until_none(state: Path) -> set[int]:
    """Waits until nothing of the platform is left. Returns what still was at the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (left := of_state(state)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _concerns(process: Path, state: str) -> bool:
    try:
        if " Z " in (process / "stat").read_text():
            return False
        texts = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        return state.encode() in texts or str((process / "cwd").readlink()).startswith(state)
    except OSError:
        return False


def wait_until(happened: Callable[[], bool]) -> None:
    """Polls until it is so. Raises TimeoutError."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)
