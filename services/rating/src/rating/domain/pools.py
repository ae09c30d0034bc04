"""Columns that grow, and ids that are found in them, for millions of rows that change a few at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rating.domain.calls import Int

NOWHERE = -1
_LEAST = 16
_SLOTS_A_KEY = 2
"""At least; so a key is found after a slot or two."""
_SPREAD = 0x9E3779B97F4A7C15
"""2**64 divided by the golden ratio."""


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
    """At which row each key is: a hash table with linear probing, searched for thousands of keys at once.

    Rows are given in the order in which keys come, so that a pool of the same rows has what belongs to them. Adding a
    key costs the same however many there are, but for the one that makes the table grow.
    """

    def __init__(self) -> None:
        self.fill(np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return self._size

    def fill(self, keys: Int) -> None:
        """Replace all: different keys, each at its own place."""
        self._size = len(keys)
        self.keys = np.zeros(max(self._size, _LEAST), dtype=np.int64)
        """Of each row its key; rows that have not been given mean nothing."""
        self.keys[: self._size] = keys
        self._bits = max(int(self._size * _SLOTS_A_KEY).bit_length(), _LEAST.bit_length())
        self._table = np.full(1 << self._bits, NOWHERE, dtype=np.int32)
        self._enter(np.arange(self._size, dtype=np.int32))

    def _enter(self, rows: NDArray[np.int32]) -> None:
        """Write rows where there is room; those that meet others there go one slot further."""
        slots = self._slots(self.keys[rows])
        while rows.size:
            has_room = self._table[slots] == NOWHERE
            self._table[slots[has_room]] = rows[has_room]
            goes_on = self._table[slots] != rows
            rows, slots = rows[goes_on], (slots[goes_on] + 1) & self._last

    @property
    def _last(self) -> int:
        return len(self._table) - 1

    def _slots(self, keys: Int) -> Int:
        """Where keys are looked for first: keys in a row, as numbers come, are spread evenly (Fibonacci hashing)."""
        return ((keys.view(np.uint64) * np.uint64(_SPREAD)) >> np.uint64(64 - self._bits)).view(np.int64)

    def _slot_of(self, key: int) -> int:
        """The slot that holds a key, or the one that it would take."""
        slot = int(self._slots(np.array([key], dtype=np.int64))[0])
        while (row := int(self._table[slot])) != NOWHERE and int(self.keys[row]) != key:
            slot = (slot + 1) & self._last
        return slot

    def get(self, key: int) -> int:
        """The row of one key, NOWHERE where it has none."""
        return int(self._table[self._slot_of(key)])

    def put(self, key: int) -> int:
        """The row of one key, the next one where it has none."""
        slot = self._slot_of(key)
        if self._table[slot] != NOWHERE:
            return int(self._table[slot])
        row = self._size
        if (row + 1) * _SLOTS_A_KEY > len(self._table):
            self.fill(np.append(self.keys[:row], key))
            return row
        if row == len(self.keys):
            self.keys = np.append(self.keys, np.zeros(row // 2, dtype=np.int64))
        self.keys[row], self._table[slot], self._size = key, row, row + 1
        return row

    def find(self, keys: Int) -> Int:
        """The rows of keys, NOWHERE where they have none."""
        slots = self._slots(keys)
        found = self._table[slots].astype(np.int64)
        others = np.flatnonzero((found != NOWHERE) & (self.keys[found] != keys))
        while others.size:
            slots[others] = (slots[others] + 1) & self._last
            met = self._table[slots[others]]
            found[others] = met
            others = others[(met != NOWHERE) & (self.keys[met] != keys[others])]
        return found


class Waiting:
    """Rows that wait for something with an id that has not come yet."""

    def __init__(self) -> None:
        self._id_of: dict[int, int] = {}
        self._rows_of: dict[int, set[int]] = {}

    def __len__(self) -> int:
        return len(self._id_of)

    def wait(self, row: int, awaited: int) -> None:
        """From now on the row waits for this id; it waits for no other."""
        self._id_of[row] = awaited
        self._rows_of.setdefault(awaited, set()).add(row)

    def leave(self, row: int) -> None:
        """The row waits no longer, if it did."""
        awaited = self._id_of.pop(row, None)
        if awaited is None:
            return
        self._rows_of[awaited].discard(row)
        if not self._rows_of[awaited]:
            del self._rows_of[awaited]

    def awaited_by(self, row: int) -> int | None:
        """The id that a row waits for."""
        return self._id_of.get(row)

    def come(self, awaited: int) -> list[int]:
        """The rows that waited for this id; they wait no longer."""
        rows = sorted(self._rows_of.pop(awaited, ()))
        for row in rows:
            del self._id_of[row]
        return rows
