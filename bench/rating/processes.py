"""What processes cost, as the kernel counts it."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and all that it started, ended ones too; grows only.

    Of a process that ends, its parent gets the count when it asks for its exit code, so nothing is lost between.
    """
    children = defaultdict(list)
    ticks: dict[int, int] = {}
    for each in _PROC.iterdir():
        if each.name.isdigit() and (told := _stat(int(each.name))) is not None:
            children[told[0]].append(int(each.name))
            ticks[int(each.name)] = told[1]
    total, waiting = 0, [pid]
    while waiting:
        at = waiting.pop()
        total += ticks.get(at, 0)
        waiting += children[at]
    return total / _TICKS_PER_S


def _stat(pid: int) -> tuple[int, int] | None:
    """Parent, and ticks of itself and of the children it waited for; None if it has ended."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), sum(int(each) for each in fields[11:15])


def peak_mb(pid: int) -> float:
    """The most memory that a process has held at once (1 MB = 1,000,000 bytes)."""
    return _status_kb(pid, "VmHWM") * 1024 / 1e6


def resident_mb(pid: int) -> float:
    """The memory that a process holds (1 MB = 1,000,000 bytes)."""
    return _status_kb(pid, "VmRSS") * 1024 / 1e6


def _status_kb(pid: int, name: str) -> int:
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0])
    raise ValueError(f"no {name} of process {pid}")
