"""Computes the reference beside the platform, in a process of its own that ends with this one."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

from examples.demo.driver.api import DemoError
from tests.support.reference import ReferenceResult, compute

from local_platform.errors import log_tail
from local_platform.processes import ChildProcess, Children

CHECKOUT = Path(__file__).parents[3]
NICENESS = 10
"""The platform goes first."""


class Reference:
    """The reference of a carrier's folder, under way since this was made."""

    def __init__(self, children: Children, carrier: Path, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._result = folder / "reference.pickle"
        command = [sys.executable, "-m", "examples.demo.driver.reference", str(carrier), str(self._result)]
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        log = folder / "reference.log"
        self._process: ChildProcess = children.spawn("reference", command, log=log, environment=environment)

    def result(self) -> ReferenceResult:
        """Wait for it.

        Raises:
            DemoError: it failed, with the end of its log.
        """
        if self._process.wait() != 0:
            raise DemoError(f"The reference failed: {log_tail(self._process.log)}")
        with self._result.open("rb") as file:
            found: ReferenceResult = pickle.load(file)
        return found


def main(carrier: str, result: str) -> None:
    """Compute and keep the result."""
    os.nice(NICENESS)
    with Path(result).open("wb") as file:
        pickle.dump(compute(Path(carrier)), file)


if __name__ == "__main__":
    main(*sys.argv[1:])
