"""SIGKILLs at named points: each life of a service dies at its next point, while its work is in flight there."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence

VARIABLE = "FARTHING_CRASH_POINTS"
_DIED = re.compile(r"^(\w+) ended by itself \(signal 9\)")


class KillPlan:
    """Gives each service one crash point for each of its lives, and none when they are used up.

    A crash point is in the middle of a piece of work, so a service that died at one was busy. Attach it before the
    platform starts: `Options(report=plan.report, service_environment=plan.first())`, then `plan.environment =
    platform.service_environment`.
    """

    def __init__(self, points: Mapping[str, Sequence[str]]) -> None:
        self.points = {service: list(names) for service, names in points.items()}
        self.killed: list[tuple[str, str]] = []
        self.environment: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    def first(self) -> dict[str, dict[str, str]]:
        """What the first lives get."""
        return {service: {VARIABLE: f"{names[0]}=1"} for service, names in self.points.items() if names}

    def arm(self, service: str, points: Sequence[str]) -> None:
        """Another service dies at these points, from the next time it is started on."""
        with self._lock:
            self.points[service] = list(points)
            self.environment[service] = {VARIABLE: f"{points[0]}=1"}

    def report(self, message: str) -> None:
        """Told by the supervisor before it starts a fallen service again."""
        died = _DIED.match(message)
        if died is None or died[1] not in self.points:
            return
        with self._lock:
            service, waiting = died[1], self.points[died[1]]
            if waiting:
                self.killed.append((service, waiting.pop(0)))
            next_life = {VARIABLE: f"{waiting[0]}=1"} if waiting else {}
            self.environment[service] = next_life

    @property
    def left(self) -> dict[str, list[str]]:
        """Points at which nobody died yet."""
        return {service: names for service, names in self.points.items() if names}
