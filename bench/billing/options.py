"""How large the benchmark is, from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SWEEP = (1_000, 10_000, 100_000)
_QUICK = 60
_WARM_UP = 500


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is there when the run is requested.

    Attributes:
        customers: that the run bills.
        numbers, charges, calls: of each of them.
    """

    customers: int = 100_000
    numbers: int = 3
    charges: int = 10
    calls: int = 100

    @property
    def warm_up(self) -> int:
        """Customers beside them, with the first ids, that a run before the measured one bills."""
        return min(_WARM_UP, max(10, self.customers // 10))

    @property
    def all_customers(self) -> int:
        """Both."""
        return self.customers + self.warm_up


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for.

    Attributes:
        points: how many customers each run has; the last is the one that counts.
        state: folder of the data while it runs.
        seed: of all that is random.
    """

    points: tuple[Sizes, ...]
    state: Path | None
    seed: int


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; it exits where something is not understood."""
    told = _parser().parse_args(arguments)
    customers = _QUICK if told.quick else told.customers
    counts = SWEEP if told.sweep else (customers,)
    points = tuple(Sizes(each, told.numbers, told.charges, told.calls) for each in counts)
    return Options(points, told.state, told.seed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.billing", description="Measures a billing run on real servers.")
    whole = Sizes()
    parser.add_argument("--customers", type=_positive, default=whole.customers, help="that are billed (%(default)s)")
    parser.add_argument("--numbers", type=_positive, default=whole.numbers, help="of each of them (%(default)s)")
    parser.add_argument("--charges", type=_positive, default=whole.charges, help="recurring, of each (%(default)s)")
    parser.add_argument("--calls", type=_positive, default=whole.calls, help="rated, of each (%(default)s)")
    parser.add_argument("--sweep", action="store_true", help="with 1,000, 10,000 and 100,000 customers, one by one")
    parser.add_argument("--quick", action="store_true", help="so small that it measures nothing")
    parser.add_argument("--state", type=Path, help="folder of the data while it runs (a temporary one)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (1)")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value
