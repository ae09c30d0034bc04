"""Invoice numbers: one gapless series for the company (SPEC I6)."""

from __future__ import annotations

from dataclasses import dataclass

MAX_WIDTH = 12


@dataclass(frozen=True, slots=True)
class Series:
    """A prefix, the digits it is filled up to, and the last number given."""

    prefix: str
    width: int
    last: int

    def number(self, position: int) -> str:
        """The invoice number at a position, for instance INV000042; longer than the width where it must be."""
        return f"{self.prefix}{position:0{self.width}d}"

    def taken(self, count: int) -> list[str]:
        """The `count` numbers that end at `last`, in order."""
        return [self.number(position) for position in range(self.last - count + 1, self.last + 1)]
