"""Invoice numbers: one gapless series for the company, or one for each account (SPEC I6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MAX_WIDTH = 12


@dataclass(frozen=True, slots=True)
class Series:
    """A prefix, the digits it is filled up to, and the last number given, all of the company's own series.

    With the scope `account` the next numbers come from the series of their accounts.
    """

    prefix: str
    width: int
    last: int = 0
    scope: Literal["company", "account"] = "company"

    def number(self, position: int) -> str:
        """The invoice number at a position, for instance INV000042; longer than the width where it must be."""
        return f"{self.prefix}{position:0{self.width}d}"

    def taken(self, count: int) -> list[str]:
        """The `count` numbers that end at `last`, in order."""
        return [self.number(position) for position in range(self.last - count + 1, self.last + 1)]


def account_numbers(account_number: str, last: int, count: int) -> list[str]:
    """The `count` numbers of an account after its last, for instance C00042/8.

    They are never those of the company's series: its prefix does not end in a stroke.
    """
    return [f"{account_number}/{position}" for position in range(last + 1, last + count + 1)]
