"""What a person sees while the demo runs: one line a step, with a bar while it lasts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

WIDTH = 120
"""Columns where the output is no terminal."""


class Step:
    """A step that is under way. `note` is said beside its title when it is done."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=None)
        self.note = ""

    def total(self, count: int) -> None:
        """So much there is to do."""
        self._progress.update(self._task, total=count)

    def done(self, count: int) -> None:
        """So much is done, in all."""
        self._progress.update(self._task, completed=count)

    def advance(self, count: int) -> None:
        """So much more is done."""
        self._progress.advance(self._task, count)


class Screen:
    """Writes to standard output; bars only where that is a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console.width = WIDTH

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show a step while it lasts, and a line with its seconds when it is done."""
        started = time.monotonic()
        quiet = not self.console.is_terminal
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), console=self.console, transient=True, disable=quiet) as progress:
            step = Step(progress, title)
            yield step
        seconds = time.monotonic() - started
        note = f" [dim]{step.note}[/dim]" if step.note else ""
        self.console.print(f"[green]✓[/green] {title}{note} [dim]{seconds:.1f} s[/dim]")

    def say(self, text: str) -> None:
        """A line of text."""
        self.console.print(text, soft_wrap=True)

    def quietly(self, text: str) -> None:
        """A line of less weight, as it is."""
        self.console.print(f"  {text}", style="dim", markup=False)
