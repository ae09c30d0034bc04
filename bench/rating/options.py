"""How large a benchmark is, and which parts of it are run."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PARTS = ("drain", "null", "latency")
SWEEPS = ("workers", "partitions", "numbers", "prefixes", "stored", "changes")


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is there before the clock starts, and what is measured.

    Attributes:
        cdrs: records that are timed.
        warm_up: records that are worked off before, while the broker's code is still being compiled.
        prefixes: of the largest tariff.
        numbers, customers: that calls can be charged to.
        old: record ids that are known from before, of which the load has second copies.
        stored: rows of usage in sealed segments.
        partitions: of `cdr.received`; 0 is what the contracts say.
        seconds, per_second: of the latency's load.
    """

    cdrs: int = 1_000_000
    warm_up: int = 100_000
    prefixes: int = 300_000
    numbers: int = 100_000
    customers: int = 20_000
    old: int = 20_000_000
    stored: int = 0
    partitions: int = 0
    per_second: int = 10_000
    seconds: int = 30

    @property
    def load(self) -> int:
        """Records on `cdr.received`."""
        return self.warm_up + self.cdrs


QUICK = Sizes(
    cdrs=40_000,  # several batches, or one takes all before the clock has started
    warm_up=2_000,
    prefixes=2_000,
    numbers=500,
    customers=100,
    old=20_000,
    stored=1_000,
    partitions=3,
    per_second=300,
    seconds=2,
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for.

    Attributes:
        sizes: of the main benchmark, and of every point of a sweep but for what it varies.
        parts: of `PARTS`, in their order.
        sweeps: of `SWEEPS`; with any, only those are run.
        rounds: how often the drain with two workers and the null pipeline are measured, one after the other; the
            medians count.
        state: where data lies while it runs; None is a temporary folder.
        seed: of all that is random.
    """

    sizes: Sizes
    parts: tuple[str, ...]
    sweeps: tuple[str, ...]
    rounds: int
    state: Path | None
    seed: int
    quick: bool


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line."""
    given = _parser().parse_args(arguments)
    start = QUICK if given.quick else Sizes()
    names = Sizes.__dataclass_fields__
    sizes = {name: getattr(start, name) if getattr(given, name) is None else getattr(given, name) for name in names}
    return Options(
        sizes=Sizes(**sizes),
        parts=given.parts,
        sweeps=given.sweep,
        rounds=given.rounds,
        state=given.state,
        seed=given.seed,
        quick=given.quick,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.rating", description=__doc__)
    for name in Sizes.__dataclass_fields__:
        shipped = getattr(Sizes(), name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N", help=f"({shipped:,})")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run?")
    parser.add_argument("--parts", type=_among(PARTS), default=PARTS, help=f"comma separated: {','.join(PARTS)}")
    parser.add_argument("--sweep", type=_among(SWEEPS), default=(), help=f"only these: {','.join(SWEEPS)}, or all")
    parser.add_argument("--rounds", type=int, default=1, help="of two workers and null pipeline; medians count (1)")
    parser.add_argument("--state", type=Path, help="folder of the data while it runs (a temporary one)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (1)")
    return parser


def _among(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        wanted = known if text == "all" else tuple(text.split(","))
        if not set(wanted) <= set(known):
            raise argparse.ArgumentTypeError(f"of {','.join(known)}")
        return tuple(name for name in known if name in wanted)

    return read
