"""The longest prefix of thousands of numbers at once: prefixes laid out as intervals of 15-digit numbers.

A prefix stands for the interval of all numbers that begin with it. Such intervals lie one in another or apart, so each
number belongs to one innermost interval, which a binary search finds; the shorter prefixes are its parents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rating.domain.calls import LONGEST_E164, Digits, Int, digits_of

NONE = -1
SPAN = 10**LONGEST_E164
"""Aligned numbers are below this."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Prefixes as intervals. A node is the place of its prefix in what the tree was made of, NONE is no prefix.

    `node[i]` is the innermost prefix from `starts[i]` on, up to the next start; `starts[0]` is 0. `length` and
    `parent` (the longest shorter prefix) are by node.
    """

    starts: Int
    node: Int
    length: Int
    parent: Int


def tree_of(prefixes: Digits) -> Tree:
    """The tree of different prefixes of 1 to 15 digits."""
    begins, length = prefixes.aligned, prefixes.length
    ends = begins + 10 ** (LONGEST_E164 - length)
    starts = np.unique(np.concatenate((np.zeros(1, dtype=np.int64), begins, ends)))
    starts = starts[starts < SPAN]
    first, behind = np.searchsorted(starts, begins), np.searchsorted(starts, ends)
    node = np.full(len(starts), NONE, dtype=np.int64)
    parent = np.full(len(begins), NONE, dtype=np.int64)
    # Shorter prefixes first: longer ones are painted over them, and find their parent underneath.
    for size in np.unique(length):
        same = np.flatnonzero(length == size)
        parent[same] = node[first[same]]
        spans = behind[same] - first[same]
        node[ranges(first[same], spans)] = np.repeat(same, spans)
    is_new = np.concatenate((np.ones(1, dtype=bool), node[1:] != node[:-1]))
    return Tree(starts[is_new], node[is_new], length, parent)


def ranges(first: Int, count: Int) -> Int:
    """The numbers first, first + 1, ... of every pair of a first number and a count, one pair after another."""
    total = int(count.sum())
    begins = np.cumsum(count) - count
    return np.repeat(first - begins, count) + np.arange(total, dtype=np.int64)


def interval_of(starts: Int, numbers: Int) -> Int:
    """The place of the last start that is not above each number."""
    # Sorted first, neighbours of one search are still in the processor's cache for the next: three times as fast.
    order = np.argsort(numbers)
    found = np.empty(len(numbers), dtype=np.int64)
    found[order] = np.searchsorted(starts, numbers[order], side="right") - 1
    return found


def up_to_length(node: Int, length: Int, node_length: Int, parent: Int) -> Int:
    """The nodes, or the first of their parents whose prefix is not longer than the number; NONE stays NONE.

    A number that is filled up with zeros may lie in the interval of a prefix that it is too short for.
    """
    if not len(node_length):
        return node
    few = np.flatnonzero((node >= 0) & (node_length[node] > length))
    if few.size:
        node = node.copy()
    while few.size:
        node[few] = parent[node[few]]
        few = few[(node[few] >= 0) & (node_length[node[few]] > length[few])]
    return node


def checked(prefixes: Sequence[str]) -> Digits:
    """Prefixes for `tree_of`.

    Raises:
        ValueError: one is not 1 to 15 digits.
    """
    for prefix in prefixes:
        if not (prefix.isdecimal() and prefix.isascii() and len(prefix) <= LONGEST_E164):
            raise ValueError(f"{prefix!r} is no prefix: a prefix is 1 to {LONGEST_E164} digits")
    return digits_of(prefixes)


class PrefixTable:
    """A value, not negative, for each of many prefixes."""

    def __init__(self, tree: Tree, values: Int) -> None:
        self._tree = tree
        self._values = np.append(values, NONE)

    @classmethod
    def of(cls, values: Mapping[str, int]) -> PrefixTable:
        """A table from prefixes (digits of E.164) to values.

        Raises:
            ValueError: a prefix is not 1 to 15 digits.
        """
        return cls(tree_of(checked(list(values))), np.fromiter(values.values(), dtype=np.int64, count=len(values)))

    def longest(self, digits: Digits) -> Int:
        """The value of each number's longest prefix; -1 where no prefix matches, and for empty numbers."""
        tree = self._tree
        node = tree.node[interval_of(tree.starts, digits.aligned)]
        return self._values[up_to_length(node, digits.length, tree.length, tree.parent)]
