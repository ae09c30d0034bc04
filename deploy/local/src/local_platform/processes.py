"""Child processes that cannot outlive the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from local_platform.errors import folder_error, start_failure

Identity = Literal["same", "namespace", "nobody"]
POLL_SECONDS = 0.02
_HERE = Path(__file__).parent
_PYTHON = [sys.executable, "-I", "-S"]


class Guard:
    """A small process that ends all children registered with it when this process is gone, even by SIGKILL.

    A pipe tells it: the kernel closes our end however we die. (A parent-death signal would be sent as soon as the
    *thread* that started the child ends, is lost when a child changes its user, and does not reach grandchildren.)
    """

    def __init__(self) -> None:
        reading, self.pipe = os.pipe()
        command = [*_PYTHON, str(_HERE / "_guard.py")]
        self._process = subprocess.Popen(command, stdin=reading, cwd="/", start_new_session=True)
        os.close(reading)

    def forget(self, group: int) -> None:
        """Takes an ended process group from the list: its number may be given to somebody else."""
        with suppress(BrokenPipeError):  # somebody killed the guard: nobody is left to tell
            os.write(self.pipe, f"-{group}\n".encode())


_guard: Guard | None = None
_guard_lock = threading.Lock()


def guard() -> Guard:
    """The guard of this process, started when first needed."""
    global _guard
    with _guard_lock:
        if _guard is None:
            _guard = Guard()
        return _guard


class ChildProcess:
    """A program in a session of its own, with its output in a log file.

    Args:
        name: what it is called in messages.
        command: program (absolute path) and arguments.
        log: the file that its output is appended to.
        environment: its whole environment; None means ours.
        identity: as whom it runs, see `_launch.py`.
        last_signal: what the guard sends it if this process dies.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        identity: Identity = "same",
        last_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name, self.log = name, log
        pipe = guard().pipe
        launch = [*_PYTHON, str(_HERE / "_launch.py"), str(pipe), str(int(last_signal)), identity, *command]
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            output = log.open("ab")
        except OSError as error:
            raise folder_error(error, log.parent) from error
        with output:
            self._popen = subprocess.Popen(
                launch,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if environment is None else dict(environment),
                cwd="/",
                pass_fds=[pipe],
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, which is the id of its process group too."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._popen.poll()

    def wait(self, timeout_seconds: float | None = None) -> int:
        """Waits for its end. Raises subprocess.TimeoutExpired."""
        return self._popen.wait(timeout_seconds)

    def wait_ready(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Polls `ready` until it is true. Raises PlatformError when the process ends or the time is over."""
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            if self.exit_code is not None or time.monotonic() > deadline:
                raise start_failure(self.name, self.log, self.exit_code)
            time.sleep(POLL_SECONDS)

    def send(self, signal_number: signal.Signals) -> None:
        """Sends a signal to the process alone."""
        self._popen.send_signal(signal_number)

    def stop(self, signal_number: signal.Signals = signal.SIGTERM, timeout_seconds: float = 15.0) -> None:
        """Asks it to end, waits, and kills what is left of its process group."""
        if self.exit_code is None:
            self.send(signal_number)
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout_seconds)
        self.sweep()

    def sweep(self) -> None:
        """Kills the process, if it still runs, and what it started and left behind."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
        guard().forget(self.pid)


def run_to_end(
    command: Sequence[str],
    *,
    log: Path,
    identity: Identity = "same",
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = 120.0,
) -> int:
    """Runs a program to its end, under the guard. Returns its exit code."""
    child = ChildProcess(Path(command[0]).name, command, log=log, identity=identity, environment=environment)
    try:
        return child.wait(timeout_seconds)
    finally:
        child.sweep()
