"""Nothing that a platform starts outlives it, however it ends."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.local import processes

RunProbe = Callable[[], subprocess.Popen[str]]


def read_until(process: subprocess.Popen[str], beginning: str) -> None:
    """Reads its output up to the line that begins so."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.startswith(beginning):
            return
    pytest.fail(f"ended without saying {beginning!r}: {''.join(seen)}")


def test_killing_the_platform_ends_kafka_postgres_mail_and_the_services_with_their_children(
    state: Path, run_probe: RunProbe
) -> None:
    """Nothing else could end them: the platform gets SIGKILL."""
    platform = run_probe()
    read_until(platform, "up")
    grandchild = re.search(r"child (\d+)", (state / "logs" / "probe.log").read_text())
    assert grandchild is not None
    running = processes.of_state(state)
    assert int(grandchild[1]) in running
    assert len(running) >= 7  # ourselves, the guard, Kafka, Postgres and a backend, mail, the probe and its child
    platform.send_signal(signal.SIGKILL)
    platform.wait()
    assert processes.wait_until_none(state) == set()


@pytest.mark.parametrize("moment", ["smtp ready", "postgres ready", "migrate done", "kafka ready"])
def test_ctrl_c_at_any_moment_of_the_start_leaves_nothing(state: Path, run_probe: RunProbe, moment: str) -> None:
    """The start goes on in several threads: those have to end too."""
    platform = run_probe()
    read_until(platform, moment)
    platform.send_signal(signal.SIGINT)
    output, _ = platform.communicate(timeout=30)
    assert output.rstrip().endswith("interrupted")
    assert platform.returncode == 0
    assert processes.of_state(state) == set()


def test_a_platform_that_was_killed_can_be_started_again_at_once(state: Path, run_probe: RunProbe) -> None:
    """The lock is held until the last process of the killed one is gone, and waited for."""
    first = run_probe()
    read_until(first, "postgres ready")
    first.send_signal(signal.SIGKILL)
    second = run_probe()
    read_until(second, "postgres ready")
    second.send_signal(signal.SIGINT)
    second.communicate(timeout=30)
    assert processes.of_state(state) == set()
