"""Numbers as digits of E.164, by prefixes alone: a UK service number is a number too."""

from __future__ import annotations

from functools import lru_cache

HOME_COUNTRY = "44"
LONGEST_SHORT_CODE = 6
_PUNCTUATION = str.maketrans("", "", " .-()\t")


def normalise(text: str) -> str:
    """The digits of E.164 without the plus sign; empty where there is no number in it, as of a withheld caller.

    `+…` and `00…` are international, `0…` is a UK number, up to six digits a UK short code (44 and the code), and
    anything longer is international already.
    """
    digits = text[1:]
    if text[:1] == "+" and digits.isdigit() and digits.isascii():
        return digits  # as nearly all of them are written: not worth a place in the cache
    return _normalised(text)


@lru_cache(maxsize=200_000)
def _normalised(text: str) -> str:
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
