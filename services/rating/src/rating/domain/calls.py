"""Call detail records as columns: one array a field, so that a rule is applied to thousands of calls at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]
MISSING = -(2**63)
"""An amount that is not there; no amount that is taken reaches it."""
LONGEST_E164 = 15
_POWERS = 10 ** np.arange(LONGEST_E164 - 1, -1, -1, dtype=np.int64)
_ZERO = ord("0")


class Kind(NamedTuple):
    """What many calls of a batch have in common; `known_class` is empty where the record names none."""

    source: str
    direction: str
    service_type: str
    known_class: str
    currency: str


@dataclass(frozen=True, slots=True)
class Digits:
    """Numbers for search: their first 15 digits, filled up with zeros at the right, and how many digits they have."""

    aligned: Int
    length: Int

    def __getitem__(self, rows: Int) -> Digits:
        return Digits(self.aligned[rows], self.length[rows])


@dataclass(slots=True)
class Calls:
    """Readable CDRs (SPEC R1), one row each.

    Numbers are the digits of E.164 without the plus sign, empty where there is none. `started` is microseconds since
    1970 in UTC. `seconds`, `units` and `volume` are whole and not negative, 0 where the service type has none. Costs
    are micro-pounds of the kind's currency, MISSING where the record has none.
    """

    record_ids: list[str]
    charged: list[str]
    others: list[str]
    kinds: list[Kind]
    kind: Int
    started: Int
    seconds: Int
    units: Int
    volume: Int
    retail: Int
    cdr_cost: Int
    carrier_cost: Int
    charged_digits: Digits
    other_digits: Digits

    def __len__(self) -> int:
        return len(self.record_ids)

    def by_kind(self, value: Callable[[Kind], int]) -> Int:
        """A column of what a rule says of each call's kind; it is asked once a kind."""
        return np.array([value(kind) for kind in self.kinds], dtype=np.int64)[self.kind]


def digits_of(numbers: Sequence[str]) -> Digits:
    """Numbers as `Digits`; texts of digits only, or empty."""
    count = len(numbers)
    length = np.fromiter(map(len, numbers), dtype=np.int64, count=count)
    fixed = np.array(numbers, dtype=f"S{LONGEST_E164}") if count else np.empty(0, dtype=f"S{LONGEST_E164}")
    matrix = fixed.view(np.uint8).reshape(count, LONGEST_E164)
    # The bytes behind a short number are NUL, which is to count as 0 like the digit 0.
    values = np.where(matrix == 0, 0, matrix - _ZERO).astype(np.int64)
    return Digits(values @ _POWERS, length)
