"""Call detail records as columns: one array a field, so that a rule is applied to thousands of calls at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rating.domain.texts import Texts

Int = NDArray[np.int64]
MISSING = -(2**63)
"""An amount that is not there; no amount that is taken reaches it."""
LONGEST_E164 = 15
_WINDOW = 16
_KEPT = np.where(np.arange(_WINDOW) < np.arange(_WINDOW)[:, None], 0x0F, 0).astype(np.uint8)
"""What is kept of the letters of a number of each length: the lower half of its digits, which is their value."""
_TEN, _EIGHT_DIGITS = np.uint64(10), np.uint64(10**8)
_TENS, _HUNDREDS, _TEN_THOUSANDS = (np.uint64((base << bits) + 1) for base, bits in ((10, 8), (100, 16), (10_000, 32)))
_BITS_8, _BITS_16, _BITS_32 = np.uint64(8), np.uint64(16), np.uint64(32)
_PAIRS, _FOURS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)


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
    charged: Sequence[str]
    others: Sequence[str]
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
    told = Texts.of(numbers)
    length = told.sizes.astype(np.int64)
    behind = np.concatenate((told.written, np.zeros(_WINDOW, dtype=np.uint8)))
    windows = sliding_window_view(behind, _WINDOW)[told.offsets[:-1]]
    return Digits(_values(windows & _KEPT[np.minimum(length, LONGEST_E164)]), length)


def _values(digits: NDArray[np.uint8]) -> Int:
    """The numbers that the first 15 digits of rows of 16 are.

    Eight digits are added up in one word of 64 bits, where neighbours become pairs, fours and the whole.
    """
    words = digits.view("<u8") * _TENS >> _BITS_8 & _PAIRS
    words = words * _HUNDREDS >> _BITS_16 & _FOURS
    words = words * _TEN_THOUSANDS >> _BITS_32
    values: Int = ((words[:, 0] * _EIGHT_DIGITS + words[:, 1]) // _TEN).view(np.int64)
    return values
