"""Record ids as keys of 128 bits, and what tells thousands of them from millions at once (SPEC R1, Z21).

Everything is columns of numpy. A filter says of each key that it is surely new, or perhaps not; sorted tiers say who
has a key. `docs/decisions/0011-record-ids-in-runs.md` says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
import xxhash
from numpy.typing import NDArray

from rating.domain.calls import Calls, Int

Keys = NDArray[np.void]
Mask = NDArray[np.bool_]
KEY = np.dtype([("h1", "<u8"), ("h2", "<u8"), ("usage_id", "<i8"), ("content", "<u8")])
"""The hash of source and record id, who has it, and a hash of what a second copy must be equal in."""
NOBODY = -1
CHUNK = 60
"""Keys that are stored side by side: as many as Postgres keeps within a row."""
SLICES = 256
"""Into how many equal ranges of `h1` keys are cut where there are too many for memory."""
_BITS_A_KEY = 16
_BITS_SET = 4
_TOGETHER_BITS = 3
"""Eight tiers of one level become one of the next."""
_LEAST = 8_192
"""Fewer keys, and up to eight times as many, are of the lowest level."""
_WORD_BITS = 64
_HASH_BYTES = 16
_HALF = np.uint64(32)
_SIGN = np.uint64(1 << 63)


def keys_of(calls: Calls, usage_ids: Int, content: NDArray[np.uint64], seed: int) -> Keys:
    """The keys of calls.

    Args:
        seed: of this installation, so that nobody outside can make two ids that hash alike.
    """
    sources = [f"{kind.source}\0" for kind in calls.kinds]
    told = zip(calls.kind.tolist(), calls.record_ids, strict=True)
    return _keys(_hashes([sources[kind] + record_id for kind, record_id in told], seed), usage_ids, content)


def keys_of_ids(ids: Iterable[tuple[str, str]], usage_ids: Int, seed: int) -> Keys:
    """The keys of records that are known by source and record id alone, without a content."""
    hashes = _hashes([f"{source}\0{record_id}" for source, record_id in ids], seed)
    return _keys(hashes, usage_ids, np.zeros(len(hashes), dtype=np.uint64))


def key_of(source: str, record_id: str, seed: int) -> Keys:
    """The key of one record, of nobody's usage."""
    return keys_of_ids([(source, record_id)], np.array([NOBODY]), seed)


def _hashes(texts: Iterable[str], seed: int) -> NDArray[np.uint64]:
    digest = xxhash.xxh3_128_digest
    return np.frombuffer(b"".join([digest(each.encode(), seed) for each in texts]), dtype="<u8").reshape(-1, 2)


def _keys(hashes: NDArray[np.uint64], usage_ids: Int, content: NDArray[np.uint64]) -> Keys:
    keys = np.empty(len(hashes), dtype=KEY)
    keys["h1"], keys["h2"] = hashes[:, 0], hashes[:, 1]
    keys["usage_id"], keys["content"] = usage_ids, content
    return keys


def in_order(keys: Keys) -> Keys:
    """Keys in the order of `h1`."""
    return keys[np.argsort(keys["h1"])]


def first_of_each(keys: Keys) -> Int:
    """For each key, the place of the first one that is equal to it."""
    in_turn = np.sort(keys["h1"])
    if (in_turn[1:] != in_turn[:-1]).all():
        return np.arange(len(keys))
    order = np.lexsort((keys["h2"], keys["h1"]))
    h1, h2 = keys["h1"][order], keys["h2"][order]
    begins = np.ones(len(keys), dtype=bool)
    begins[1:] = (h1[1:] != h1[:-1]) | (h2[1:] != h2[:-1])
    first = np.empty(len(keys), dtype=np.int64)
    first[order] = order[np.maximum.accumulate(np.where(begins, np.arange(len(keys)), 0))]
    return first


