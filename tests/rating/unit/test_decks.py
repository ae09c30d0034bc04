"""Which rate of a tariff answers: tables worked out by hand, and random decks beside a naive scan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.domain.calendars import BANDS, EPOCH
from rating.domain.calls import digits_of
from rating.domain.codes import Codes
from rating.domain.decks import ALWAYS, Deck, Rates, Tariff, Tariffs, Version, day_of
from rating.domain.tariffs import Rate

CLASSES = ("National", "Mobile", "SMS")
JANUARY = date(2026, 1, 1)


@dataclass(frozen=True)
class Row:
    """A row of a deck: a prefix or a class, and its rate."""

    key: str
    rate: Rate

    @property
    def prefix(self) -> str:
        return "" if self.key in CLASSES else self.key

    @property
    def call_class(self) -> str:
        return self.key if self.key in CLASSES else ""


@dataclass(frozen=True)
class Plan:
    """A tariff in plain words: (effective from, rows) of each version, the first one first."""

    code: str
    versions: tuple[tuple[date | None, tuple[Row, ...]], ...]
    parent: str | None = None


def tariffs_of(plans: list[Plan]) -> tuple[Tariffs, Codes]:
    """Plans as columns."""
    classes, tariffs = Codes(CLASSES), Tariffs()
    for plan in plans:
        versions = tuple(
            Version(number, ALWAYS if begins is None else day_of(begins), deck_of(rows))
            for number, (begins, rows) in enumerate(plan.versions, 1)
        )
        tariffs.put(Tariff(plan.code, parent=plan.parent, versions=versions))
    tariffs.bind(classes)
    return tariffs, classes


def deck_of(rows: tuple[Row, ...]) -> Deck:
    """Rows of a version as a deck."""
    return Deck.of(Rates.of([(row.prefix, row.rate) for row in rows]), [row.call_class for row in rows])


def ask(plans: list[Plan], calls: list[tuple[str, date, str, str, str]]) -> list[int | None]:
    """The ids of the rates that answer: (tariff, day, band, number, class) of each call."""
    tariffs, classes = tariffs_of(plans)
    found = tariffs.rate_for(
        np.array([tariffs.slot_of(code) for code, *_ in calls], dtype=np.int64),
        np.array([day_of(day) for _, day, *_ in calls], dtype=np.int64),
        np.array([BANDS.index(band) for _, _, band, _, _ in calls], dtype=np.int64),
        digits_of([number for *_, number, _ in calls]),
        np.array([classes.find(name) for *_, name in calls], dtype=np.int64),
    )
    return [int(tariffs.rates.rate_id[row]) if row >= 0 else None for row in found]


def rate(rate_id: int, band: str = "", first: int | None = None, last: int | None = None) -> Rate:
    """A rate, told by its id; `first` and `last` are days of January."""
    days = [None if each is None else date(2026, 1, each) for each in (first, last)]
    return Rate(1_000, band=band, valid_from=days[0], valid_to=days[1], rate_id=rate_id)


PARENT = Plan("parent", ((None, (Row("44", rate(1)), Row("447700", rate(2)), Row("Mobile", rate(3)))),))
CHILD = Plan("child", ((None, (Row("447", rate(11)), Row("44", rate(12, "peak")), Row("SMS", rate(13)))),), "parent")
GROWN = Plan(
    "grown",
    (
        (None, (Row("44", rate(21)),)),
        (date(2026, 1, 10), (Row("44", rate(22)),)),
        (date(2026, 1, 20), (Row("33", rate(23)),)),
        (date(2026, 1, 10), (Row("44", rate(24)),)),
    ),
)
BANDED = Plan(
    "banded",
    ((None, (Row("44", rate(31)), Row("44", rate(32, "peak")), Row("44", rate(33, "peak", 10, 12)))),),
)
TABLE = [
    (("parent", JANUARY, "peak", "442079460001", "National"), 1),
    (("parent", JANUARY, "peak", "447700900001", "Mobile"), 2),
    (("parent", JANUARY, "peak", "331234", "Mobile"), 3),
    (("parent", JANUARY, "peak", "331234", "National"), None),
    (("parent", JANUARY, "peak", "", "Mobile"), 3),
    (("parent", JANUARY, "peak", "4", "National"), None),  # shorter than every prefix
    (("child", JANUARY, "peak", "447700900001", "Mobile"), 2),  # the parent's prefix is the longer one
    (("child", JANUARY, "peak", "447800900001", "Mobile"), 11),
    (("child", JANUARY, "peak", "442079460001", "National"), 12),  # the same prefix: the child's first
    (("child", JANUARY, "offpeak", "442079460001", "National"), 1),
    (("child", JANUARY, "peak", "", "SMS"), 13),
    (("grown", date(2026, 1, 9), "peak", "442079460001", "National"), 21),
    (("grown", date(2026, 1, 10), "peak", "442079460001", "National"), 24),  # corrected: the later version
    (("grown", date(2026, 1, 20), "peak", "442079460001", "National"), None),
    (("banded", date(2026, 1, 9), "peak", "442079460001", "National"), 32),
    (("banded", date(2026, 1, 12), "peak", "442079460001", "National"), 33),
    (("banded", date(2026, 1, 13), "peak", "442079460001", "National"), 32),
    (("banded", date(2026, 1, 12), "weekend", "442079460001", "National"), 31),
]


@pytest.mark.parametrize(("call", "expected"), TABLE)
def test_the_rate_that_answers_is_the_one_worked_out_by_hand(
    call: tuple[str, date, str, str, str], expected: int | None
) -> None:
    """R5 (1), R10, Z16: longest prefix with a rate for the day and band, else the class; versions and parents."""
    assert ask([PARENT, CHILD, GROWN, BANDED], [call]) == [expected]


def test_all_calls_at_once_get_what_each_gets_alone() -> None:
    """R5: a batch is nothing but its calls."""
    calls, expected = zip(*TABLE, strict=True)
    assert ask([PARENT, CHILD, GROWN, BANDED], list(calls)) == list(expected)


DIGITS = st.text("147", min_size=1, max_size=4)
DAYS = st.integers(0, 9).map(lambda days: JANUARY + timedelta(days=days))
RATES = st.builds(
    Rate,
    st.just(1_000),
    band=st.sampled_from(BANDS),
    valid_from=st.none() | DAYS,
    valid_to=st.none() | DAYS,
    rate_id=st.integers(1, 10**9),
)
ROWS = st.builds(Row, DIGITS | st.sampled_from(CLASSES), RATES)
VERSIONS = st.lists(st.tuples(st.none() | DAYS, st.lists(ROWS, max_size=6).map(tuple)), max_size=3).map(tuple)
PLANS = st.tuples(VERSIONS, VERSIONS, VERSIONS).map(
    lambda versions: [Plan("a", versions[0]), Plan("b", versions[1], "a"), Plan("c", versions[2], "b")]
)
CALLS = st.tuples(
    st.sampled_from("abc"),
    DAYS,
    st.sampled_from(BANDS[1:]),
    st.text("0147", max_size=18),
    st.sampled_from(CLASSES),
)


@settings(max_examples=200)
@given(PLANS, st.lists(CALLS, min_size=1, max_size=20))
def test_columns_find_what_a_naive_scan_finds(plans: list[Plan], calls: list[tuple[str, date, str, str, str]]) -> None:
    """R5 (1), Z16: whatever the decks, days, bands, versions and parents."""
    by_code = {plan.code: plan for plan in plans}
    assert ask(plans, calls) == [naive(by_code, *call) for call in calls]


def naive(plans: dict[str, Plan], code: str, day: date, band: str, number: str, call_class: str) -> int | None:
    """SPEC Z16, word by word."""
    decks: list[tuple[Row, ...]] = []
    name: str | None = code
    while name is not None:
        in_force = [
            (begins or EPOCH, number_of, rows)
            for number_of, (begins, rows) in enumerate(plans[name].versions)
            if begins is None or begins <= day
        ]
        decks.append(max(in_force, key=lambda each: each[:2])[2] if in_force else ())
        name = plans[name].parent
    keys = [number[:length] for length in range(min(len(number), 15), 0, -1)]
    for key in [*keys, call_class]:
        for rows in decks:
            answering = [row.rate for row in rows if row.key == key and answers(row.rate, day, band)]
            if answering:
                best = max(answering, key=lambda each: (each.band != "", each.valid_from or date.min))
                return best.rate_id
    return None


def answers(told: Rate, day: date, band: str) -> bool:
    """SPEC Z16: valid on the day, both bounds included, and for the band."""
    in_time = (told.valid_from or date.min) <= day <= (told.valid_to or date.max)
    return in_time and told.band in ("", band)
