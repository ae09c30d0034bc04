"""Tariffs as columns: which rate of which version answers, for thousands of calls at once (SPEC R5, R6, Z16).

A tariff has versions, each a deck of rates for prefixes and for call classes, in force from a local day on until the
next one's. A tariff may have a parent: what the parent's deck of that day has is inherited. Over both the longest
prefix wins; of the same prefix, or of a class, the tariff's own rates are asked first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date

import numpy as np
from numpy.typing import NDArray

from rating.domain.calendars import ALL_BANDS, BANDS, EPOCH
from rating.domain.calls import MISSING, Digits, Int
from rating.domain.codes import Codes
from rating.domain.prefixes import NONE, SPAN, Tree, checked, interval_of, tree_of, up_to_length
from rating.domain.tariffs import DEFAULT_ROUNDING_PLACES, MEGABYTE_BYTES, Rate

NO_TARIFF = -1
ALWAYS, FOREVER = -(2**22), 2**22
"""Days since 1970 that stand for an open beginning and an open end."""
MOST_LEVELS = 4
"""A tariff and its parents."""
MOST_DECKS = (2**63 - 1) // SPAN - 1
_DAY_STRIDE = 2**24
_LENGTHS = 16
"""More than a prefix has digits; a number of 15 digits times it still fits 64 bits."""


@dataclass(slots=True)
class Rates:
    """Rates, a row each: money in micro-pounds, days since 1970, bands of `BANDS`. `maximum` may be MISSING.

    `prefix` is empty for the rate of a call class. `initial`, `step` and `free` are seconds, messages or bytes.
    """

    rate_id: Int
    price: Int
    connection: Int
    initial: Int
    step: Int
    minimum: Int
    maximum: Int
    free: Int
    band: Int
    valid_from: Int
    valid_to: Int
    prefix: NDArray[np.object_]

    @classmethod
    def of(cls, rates: Sequence[tuple[str, Rate]]) -> Rates:
        """From (prefix, rate)."""
        told = [rate for _, rate in rates]
        numbers = (
            [each.rate_id for each in told],
            [each.price for each in told],
            [each.connection for each in told],
            [each.initial for each in told],
            [each.step for each in told],
            [each.minimum for each in told],
            [MISSING if each.maximum is None else each.maximum for each in told],
            [each.free for each in told],
            [BANDS.index(each.band) for each in told],
            [ALWAYS if each.valid_from is None else day_of(each.valid_from) for each in told],
            [FOREVER if each.valid_to is None else day_of(each.valid_to) for each in told],
        )
        prefixes = np.array([prefix for prefix, _ in rates], dtype=object)
        columns = [np.array(column, dtype=np.int64) for column in numbers]
        return cls(*columns, prefix=prefixes)  # type: ignore[misc,arg-type]

    def __len__(self) -> int:
        return len(self.rate_id)

    def take(self, order: Int) -> Rates:
        """These rows, in this order."""
        return Rates(*(getattr(self, each.name)[order] for each in fields(self)))

    @staticmethod
    def joined(parts: Sequence[Rates]) -> Rates:
        """All rows, one part after the other."""
        return Rates(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Rates)))


@dataclass(frozen=True, slots=True)
class Deck:
    """One version of a tariff. A node is a prefix or, behind them, a call class; its rates are side by side in `rates`,
    the one to be asked first in front: one for a band before one for all, the one that began last before earlier ones.
    """

    tree: Tree
    first: Int
    count: Int
    classes: dict[str, int]
    rates: Rates

    @classmethod
    def of(cls, rates: Rates, classes: Sequence[str]) -> Deck:
        """From the rates of a version and the call class of each, which counts where the prefix is empty."""
        kinds: dict[str, int] = {}
        # 0 for a prefix, whatever its class; classes count from 1, so that they are behind all prefixes.
        kind = np.array(
            [
                0 if prefix else kinds.setdefault(name, len(kinds) + 1)
                for prefix, name in zip(rates.prefix.tolist(), classes, strict=True)
            ],
            dtype=np.int64,
        )
        is_prefix = kind == 0
        digits = _digits(rates.prefix, is_prefix)
        key = digits.aligned * _LENGTHS + digits.length
        order = np.lexsort((-rates.valid_from, rates.band == ALL_BANDS, key, kind))
        first = _begins(kind[order], key[order])
        told = order[first]
        return cls(
            tree_of(digits[told[is_prefix[told]]]),
            first,
            np.diff(np.append(first, len(order))),
            {name: len(told) - len(kinds) + number - 1 for name, number in kinds.items()},
            rates.take(order),
        )


def _digits(prefixes: NDArray[np.object_], is_prefix: NDArray[np.bool_]) -> Digits:
    """The digits of prefixes; 0 of length 0 for those of class rates."""
    found = Digits(np.zeros(len(prefixes), dtype=np.int64), np.zeros(len(prefixes), dtype=np.int64))
    told = checked(prefixes[is_prefix].tolist())
    found.aligned[is_prefix], found.length[is_prefix] = told.aligned, told.length
    return found


def _begins(kind: Int, key: Int) -> Int:
    """Where a node begins: the rows at which the key or the class is another than in the row before."""
    is_new = np.ones(len(key), dtype=bool)
    is_new[1:] = (key[1:] != key[:-1]) | (kind[1:] != kind[:-1])
    return np.flatnonzero(is_new)


@dataclass(slots=True)
class Version:
    """A version of a tariff; `effective_from` is days since 1970.

    `version_id` is given once, ever; the `number` of a version that was taken back is given again.
    """

    number: int
    effective_from: int
    deck: Deck
    version_id: int = 0


@dataclass(slots=True)
class Tariff:
    """A tariff and its versions. `fallback` is millionths of a percent, or MISSING; `calendar` an index of `Bands`."""

    code: str
    places: int = DEFAULT_ROUNDING_PLACES
    megabyte: int = MEGABYTE_BYTES
    calendar: int = 0
    fallback: int = MISSING
    parent: str | None = None
    versions: tuple[Version, ...] = ()


class Tariffs:
    """All tariffs; the slot of a code never changes."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self._tariffs: list[Tariff] = []
        self._slot_of: dict[str, int] = {}
        self._classes = Codes()
        self._bind()

    def __getitem__(self, slot: int) -> Tariff:
        return self._tariffs[slot]

    def slot_of(self, code: str) -> int:
        """The slot of a code, -1 where there is no such tariff."""
        return self._slot_of.get(code, NO_TARIFF)

    def put(self, tariff: Tariff) -> None:
        """Add a tariff, or replace it; `bind` is to be called before it is looked up."""
        slot = self._slot_of.get(tariff.code)
        if slot is None:
            self._slot_of[tariff.code] = len(self.codes)
            self.codes.append(tariff.code)
            self._tariffs.append(tariff)
        else:
            self._tariffs[slot] = tariff

    def bind(self, classes: Codes) -> None:
        """Join the decks of all versions into the arrays that calls are looked up in.

        Raises: ValueError: there are more versions than can be told apart.
        """
        self._classes = classes
        self._bind()

    def _bind(self) -> None:
        tariffs = self._tariffs
        self.places = _column(each.places for each in tariffs)
        self.megabyte = _column(each.megabyte for each in tariffs)
        self.calendar = _column(each.calendar for each in tariffs)
        self.fallback = _column(each.fallback for each in tariffs)
        parents = _column(self.slot_of(each.parent or "") for each in tariffs)
        self._parent: Int = np.append(parents, NO_TARIFF)
        decks = [version.deck for each in tariffs for version in each.versions]
        if len(decks) > MOST_DECKS:
            raise ValueError(f"there are {len(decks)} versions of tariffs, and only {MOST_DECKS} can be told apart")
        self._bind_versions()
        self._bind_decks(decks)

    def _bind_versions(self) -> None:
        """Sorted by tariff and first day; of several versions from one day on the last one counts."""
        rows: dict[int, int] = {}
        deck = 0
        for slot, tariff in enumerate(self._tariffs):
            newest: dict[int, int] = {}
            for version in tariff.versions:
                key = slot * _DAY_STRIDE + version.effective_from - ALWAYS
                if version.number > newest.get(key, 0):
                    newest[key] = version.number
                    rows[key] = deck
                deck += 1
        self._version_keys = np.array([NONE, *sorted(rows)], dtype=np.int64)
        self._version_decks = np.array([NONE, *(rows[key] for key in sorted(rows))], dtype=np.int64)

    def _bind_decks(self, decks: Sequence[Deck]) -> None:
        parts = [deck.rates for deck in decks]
        self.rates = Rates.joined([Rates.of([]), *parts])
        first_row = np.cumsum([0, *(len(part) for part in parts)])
        node_base = np.cumsum([0, *(len(deck.first) for deck in decks)])
        bases = list(zip(decks, first_row.tolist(), node_base.tolist(), strict=False))
        self._starts = _joined([deck.tree.starts + n * SPAN for n, deck in enumerate(decks)])
        self._nodes = _joined([_moved(deck.tree.node, node) for deck, _, node in bases])
        self._first = _joined([deck.first + row for deck, row, _ in bases])
        self._count = _joined([deck.count for deck in decks])
        self._length = _joined([_filled(deck.tree.length, len(deck.first), 0) for deck in decks])
        self._node_parent = _joined(
            [_filled(_moved(deck.tree.parent, node), len(deck.first), NONE) for deck, _, node in bases]
        )
        self._class_node = np.full((len(decks) + 1, len(self._classes)), NONE, dtype=np.int64)
        for number, (deck, _, node) in enumerate(bases):
            for name, own in deck.classes.items():
                code = self._classes.find(name)
                if code >= 0:
                    self._class_node[number, code] = own + node

    def rate_for(self, slot: Int, day: Int, band: Int, digits: Digits, call_class: Int) -> Int:
        """SPEC R5 (1), Z16: the row of `rates` that answers for each call, -1 where none does.

        Args:
            slot: of the chosen tariffs, none negative.
            day: local days, since 1970.
            band: bands of `BANDS`.
            digits: the numbers whose prefixes are looked up; of length 0 where prefixes do not count.
            call_class: codes of the classes that the tariffs were bound with.
        """
        decks = self._decks(slot, day)
        found = np.full(len(slot), NONE, dtype=np.int64)
        if not len(self.rates):
            return found
        nodes = [self._node(deck, digits) for deck in decks]
        rows = np.arange(len(slot))
        while rows.size:
            rows = self._ask_longest(found, rows, nodes, day, band)
        for deck in decks:
            rows = np.flatnonzero(found == NONE)
            found[rows] = self._answer(self._class_node[deck[rows], call_class[rows]], day[rows], band[rows])
        return found

    def _decks(self, slot: Int, day: Int) -> list[Int]:
        """The decks of that day of the tariffs, of their parents, and so on; NONE where there is none."""
        decks = []
        for _ in range(MOST_LEVELS):
            key = slot * _DAY_STRIDE + day - ALWAYS
            at = np.searchsorted(self._version_keys, key, side="right") - 1
            is_own = (slot >= 0) & (self._version_keys[at] // _DAY_STRIDE == slot)
            decks.append(np.where(is_own, self._version_decks[at], NONE))
            slot = self._parent[slot]
            if (slot < 0).all():
                break
        return decks

    def _node(self, deck: Int, digits: Digits) -> Int:
        """The node of each number's longest prefix in a deck."""
        at = interval_of(self._starts, deck * SPAN + digits.aligned)
        node = np.where((deck >= 0) & (digits.length > 0), self._nodes[at], NONE)
        return up_to_length(node, digits.length, self._length, self._node_parent)

    def _ask_longest(self, found: Int, rows: Int, nodes: list[Int], day: Int, band: Int) -> Int:
        """Ask the longest prefix that is left for each of these rows. Returns the rows that are to go on."""
        if len(nodes) == 1:
            level = np.zeros(len(rows), dtype=np.int64)
        else:
            lengths = [np.where(node[rows] >= 0, self._length[node[rows]], 0) for node in nodes]
            level = np.argmax(lengths, axis=0)  # the first of equal ones: the tariff's own
        asked = np.choose(level, [node[rows] for node in nodes])
        found[rows] = self._answer(asked, day[rows], band[rows])
        for number, node in enumerate(nodes):
            here = rows[(level == number) & (asked >= 0)]
            node[here] = self._node_parent[node[here]]
        left: Int = rows[(found[rows] == NONE) & (asked >= 0)]
        return left

    def _answer(self, node: Int, day: Int, band: Int) -> Int:
        """The first rate of each node that is valid on the day and for the band, NONE where none is."""
        found = np.full(len(node), NONE, dtype=np.int64)
        rows = np.flatnonzero(node >= 0)
        rates, turn = self.rates, 0
        while rows.size:
            rate = self._first[node[rows]] + turn
            valid = (rates.valid_from[rate] <= day[rows]) & (day[rows] <= rates.valid_to[rate])
            valid &= (rates.band[rate] == ALL_BANDS) | (rates.band[rate] == band[rows])
            found[rows[valid]] = rate[valid]
            turn += 1
            rows = rows[~valid]
            rows = rows[self._count[node[rows]] > turn]
        return found


def day_of(day: date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days


def _column(values: Iterable[int]) -> Int:
    return np.array(list(values), dtype=np.int64)


def _joined(parts: Sequence[Int]) -> Int:
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


def _moved(nodes: Int, base: int) -> Int:
    moved: Int = np.where(nodes >= 0, nodes + base, NONE)
    return moved


def _filled(column: Int, size: int, value: int) -> Int:
    """A column of prefixes' nodes, filled up for the nodes of classes behind them."""
    return np.append(column, np.full(size - len(column), value, dtype=np.int64))
