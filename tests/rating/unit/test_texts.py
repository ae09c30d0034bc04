"""Texts as bytes and offsets: whatever is done to them, they are what a list of them would be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.domain.calls import LONGEST_E164, digits_of
from rating.domain.codes import distinct
from rating.domain.numbers import normalise, normalised
from rating.domain.texts import Texts

ASCII = st.text(st.characters(codec="ascii"), max_size=20)
DIGITS = st.text("0123456789", max_size=20)


@given(st.lists(ASCII, max_size=8), st.data())
def test_texts_are_what_a_list_of_them_is(listed: list[str], data: st.DataObject) -> None:
    """R1: a number of a batch is the one that came."""
    texts = Texts.of(listed)
    assert (list(texts), texts.tolist(), texts[1:]) == (listed, listed, listed[1:])
    assert texts.sizes.tolist() == [len(each) for each in listed]
    kept = data.draw(st.lists(st.booleans(), min_size=len(listed), max_size=len(listed)))
    only = texts.only(np.array(kept, dtype=bool))
    assert only.tolist() == [each for each, is_kept in zip(listed, kept, strict=True) if is_kept]
    if listed:
        at, text = data.draw(st.integers(0, len(listed) - 1)), data.draw(ASCII)
        assert texts.changed(at, text).tolist() == [*listed[:at], text, *listed[at + 1 :]]
        assert texts.tolist() == listed
        assert texts[-1] == listed[-1]
    with pytest.raises(IndexError):
        texts[len(listed)]


@given(st.lists(DIGITS, max_size=8))
def test_digits_of_many_numbers_are_those_of_each(numbers: list[str]) -> None:
    """R3: the first 15 digits, filled up with zeros; and how many there are."""
    digits = digits_of(numbers)
    assert digits.aligned.tolist() == [int(each[:LONGEST_E164].ljust(LONGEST_E164, "0")) for each in numbers]
    assert digits.length.tolist() == [len(each) for each in numbers]


@given(st.lists(st.one_of(ASCII, st.text(max_size=6), DIGITS.map(lambda digits: f"+{digits}")), max_size=8))
def test_many_numbers_are_normalised_as_each_is(texts: list[str]) -> None:
    """R3: whatever stands in them."""
    assert normalised(texts).tolist() == [normalise(each) for each in texts]


@given(st.lists(st.one_of(st.integers(-5, 5), st.integers(-(2**40), 2**40)), max_size=8))
def test_distinct_codes_are_those_of_the_rows(codes: list[int]) -> None:
    """R9: what many rows share is written once, and each row has its own."""
    found, places = distinct(np.array(codes, dtype=np.int64))
    assert found.tolist() == sorted(set(codes))
    assert found[places].tolist() == codes
