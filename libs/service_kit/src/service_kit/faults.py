"""Named places where a process kills itself, so that tests can prove that nothing is lost there."""

from __future__ import annotations

import os
import random
import signal

_chances: dict[str, float] | None = None


def crash_point(name: str) -> None:
    """Kill this process with SIGKILL, with the chance that FARTHING_CRASH_POINTS gives this name.

    `FARTHING_CRASH_POINTS="after-copy=0.02,before-commit=1"`; without it this does nothing.
    """
    chance = _read().get(name, 0.0)
    if chance and random.random() < chance:
        os.kill(os.getpid(), signal.SIGKILL)


def _read() -> dict[str, float]:
    global _chances
    if _chances is None:
        pairs = (part.partition("=") for part in os.environ.get("FARTHING_CRASH_POINTS", "").split(",") if part)
        _chances = {name.strip(): float(chance or 1) for name, _, chance in pairs}
    return _chances
