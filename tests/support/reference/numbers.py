"""Telephone numbers as digits of E.164 without the plus sign."""

from __future__ import annotations

from functools import lru_cache

LONGEST_SHORT_CODE = 6
_PUNCTUATION = str.maketrans("", "", " -.()\t")


@lru_cache(maxsize=200_000)
def digits_of(number: str) -> str:
    """The digits that prefixes are compared with; empty where there is no number in it (a withheld caller).

    `+...` and `00...` are international, `0...` is a UK number, up to six digits a UK short code, and anything longer
    is international already.
    """
    plain = number.strip().replace("(0)", "").translate(_PUNCTUATION)
    signed = plain.startswith("+")
    plain = plain.removeprefix("+")
    if not (plain.isascii() and plain.isdigit()):
        return ""
    if signed:
        return plain
    if plain.startswith("00"):
        return plain[2:]
    if plain.startswith("0"):
        return "44" + plain[1:]
    return "44" + plain if len(plain) <= LONGEST_SHORT_CODE else plain


def longest_prefix(table: dict[str, str], digits: str) -> str | None:
    """What a table of prefixes holds for the longest one that these digits begin with (SPEC R4)."""
    for length in range(len(digits), 0, -1):
        if digits[:length] in table:
            return table[digits[:length]]
    return None
