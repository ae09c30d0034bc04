"""What a second copy of a record must be equal in, to be no conflict (SPEC Z21), as one number a call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xxhash
from numpy.typing import NDArray

from rating.domain.calls import LONGEST_E164, Calls, Digits

Contents = NDArray[np.uint64]
_SHIFT_1, _SHIFT_2, _SHIFT_3 = (np.uint64(bits) for bits in (30, 27, 31))
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_1, _FACTOR_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def content_of(calls: Calls) -> Contents:
    """A hash of all that a call is charged by; the same for the same content in every process and version.

    It is kept with the record ids: whatever is changed here makes conflicts of the copies of what is stored.
    """
    kinds = np.array([_of_text("\x00".join(kind)) for kind in calls.kinds], dtype=np.uint64)
    content = kinds[calls.kind] if len(kinds) else np.empty(0, dtype=np.uint64)
    numbers = (_of_numbers(calls.charged, calls.charged_digits), _of_numbers(calls.others, calls.other_digits))
    columns = (
        calls.started,
        calls.seconds,
        calls.units,
        calls.volume,
        calls.retail,
        calls.cdr_cost,
        calls.carrier_cost,
    )
    for column in (*numbers, *(each.view(np.uint64) for each in columns)):
        content = _mixed(content, column)
    return content


def _of_numbers(numbers: Sequence[str], digits: Digits) -> Contents:
    told = (digits.aligned * (LONGEST_E164 + 1) + digits.length).view(np.uint64)
    for row in np.flatnonzero(digits.length > LONGEST_E164).tolist():
        told[row] = _of_text(numbers[row])
    return told


def _of_text(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"))


def _mixed(content: Contents, column: Contents) -> Contents:
    """The content so far with another column: every bit of both moves half of the bits (SplitMix64's finisher)."""
    mixed = (content ^ column) + _STEP
    mixed = (mixed ^ (mixed >> _SHIFT_1)) * _FACTOR_1
    mixed = (mixed ^ (mixed >> _SHIFT_2)) * _FACTOR_2
    return mixed ^ (mixed >> _SHIFT_3)
