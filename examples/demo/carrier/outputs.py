"""How the month's records are spread over files and the stream, and what is special about each record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from examples.demo.carrier.calls import FEBRUARY, JANUARY
from examples.demo.carrier.month import shuffled
from examples.demo.carrier.varieties import IN_FILES, IN_STREAM, Variety, planned

STREAM_PERCENT = 20
STREAM_SOURCE = "livewire"
FILE_SOURCES = {"northstar": 65, "skylark": 35}
"""Percent of the rows in files by source."""
LEAST_FILES, ROWS_IN_A_FILE = 3, 100_000
"""Every source sends at least so many files; none is much longer than that."""
BATCH = 20_000
STREAM_WINDOWS = 8
NOT_IN_FIRST = (Variety.DUPLICATE_ELSEWHERE, Variety.CORRECTED)
"""What repeats another file's record cannot stand in a source's first file."""

Order = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Output:
    """A file, or a window of the stream: `first` and `last` are days, `varieties` what its records are."""

    source: str
    first: int
    last: int
    varieties: Order

    def batches(self) -> Iterator[Order]:
        """The varieties in pieces that fit into memory with room to spare."""
        for start in range(0, len(self.varieties), BATCH):
            yield self.varieties[start : start + BATCH]


def stream_records(cdrs: int) -> int:
    """How many of the records go to Kafka directly."""
    return cdrs * STREAM_PERCENT // 100


def files(cdrs: int, random: np.random.Generator) -> list[Output]:
    """The files in upload order, sources taking turns, each file a stretch of the month."""
    rows = cdrs - stream_records(cdrs)
    shares = dict(zip(FILE_SOURCES, _split(rows, list(FILE_SOURCES.values())), strict=True))
    slices = [
        (position, source, *window, size)
        for source, total in shares.items()
        for position, (window, size) in enumerate(_windows(total, max(LEAST_FILES, -(-total // ROWS_IN_A_FILE))))
    ]
    slices.sort(key=lambda item: item[0])
    order = shuffled(random, planned(IN_FILES, rows))
    first_rows = sum(size for position, _, _, _, size in slices if position == 0)
    _move_out(order, first_rows, random)
    ends = np.cumsum([size for *_, size in slices])
    parts = np.split(order, ends[:-1])
    return [Output(source, first, last, part) for (_, source, first, last, _), part in zip(slices, parts, strict=True)]


def stream(cdrs: int, random: np.random.Generator) -> list[Output]:
    """The stream in the order it is sent: windows of the month, out of order inside."""
    records = stream_records(cdrs)
    order = shuffled(random, planned(IN_STREAM, records))
    windows = list(_windows(records, STREAM_WINDOWS))
    parts = np.split(order, np.cumsum([size for _, size in windows])[:-1])
    return [Output(STREAM_SOURCE, *window, part) for (window, _), part in zip(windows, parts, strict=True)]


def _windows(total: int, count: int) -> Iterator[tuple[tuple[int, int], int]]:
    days = FEBRUARY - JANUARY
    for index, size in enumerate(_split(total, [1] * count)):
        first = JANUARY + days * index // count
        yield (first, max(first, JANUARY + days * (index + 1) // count - 1)), size


def _split(total: int, shares: Sequence[int]) -> list[int]:
    ends = np.cumsum(shares) * total // sum(shares)
    return [int(size) for size in np.diff(ends, prepend=0)]


def _move_out(order: Order, first_rows: int, random: np.random.Generator) -> None:
    """Swap what cannot stand in the first files with plain records of later ones."""
    misplaced = np.flatnonzero(np.isin(order[:first_rows], [int(variety) for variety in NOT_IN_FIRST]))
    plain = first_rows + np.flatnonzero(order[first_rows:] == Variety.PLAIN)
    places = random.choice(plain, size=len(misplaced), replace=False)
    order[places], order[misplaced] = order[misplaced], int(Variety.PLAIN)
