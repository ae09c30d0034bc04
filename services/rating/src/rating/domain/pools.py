"""Columns that grow, and ids that are found in them, for millions of rows that change a few at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rating.domain.calls import Int

NOWHERE = -1
_LEAST = 16


class Pool:
    """Rows of columns; rows are added at the end and written in place, and stay where they are."""

    def __init__(self, columns: Mapping[str, DTypeLike]) -> None:
        self.size = 0
        self._columns: dict[str, NDArray[Any]] = {name: np.zeros(0, dtype=kind) for name, kind in columns.items()}

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column; rows from `size` on mean nothing."""
        return self._columns[name]

    def add(self, count: int) -> int:
        """Make room for rows. Returns the first of them."""
        first = self.size
        self.size += count
        for name, column in self._columns.items():
            if len(column) < self.size:
                grown = np.zeros(max(self.size, len(column) * 3 // 2, _LEAST), dtype=column.dtype)
                grown[:first] = column[:first]
                self._columns[name] = grown
        return first

    def fill(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Replace all rows; the columns are as long as each other."""
        for name, column in columns.items():
            self._columns[name] = np.ascontiguousarray(column, dtype=self._columns[name].dtype)
            self.size = len(column)


class Places:
    """At which row each key is: sorted arrays, and beside them what has come since they were sorted.

    Finding is vectorised over both. Once there is much beside the sorted ones they are sorted again, so a change costs
    the same however many keys there are.
    """

    def __init__(self, most_recent: int = 10_000) -> None:
        self._most_recent = most_recent
        self._keys, self._rows = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        self._recent: dict[int, int] = {}
        self._recent_keys, self._recent_rows = self._keys, self._rows
        self._is_stale = False

    def fill(self, keys: Int, rows: Int) -> None:
        """Replace all: different keys in ascending order."""
        self._keys, self._rows = keys, rows
        self._recent.clear()
        self._is_stale = True

    def get(self, key: int) -> int:
        """The row of one key, NOWHERE where it has none."""
        if key in self._recent:
            return self._recent[key]
        at = int(np.searchsorted(self._keys, key))
        return int(self._rows[at]) if at < len(self._keys) and self._keys[at] == key else NOWHERE

    def put(self, key: int, row: int) -> None:
        """A key is at this row from now on."""
        at = int(np.searchsorted(self._keys, key))
        if at < len(self._keys) and self._keys[at] == key:
            self._rows[at] = row
            return
        self._recent[key] = row
        self._is_stale = True
        if len(self._recent) > self._most_recent:
            self._sort()

    def find(self, keys: Int) -> Int:
        """The rows of keys, NOWHERE where they have none."""
        if self._is_stale:
            self._recent_keys = np.array(sorted(self._recent), dtype=np.int64)
            self._recent_rows = np.array([self._recent[key] for key in self._recent_keys.tolist()], dtype=np.int64)
            self._is_stale = False
        found = _found(self._keys, self._rows, keys)
        if len(self._recent_keys):
            recent = _found(self._recent_keys, self._recent_rows, keys)
            found = np.where(recent == NOWHERE, found, recent)
        return found

    def _sort(self) -> None:
        keys = np.fromiter(self._recent, dtype=np.int64, count=len(self._recent))
        rows = np.fromiter(self._recent.values(), dtype=np.int64, count=len(self._recent))
        order = np.argsort(keys)
        at = np.searchsorted(self._keys, keys[order])
        self._keys = np.insert(self._keys, at, keys[order])
        self._rows = np.insert(self._rows, at, rows[order])
        self._recent.clear()
        self._is_stale = True


def _found(keys: Int, rows: Int, asked: Int) -> Int:
    if not len(keys):
        return np.full(len(asked), NOWHERE, dtype=np.int64)
    at = np.searchsorted(keys, asked)
    at[at == len(keys)] = 0
    return np.where(keys[at] == asked, rows[at], NOWHERE)
