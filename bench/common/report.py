"""What a benchmark says while it runs, and in the end."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Report:
    """Progress on standard error, results on standard output."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """A line for who looks on, with the seconds since the beginning."""
        print(f"{time.monotonic() - self._began:6.1f}  {text}", file=sys.stderr, flush=True)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Say what is done, and how long it took."""
        began = time.monotonic()
        self.say(f"{name} ...")
        yield
        self.say(f"{name}: {time.monotonic() - began:.1f} s")

    def table(self, rows: list[Mapping[str, Any]]) -> None:
        """Rows with the same columns, aligned."""
        columns = list(rows[0])
        texts = [columns, *([_text(row[name]) for name in columns] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        for line in texts:
            print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)), flush=True)

    def line(self, result: Mapping[str, Any]) -> None:
        """A result as one line of JSON."""
        print(json.dumps({name: _short(value) for name, value in result.items()}), flush=True)


def machine() -> str:
    """What it runs on."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} CPUs, {memory_gib:.0f} GiB, Python {platform.python_version()}, {platform.system()}"


def _short(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _text(value: Any) -> str:
    return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
