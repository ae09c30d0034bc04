"""How large the benchmark is."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for.

    Attributes:
        customers, numbers: that there are.
        clients: that ask at once, each as soon as it has its last answer.
        processes: of the service, which the clients share.
        seconds: that each kind of question is asked for; a fifth more before the clock starts.
        state: where data lies while it runs; None is a temporary folder.
        seed: of all that is random.
    """

    customers: int
    numbers: int
    clients: int
    processes: int
    seconds: float
    state: Path | None
    seed: int


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000, metavar="N", help="(%(default)s)")
    parser.add_argument("--numbers", type=int, default=3_000_000, metavar="N", help="(%(default)s)")
    parser.add_argument("--clients", type=int, default=8, metavar="N", help="that ask at once (%(default)s)")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="of the service (%(default)s)")
    parser.add_argument("--seconds", type=float, default=15, metavar="S", help="for each kind (%(default)s)")
    parser.add_argument("--state", type=Path, help="folder of the data while it runs (a temporary one)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (%(default)s)")
    given = vars(parser.parse_args(arguments))
    for name in ("customers", "numbers", "clients", "processes"):
        if given[name] < 1:
            parser.error(f"--{name} is at least 1")
    return Options(**given)
