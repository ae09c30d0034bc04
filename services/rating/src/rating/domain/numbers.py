"""Numbers as digits of E.164, by prefixes alone: a UK service number is a number too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

HOME_COUNTRY = "44"
LONGEST_SHORT_CODE = 6
_PUNCTUATION = str.maketrans("", "", " .-()\t")
_ZERO, _PLUS = ord("0"), ord("+")


def normalised(texts: Sequence[str]) -> list[str]:
    """`normalise` of each of many texts, nearly all of which are a plus sign and digits."""
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    # A letter that is not ASCII becomes one byte all the same: a question mark.
    written = np.frombuffer("".join(texts).encode("ascii", "replace"), dtype=np.uint8)
    ends = np.cumsum(lengths)
    begins = ends - lengths
    no_digits = np.concatenate([[0], np.cumsum(written - _ZERO > 9)])  # what is below the digit 0 wraps round
    plain = (lengths > 1) & (no_digits[ends] - no_digits[begins] == 1)
    plain[plain] = written[begins[plain]] == _PLUS
    digits = [text[1:] for text in texts]
    for row in np.flatnonzero(~plain).tolist():
        digits[row] = normalise(texts[row])
    return digits


@lru_cache(maxsize=200_000)
def normalise(text: str) -> str:
    """The digits of E.164 without the plus sign; empty where there is no number in it, as of a withheld caller.

    `+…` and `00…` are international, `0…` is a UK number, up to six digits a UK short code (44 and the code), and
    anything longer is international already.
    """
    digits = text.strip().replace("(0)", "").translate(_PUNCTUATION)
    international = digits.startswith("+")
    digits = digits.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return ""
    if international:
        return digits
    if digits.startswith("00"):
        return digits[2:]
    if digits.startswith("0"):
        return HOME_COUNTRY + digits[1:]
    return HOME_COUNTRY + digits if len(digits) <= LONGEST_SHORT_CODE else digits
