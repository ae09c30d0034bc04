"""Child processes that cannot outlive the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal, Self

from local_platform.errors import folder_error, start_failure

Identity = Literal["same", "namespace", "nobody"]
POLL_SECONDS = 0.02
GUARD_ENDS_WITHIN_SECONDS = 10.0
_HERE = Path(__file__).parent
_PYTHON = (sys.executable, "-I", "-S")


class Stopping(Exception):
    """Nothing more is started: the children are being stopped."""


class ChildProcess:
    """A program in a session of its own, with its output in a log file. Made by `Children.spawn`."""

    def __init__(self, name: str, log: Path, popen: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
        self.name, self.log = name, log
        self._popen, self._stop_signal = popen, stop_signal

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
        """Sends a signal to the process alone; nothing happens if it has ended."""
        self._popen.send_signal(signal_number)

    def ask_to_end(self) -> None:
        """Sends the signal at which the program ends in order."""
        self.send(self._stop_signal)


class Children:
    """The child processes of one owner, and the guard that ends them when this process is gone, even by SIGKILL.

    The guard is a small process at the other end of a pipe, which the kernel closes however we die. (A parent-death
    signal would be sent as soon as the *thread* that started the child ends, is lost when a child changes its user,
    and does not reach grandchildren.)

    Args:
        held: an open file that the guard keeps open until the last child is gone, for instance a lock.
    """

    def __init__(self, held: IO[str] | None = None) -> None:
        self._lock = threading.Lock()
        self._running: list[ChildProcess] = []
        self._closed = False
        reading, self._pipe = os.pipe()
        kept = () if held is None else (held.fileno(),)
        command = [*_PYTHON, str(_HERE / "_guard.py")]
        self._guard = subprocess.Popen(command, stdin=reading, cwd="/", start_new_session=True, pass_fds=kept)
        os.close(reading)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def spawn(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        identity: Identity = "same",
        stop_signal: signal.Signals = signal.SIGTERM,
        last_signal: signal.Signals = signal.SIGKILL,
    ) -> ChildProcess:
        """Starts a program.

        Args:
            name: what it is called in messages.
            command: program (absolute path) and arguments.
            log: the file that its output is appended to.
            environment: its whole environment; None means ours.
            identity: as whom it runs, see `_launch.py`.
            stop_signal: at which it ends in order.
            last_signal: what the guard sends it if this process dies.
        Raises:
            Stopping: `close` has been called.
            PlatformError: the log cannot be written.
        """
        wrapper = (*_PYTHON, str(_HERE / "_launch.py"), str(self._pipe), str(int(last_signal)), identity)
        with self._lock:
            if self._closed:
                raise Stopping(name)
            with _opened(log) as output:
                popen = subprocess.Popen(
                    [*wrapper, *command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=None if environment is None else dict(environment),
                    cwd="/",
                    pass_fds=(self._pipe,),
                    start_new_session=True,
                )
            child = ChildProcess(name, log, popen, stop_signal)
            self._running.append(child)
            return child

    def run(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        identity: Identity = "same",
        environment: Mapping[str, str] | None = None,
        timeout_seconds: float = 180.0,
    ) -> int:
        """Runs a program to its end. Returns its exit code. Raises as `spawn`, and subprocess.TimeoutExpired."""
        child = self.spawn(name, command, log=log, identity=identity, environment=environment)
        try:
            return child.wait(timeout_seconds)
        finally:
            self.sweep(child)

    def stop(self, children: Iterable[ChildProcess], timeout_seconds: float = 25.0) -> None:
        """Asks all of them to end at once, waits, and kills what is left of their process groups."""
        stopping = list(children)
        for child in stopping:
            child.ask_to_end()
        deadline = time.monotonic() + timeout_seconds
        for child in stopping:
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, deadline - time.monotonic()))
            self.sweep(child)

    def sweep(self, child: ChildProcess) -> None:
        """Kills the process, if it still runs, and what it started and left behind; then forgets it."""
        with self._lock:
            if child not in self._running:
                return
            self._running.remove(child)
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            self._tell_guard_gone(child.pid)

    def close(self) -> None:
        """Starts nothing more, stops what still runs, the last one first, and ends the guard."""
        with self._lock:
            self._closed = True
            running = list(reversed(self._running))
        for child in running:
            self.stop([child])
        with self._lock:
            if self._guard.returncode is None:
                os.close(self._pipe)
                self._guard.wait(GUARD_ENDS_WITHIN_SECONDS)

    def _tell_guard_gone(self, group: int) -> None:
        """The group's number may be given to somebody else from now on."""
        with suppress(BrokenPipeError):  # somebody killed the guard: nobody is left to tell
            os.write(self._pipe, f"-{group}\n".encode())


def _opened(log: Path) -> IO[bytes]:
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        return log.open("ab")
    except OSError as error:
        raise folder_error(error, log.parent) from error
