"""What the servers and processes of the benchmarks have in common."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_platform.processes import ChildProcess

ROOT = Path(__file__).resolve().parents[2]
HEAP_MB = 1_024
POSTGRES_SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "maintenance_work_mem": "256MB",
    "checkpoint_timeout": "15min",
}
"""As a server of its own would have them; the rest is the default: fsync, synchronous commits, full page writes."""
_TAIL_CHARACTERS = 4_000


class BenchError(Exception):
    """The benchmark cannot go on, or what it measured is not right."""


@contextmanager
def own_folder(state: Path | None) -> Iterator[Path]:
    """A folder that other users' servers may enter, beneath `state`; it is removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix="farthing-bench-", dir=state))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bare_environment() -> dict[str, str]:
    """The variables of a process of ours; none of those that tell the benchmark's own surroundings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FARTHING_", "PG"))}
    return kept | {"PYTHONPATH": str(ROOT)}


def ended(process: ChildProcess) -> BenchError:
    """The error to raise when a process ended by itself, with the end of its log as it was written."""
    return BenchError(f"{process.name} ended with {process.exit_code}:\n{_tail(process.log)}")


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-_TAIL_CHARACTERS:].replace("\\n", "\n")


def settings_told() -> str:
    """What the servers were told, for the report."""
    told = {"heap": f"{HEAP_MB} MB", **POSTGRES_SETTINGS}
    return ", ".join(f"{name} {value}" for name, value in told.items())
