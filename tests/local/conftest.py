"""What the tests of the local platform share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.local import processes
from tests.support.platform import temporary_state

from local_platform.processes import Children

RUN = Path(__file__).parent / "probe_service" / "run.py"


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder of this test, whose processes are all gone when the test ends, passed or failed."""
    with temporary_state() as folder:
        yield folder / "state"
        for pid in processes.of_state(folder):
            os.kill(pid, 9)


@pytest.fixture
def children() -> Iterator[Children]:
    """Starts processes and stops them after the test."""
    with Children() as made:
        yield made


@pytest.fixture
def run_probe(state: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts a platform with only the probe, in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def run() -> subprocess.Popen[str]:
        # Its state folder is in the environment too, so that every descendant can be found by it.
        environment = {**os.environ, "PROBE_STATE": str(state)}
        command = [sys.executable, str(RUN), str(state)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(30)
        assert process.stdout is not None
        process.stdout.close()