class Filter:
    """Bloom's filter, all bits of a key in one word: surely new, or perhaps not (about one in two hundred wrongly)."""

    def __init__(self, words: NDArray[np.uint64]) -> None:
        self.words = words

    @classmethod
    def sized(cls, keys: int) -> Filter:
        """An empty filter for so many keys."""
        return cls(np.zeros(keys * _BITS_A_KEY // _WORD_BITS + 1, dtype=np.uint64))

    def add(self, keys: Keys) -> None:
        """Remember keys."""
        probe = Probe.of(keys)
        np.bitwise_or.at(self.words, self._word(probe), probe.bits)

    def maybe(self, probe: Probe) -> Mask:
        """Whether each key was perhaps added."""
        found: Mask = self.words[self._word(probe)] & probe.bits == probe.bits
        return found

    def _word(self, probe: Probe) -> NDArray[np.uint64]:
        """Words in the order of `h1`, so that keys in order are added from one end to the other."""
        return (probe.upper * np.uint64(len(self.words))) >> _HALF


@dataclass(frozen=True, slots=True)
class Probe:
    """What filters of any size look at in keys: the upper half of `h1`, and the bits that a word is to have."""

    upper: NDArray[np.uint64]
    bits: NDArray[np.uint64]

    @classmethod
    def of(cls, keys: Keys) -> Probe:
        """What is looked at in keys."""
        h2 = keys["h2"]
        bits = np.zeros(len(keys), dtype=np.uint64)
        for turn in range(_BITS_SET):
            bits |= np.uint64(1) << ((h2 >> np.uint64(6 * turn)) & np.uint64(63))
        return cls(keys["h1"] >> _HALF, bits)


@dataclass(frozen=True, slots=True)
class Tier:
    """Keys in order; `h1` lies apart, for searching."""

    level: int
    h1: NDArray[np.uint64]
    keys: Keys


class Unsealed:
    """Keys that come a few thousand at a time, and who has them."""

    def __init__(self, expected: int) -> None:
        self._tiers: list[Tier] = []
        self._filter = Filter.sized(expected)

    def __len__(self) -> int:
        return sum(len(tier.h1) for tier in self._tiers)

    def add(self, keys: Keys) -> None:
        """Add keys that are in order. Tiers of one level become one of the next, so that there are few of them."""
        self._filter.add(keys)
        level = (len(keys) // _LEAST).bit_length() // _TOGETHER_BITS
        while len(last := self._last(level)) + 1 >= 1 << _TOGETHER_BITS:
            keys = in_order(np.concatenate([tier.keys for tier in last] + [keys]))
            del self._tiers[-len(last) :]
            level += 1
        self._tiers.append(Tier(level, np.ascontiguousarray(keys["h1"]), keys))

    def _last(self, level: int) -> list[Tier]:
        """The last tiers that are of no higher level."""
        return list(takewhile(lambda tier: tier.level <= level, reversed(self._tiers)))

    def find(self, keys: Keys, probe: Probe | None = None) -> Keys:
        """Who has each key; its `usage_id` is NOBODY where nobody has."""
        found = np.zeros(len(keys), dtype=KEY)
        found["usage_id"] = NOBODY
        rows = np.flatnonzero(self._filter.maybe(probe or Probe.of(keys)))
        for tier in self._tiers:
            if not rows.size:
                break
            at = _search(tier, keys[rows])
            hit = at >= 0
            found[rows[hit]] = tier.keys[at[hit]]
            rows = rows[~hit]
        return found


def _search(tier: Tier, keys: Keys) -> Int:
    """The place of each key in a tier, -1 where it is not there."""
    at = np.searchsorted(tier.h1, keys["h1"])
    found = np.full(len(keys), -1, dtype=np.int64)
    rows = np.flatnonzero(at < len(tier.h1))
    while rows.size:
        rows = rows[tier.h1[at[rows]] == keys["h1"][rows]]
        hit = tier.keys["h2"][at[rows]] == keys["h2"][rows]
        found[rows[hit]] = at[rows[hit]]
        rows = rows[~hit]
        at[rows] += 1
        rows = rows[at[rows] < len(tier.h1)]
    return found


def find_in_chunk(chunk: bytes, key: np.void) -> np.void | None:
    """Who has a key, of the keys of a chunk."""
    hashes = key.tobytes()[:_HASH_BYTES]
    at = chunk.find(hashes)
    while at >= 0 and at % KEY.itemsize:
        at = chunk.find(hashes, at + 1)
    if at < 0:
        return None
    found: np.void = np.frombuffer(chunk, dtype=KEY, count=1, offset=at)[0]
    return found


def as_signed(h1: NDArray[np.uint64]) -> Int:
    """`h1` as Postgres can keep it, in the same order."""
    return (h1 ^ _SIGN).view(np.int64)


def chunks_of(keys: Keys) -> Iterator[tuple[int, bytes]]:
    """Keys in order as chunks, each with the signed `h1` of its first; none reaches from one slice into the next.

    Keys whose `h1` is the same are in one chunk, the last one that begins by it.
    """
    slices = (keys["h1"] >> np.uint64(_WORD_BITS - 8)).astype(np.int64)
    ends = [*np.flatnonzero(slices[1:] != slices[:-1]) + 1, len(keys)]
    first = as_signed(keys["h1"])
    begin = 0
    for slice_end in ends:
        while begin < slice_end:
            end = _past_equals(keys, min(begin + CHUNK, slice_end))
            yield int(first[begin]), keys[begin:end].tobytes()
            begin = end


def _past_equals(keys: Keys, end: int) -> int:
    while 0 < end < len(keys) and keys["h1"][end] == keys["h1"][end - 1]:
        end += 1
    return end


def slice_bounds(number: int) -> tuple[int, int]:
    """The signed `h1` that a slice begins with, and the last one in it."""
    width = (1 << _WORD_BITS) // SLICES
    begin = number * width - (1 << 63)
    return begin, begin + width - 1


def joined(parts: Sequence[bytes]) -> Keys:
    """Keys of several blocks or chunks."""
    return np.frombuffer(b"".join(parts), dtype=KEY)
