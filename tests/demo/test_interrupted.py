"""Ctrl-C ends the demo and everything that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from examples.demo.main import INTERRUPTED

CHECKOUT = Path(__file__).parents[2]
STARTS_WITHIN_SECONDS, ENDS_WITHIN_SECONDS = 180.0, 60.0


def processes_of(state: Path) -> list[str]:
    """The command lines of all processes whose command or environment names the state folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue  # it ended meanwhile, or is another user's
        if process.name != str(os.getpid()) and str(state).encode() in command + environment:
            found.append(command.decode(errors="replace").replace("\0", " "))
    return found


def until(reached: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.1)
    return reached()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.faults)])
def test_the_demo_is_ended_while_its_platform_runs_and_nothing_is_left(tmp_path: Path, how: signal.Signals) -> None:
    state, output = tmp_path / "state", tmp_path / "output"
    sizes = ["--customers", "30", "--cdrs", "2000"]
    with output.open("wb") as file:
        command = [sys.executable, "-m", "examples.demo", *sizes, "--state", str(state)]
        demo = subprocess.Popen(command, cwd=CHECKOUT, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        assert until(lambda: b"kafka ready" in output.read_bytes(), STARTS_WITHIN_SECONDS), output.read_text()
        assert any("kafka" in command.lower() for command in processes_of(state))
        demo.send_signal(how)
        assert demo.wait(ENDS_WITHIN_SECONDS) == (-how if how == signal.SIGKILL else INTERRUPTED), output.read_text()
        assert until(lambda: processes_of(state) == [], ENDS_WITHIN_SECONDS), processes_of(state)
    finally:
        demo.kill()
