"""What numbers and customers say of their rating, and the default tariffs (SPEC C10, R5, Z16), looked up as columns."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from rating.domain.calls import MISSING, Calls, Int
from rating.domain.charging import PERCENT_MILLIONTHS
from rating.domain.codes import Codes
from rating.domain.decks import NO_TARIFF, Tariffs

UNKNOWN_TARIFF = -2
"""A tariff is chosen, but there is none of that code here: no other is asked."""


@dataclass(frozen=True, slots=True)
class Choices:
    """SPEC C10: what a number or a customer says of its rating; percentages of cost."""

    tariff: str | None = None
    class_tariffs: Mapping[str, str] = field(default_factory=dict)
    class_markups: Mapping[str, Decimal] = field(default_factory=dict)
    fallback_markup: Decimal | None = None


def millionths(percent: Decimal | None) -> int:
    """A percentage in millionths of a percent; MISSING for None.

    Raises: ValueError: it has more than six decimal places, or is too large.
    """
    if percent is None:
        return MISSING
    exact = percent * PERCENT_MILLIONTHS
    if exact != exact.to_integral_value() or abs(exact) >= 2**53:
        raise ValueError(f"a markup of {percent} % cannot be taken: at most six decimal places")
    return int(exact)


class ChoiceTable:
    """Different choices, a row each; row 0 says nothing. Rows are never taken back."""

    def __init__(self) -> None:
        self._row_of: dict[bytes, int] = {}
        self._rows: list[bytes] = []
        self._codes = Codes()
        # Column 0 is that of all classes that nobody chooses for, so no name has it, not even the empty one.
        self._columns: dict[str, int] = {}
        self._bound = 0
        self._unresolved: list[int] = []
        self._tariffs = 0
        self._column_of = np.zeros(1, dtype=np.int64)
        self._slots = np.full((1, 1), NO_TARIFF, dtype=np.int32)
        self._markups = np.full((1, 1), MISSING, dtype=np.int64)
        self._fallbacks = np.full(1, MISSING, dtype=np.int64)
        self.intern(Choices())

    def intern(self, choices: Choices) -> int:
        """The row of these choices; `bind` is to be called before it is looked up.

        Raises: ValueError: a markup cannot be taken.
        """
        told = self._packed(choices)
        row = self._row_of.get(told)
        if row is None:
            row = self._row_of[told] = len(self._rows)
            self._rows.append(told)
        return row

    def _packed(self, choices: Choices) -> bytes:
        """Equal for equal choices, and far smaller: numbers of 64 bits for names and percentages.

        Tariff, fallback, how many classes have a tariff, then (class, tariff) of each, then (class, markup).
        """
        code, name = self._codes.add, self._column
        markups = sorted((name(each), millionths(percent)) for each, percent in choices.class_markups.items())
        fallback = millionths(choices.fallback_markup)
        chosen = sorted((name(each), code(tariff)) for each, tariff in choices.class_tariffs.items() if tariff)
        pairs = (number for pair in (*chosen, *markups) for number in pair)
        return array("q", (code(choices.tariff or ""), fallback, len(chosen), *pairs)).tobytes()

    def _column(self, name: str) -> int:
        return self._columns.setdefault(name, len(self._columns) + 1)

    def bind(self, classes: Codes, tariffs: Tariffs) -> None:
        """Work out what is new: rows, classes that they name, and tariffs that were not known before."""
        fresh = range(self._bound, len(self._rows))
        self._grow()
        again = self._unresolved if len(tariffs.codes) > self._tariffs else []
        kept = [] if again else self._unresolved
        self._unresolved = kept + [row for row in (*again, *fresh) if not self._resolve(row, tariffs)]
        self._bound, self._tariffs = len(self._rows), len(tariffs.codes)
        self._column_of = np.zeros(len(classes), dtype=np.int64)
        for name, column in self._columns.items():
            code = classes.find(name)
            if code >= 0:
                self._column_of[code] = column

    def _grow(self) -> None:
        rows, columns = len(self._rows), len(self._columns) + 1
        have_rows, have_columns = self._slots.shape
        if rows <= have_rows and columns <= have_columns:
            return
        shape = (rows if rows <= have_rows else max(rows, 2 * have_rows), max(columns, have_columns))
        slots, markups = np.full(shape, NO_TARIFF, dtype=np.int32), np.full(shape, MISSING, dtype=np.int64)
        slots[:have_rows, :have_columns], markups[:have_rows, :have_columns] = self._slots, self._markups
        slots[:have_rows, have_columns:] = self._slots[:, :1]
        fallbacks = np.full(shape[0], MISSING, dtype=np.int64)
        fallbacks[:have_rows] = self._fallbacks
        self._slots, self._markups, self._fallbacks = slots, markups, fallbacks

    def _resolve(self, row: int, tariffs: Tariffs) -> bool:
        """Fill a row in; whether all tariffs that it names are known."""
        tariff, fallback, count, *pairs = array("q", self._rows[row])
        self._slots[row] = self._slot(tariff, tariffs)
        classes, values = pairs[::2], pairs[1::2]
        for column, code in zip(classes[:count], values[:count], strict=True):
            self._slots[row, column] = self._slot(code, tariffs)
        for column, markup in zip(classes[count:], values[count:], strict=True):
            self._markups[row, column] = markup
        self._fallbacks[row] = fallback
        return bool((self._slots[row] != UNKNOWN_TARIFF).all())

    def _slot(self, code: int, tariffs: Tariffs) -> int:
        return _slot(self._codes.names[code], tariffs)

    def tariff_for(self, choice: Int, call_class: Int) -> Int:
        """SPEC Z16: the tariff for the class, else the tariff; NO_TARIFF, or UNKNOWN_TARIFF."""
        return self._slots[choice, self._column_of[call_class]].astype(np.int64)

    def markup_for(self, choice: Int, call_class: Int) -> Int:
        """SPEC R5 (2): the markup for the class in millionths of a percent, MISSING where there is none."""
        column = self._column_of[call_class]
        return np.where(column > 0, self._markups[choice, column], MISSING)

    def fallback(self, choice: Int) -> Int:
        """SPEC R5 (3): the markup for all classes in millionths of a percent, MISSING where there is none."""
        return self._fallbacks[choice]


def _slot(code: str | None, tariffs: Tariffs) -> int:
    if not code:
        return NO_TARIFF
    slot = tariffs.slot_of(code)
    return slot if slot >= 0 else UNKNOWN_TARIFF


class Defaults:
    """SPEC R5 (1): the default tariff per source and number type, else number type, else source, else the system's."""

    def __init__(self) -> None:
        self.by_key: dict[tuple[str, str], str] = {}
        self.system: str | None = None
        self._sources: dict[str, int] = {}
        self._slots = np.full((1, 1), NO_TARIFF, dtype=np.int64)

    def bind(self, tariffs: Tariffs, number_types: Codes) -> None:
        """Work out the answers, when defaults, tariffs or number types are others."""
        self._sources = {source: row for row, source in enumerate(sorted({s for s, _ in self.by_key if s}), 1)}
        self._slots = np.array(
            [
                [_slot(self._code(source, number_type), tariffs) for number_type in number_types.names]
                for source in ("", *self._sources)
            ],
            dtype=np.int64,
        )

    def _code(self, source: str, number_type: str) -> str | None:
        found = self.by_key
        return (
            found.get((source, number_type)) or found.get(("", number_type)) or found.get((source, "")) or self.system
        )

    def for_calls(self, calls: Calls, number_type: Int) -> Int:
        """The default tariffs of calls; NO_TARIFF, or UNKNOWN_TARIFF."""
        source = calls.by_kind(lambda kind: self._sources.get(kind.source, 0))
        return self._slots[source, number_type]
