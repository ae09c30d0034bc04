"""What can be asked of the demo on its command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local_platform.folders import checkout


@dataclass(frozen=True)
class Options:
    """How the demo is run.

    Args:
        customers, cdrs, seed: the carrier.
        state: the folder of the platform's and the demo's data.
        keep: go on with what the last demo left there, checking and showing it again.
        stay: keep the platform up until Ctrl-C.
    """

    customers: int
    cdrs: int
    seed: int
    state: Path
    keep: bool
    stay: bool

    @property
    def carrier(self) -> Path:
        """The generated carrier."""
        return self.state / "carrier"

    @property
    def invoices(self) -> Path:
        """Some PDFs to look at."""
        return self.state / "invoices"


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.demo",
        description="A month of a small carrier: CDRs in, invoices emailed, all of it held against a slow reference.",
    )
    add = parser.add_argument
    add("--customers", type=int, default=200, help="how many customers (%(default)s)")
    add("--cdrs", type=int, default=200_000, help="how many CDRs (%(default)s)")
    add("--seed", type=int, default=1, help="the same seed gives the same carrier (%(default)s)")
    add("--state", type=Path, default=checkout() / ".farthing" / "demo", help="folder of all data (%(default)s)")
    add("--keep", action="store_true", help="go on with what the last demo left: load and bill nothing, check again")
    add("--stay", action="store_true", help="keep the platform up until Ctrl-C")
    return Options(**vars(parser.parse_args(arguments)))
