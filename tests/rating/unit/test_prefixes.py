"""The longest prefix: tables in, values out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rating.domain.calls import digits_of
from rating.domain.prefixes import PrefixTable

FEW_DIGITS = "0149"
PREFIXES = st.dictionaries(st.text(FEW_DIGITS, min_size=1, max_size=15), st.integers(0, 9), max_size=30)
NUMBERS = st.lists(st.text(FEW_DIGITS, max_size=18), max_size=30)


def naive(table: dict[str, int], number: str) -> int:
    """The value of the longest prefix, by looking at all of them."""
    return max(((len(prefix), value) for prefix, value in table.items() if number.startswith(prefix)), default=(0, -1))[
        1
    ]


def longest(table: dict[str, int], *numbers: str) -> list[int]:
    return list(PrefixTable.of(table).longest(digits_of(numbers)))


@given(PREFIXES, NUMBERS)
@example({"0": 1, "00": 2, "000000000000000": 3}, ["", "0", "00", "000", "0" * 15, "0" * 18])
@example({"9" * 15: 1, "9": 2, "1": 3}, ["9", "9" * 14, "9" * 15, "9" * 16, "1" * 17])
def test_it_is_the_longest_match_of_a_plain_scan(table: dict[str, int], numbers: list[str]) -> None:
    """R4: the other party's longest prefix; numbers may be shorter than prefixes, or longer than E.164 allows."""
    numbers = numbers + [prefix + "4" for prefix in table] + [prefix[:-1] for prefix in table]
    assert longest(table, *numbers) == [naive(table, number) for number in numbers]


def test_a_number_that_is_shorter_than_a_prefix_takes_a_shorter_one() -> None:
    """R4: 44 filled up with zeros lies where 440 does, but does not begin with it."""
    assert longest({"4": 1, "440": 2, "44000": 3}, "44", "440", "4400", "44000") == [1, 2, 2, 3]


def test_an_empty_number_and_an_empty_table_match_nothing() -> None:
    """R4: no prefix, no destination."""
    assert longest({"0": 1}, "", "1") == [-1, -1]
    assert longest({}, "", "442079460000") == [-1, -1]
    assert longest({"44": 1}) == []


def test_a_value_of_0_is_an_answer() -> None:
    """R4: 0 is a value as any other, and no match is -1."""
    assert longest({"44": 0}, "442079460000", "33123456789") == [0, -1]


@pytest.mark.parametrize("prefix", ["", "44a", "+44", "4" * 16, "٤٤"])
def test_what_is_not_1_to_15_digits_is_no_prefix(prefix: str) -> None:
    """R4: a table with a key that could never match is a mistake."""
    with pytest.raises(ValueError, match="no prefix"):
        PrefixTable.of({prefix: 1})


def test_many_prefixes_are_found_all() -> None:
    """R4: every one of thousands of nested prefixes is its own longest prefix."""
    rng = np.random.default_rng(7)
    prefixes = list({str(number)[: 3 + number % 9] for number in rng.integers(10**11, 10**12, 20_000)})
    table = dict(zip(prefixes, range(len(prefixes)), strict=True))
    assert longest(table, *prefixes) == list(range(len(prefixes)))
