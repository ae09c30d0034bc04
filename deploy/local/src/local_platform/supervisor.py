"""Starts again what ended by itself, with growing pauses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from local_platform.errors import PlatformError
from local_platform.processes import ChildProcess, Children, Stopping

RESTART_DELAYS_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""The pause before the first restart, the second ...; the last one is used from then on."""
STEADY_SECONDS = 60.0
"""Who ran for so long starts again with the shortest pause."""


class Part(Protocol):
    """Something that runs in a process of its own."""

    name: str
    process: ChildProcess | None

    def start(self) -> None:
        """Returns when it is ready."""

    def stop(self) -> None:
        """Ends it; it can be started again."""


class Supervisor:
    """Watches parts that have been started, each in a thread of its own.

    Args:
        children: what the parts' processes belong to.
        report: is told of each unexpected end and each restart.
        delays_seconds: pauses before a restart.
    """

    def __init__(
        self,
        children: Children,
        report: Callable[[str], None],
        delays_seconds: Sequence[float] = RESTART_DELAYS_SECONDS,
    ) -> None:
        self._children, self._report, self._delays = children, report, delays_seconds
        self._watches: dict[str, _Watch] = {}

    def watch(self, part: Part) -> None:
        """Watches a running part from now on."""
        watch = _Watch(part, self._children, self._report, self._delays)
        self._watches[part.name] = watch
        watch.start()

    def stop(self, part: Part) -> None:
        """Stops a part and watches it no longer, also when a restart is under way."""
        watch = self._watches.pop(part.name, None)
        if watch is not None:
            watch.released.set()
        part.stop()
        if watch is not None:
            watch.join()
            part.stop()  # what the restart may have started meanwhile

    def close(self) -> None:
        """Watches nothing any longer."""
        for watch in self._watches.values():
            watch.released.set()
        self._watches.clear()


class _Watch(threading.Thread):
    def __init__(
        self, part: Part, children: Children, report: Callable[[str], None], delays_seconds: Sequence[float]
    ) -> None:
        super().__init__(name=f"watch-{part.name}", daemon=True)
        self.released = threading.Event()
        self._part, self._children, self._report, self._delays = part, children, report, delays_seconds
        self._failures = 0

    def run(self) -> None:
        """Waits for the end of the process, and starts it again unless its end was meant."""
        while not self.released.is_set():
            process = self._part.process
            assert process is not None
            started = time.monotonic()
            code = process.wait()
            if self.released.is_set():
                return
            if time.monotonic() - started > STEADY_SECONDS:
                self._failures = 0
            self._children.sweep(process)
            self._start_again(f"{self._part.name} ended by itself ({_ending(code)}), see {process.log}")

    def _start_again(self, reason: str) -> None:
        """Pauses and starts it. If that fails, the loop finds the process ended and comes here again."""
        delay = self._delays[min(self._failures, len(self._delays) - 1)]
        self._failures += 1
        self._report(f"{reason}; starting it again in {delay:g} s")
        if self.released.wait(delay):
            return
        try:
            self._part.start()
            self._report(f"{self._part.name} is ready again")
        except Stopping:
            self.released.set()
        except PlatformError as error:
            if not self.released.is_set():
                self._report(str(error))


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"
