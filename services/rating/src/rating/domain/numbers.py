"""Numbers as digits of E.164, by prefixes alone: a UK service number is a number too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rating.domain.texts import Texts

HOME_COUNTRY = "44"
LONGEST_SHORT_CODE = 6
_PUNCTUATION = str.maketrans("", "", " .-()\t")
_ZERO, _PLUS = ord("0"), ord("+")


def normalised(texts: Sequence[str]) -> Texts:
    """`normalise` of each of many texts, nearly all of which are a plus sign and digits."""
    told = Texts.of(texts)
    others = np.flatnonzero(~_plain(told)).tolist()
    if others:
        spelled = list(texts)
        for row in others:
            spelled[row] = f"+{normalise(texts[row])}"
        told = Texts.of(spelled)
    signs = np.arange(len(told) + 1, dtype=np.int32)  # each has one, the first letter
    return Texts(told.written[told.written != _PLUS], told.offsets - signs)


def _plain(told: Texts) -> NDArray[np.bool_]:
    """Whether each text is a plus sign and digits, one at least."""
    begins, ends = told.offsets[:-1], told.offsets[1:]
    no_digits = np.zeros(len(told.written) + 1, dtype=np.int32)
    np.cumsum(told.written - _ZERO > 9, out=no_digits[1:])  # what is below the digit 0 wraps round
    plain: NDArray[np.bool_] = (ends - begins > 1) & (no_digits[ends] - no_digits[begins] == 1)
    plain[plain] = told.written[begins[plain]] == _PLUS
    return plain


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
