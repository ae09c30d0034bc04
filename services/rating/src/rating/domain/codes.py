"""Names as small integers: a column of codes is compared, and a table looked up by it, a thousand calls at once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rating.domain.calls import Int

_LARGEST_TABLE = 1 << 16


class Codes:
    """Names in the order in which they were first seen; a name's code never changes. Code 0 is the empty name."""

    __slots__ = ("_code_of", "names")

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names: list[str] = [""]
        self._code_of: dict[str, int] = {"": 0}
        for name in names:
            self.add(name)

    def __len__(self) -> int:
        return len(self.names)

    def add(self, name: str) -> int:
        """The name's code, a new one if need be."""
        code = self._code_of.get(name)
        if code is None:
            code = self._code_of[name] = len(self.names)
            self.names.append(name)
        return code

    def find(self, name: str) -> int:
        """The name's code, -1 where it has none."""
        return self._code_of.get(name, -1)


def distinct(codes: Int) -> tuple[Int, Int]:
    """The different codes of a column in their order, and of each row the place of its code among them."""
    if not codes.size:
        return codes, codes
    least = int(codes.min())
    span = int(codes.max()) - least + 1
    if span > _LARGEST_TABLE:
        found, places = np.unique(codes, return_inverse=True)
        return found, places
    from_least = codes - least
    is_there = np.zeros(span, dtype=bool)
    is_there[from_least] = True
    return np.flatnonzero(is_there) + least, (np.cumsum(is_there) - 1)[from_least]
