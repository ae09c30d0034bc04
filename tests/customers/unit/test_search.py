"""How names and numbers are compared when they are searched."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as some

from contracts.customers import StatusPeriod
from customers.domain.customers import Customer, Details
from customers.domain.finding import read_digits, read_wanted
from customers.domain.listing import NO_LIMIT, listed
from customers.domain.search import (
    LONGEST_KEY,
    document_of,
    errors_between,
    key_of,
    mistyped,
    nearest,
    needed_words,
    variants_of,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("O'Brien & Sons  Ltd.", "obrien and sons ltd"),
        ("O’Brien", "obrien"),
        ("Smith-Jones", "smith jones"),
        ("A.B.C. (North)", "a b c north"),
        ("Groß & Straße", "gross and strasse"),
        ("Łukasz Żółć", "lukasz zolc"),
        ("İstanbul ışık", "istanbul isik"),
        ("Søren Ærø Þór Đorđe", "soren aero thor dorde"),
        ("Jörg Müller", "jorg muller"),
        ("ΟΔΥΣΣΕΎΣ Οδυσσεύς", "οδυσσευσ οδυσσευσ"),
        ("Ёлкин Й", "елкин и"),
        ("李小龍 ﾃｽﾄ", "李小龍 テスト"),
        ("מַזָּל", "מזל"),
        ("هاتف ٣٤", "هاتف 34"),
        ("हिन्दी", "हनद"),
        ("ﬁne ½ Ｆｕｌｌ", "fine 1 2 full"),
        ("zero\u200bwidth soft\u00adhyphen", "zerowidth softhyphen"),
        ("100% _under\\score_ \x00 🙂", "100 under score"),
        ("  \t\n ", ""),
    ],
)
def test_case_accents_punctuation_and_spacing_do_not_matter(text: str, words: str) -> None:
    """F1"""
    assert " ".join(words_of(text)) == words


def test_composed_and_decomposed_letters_are_alike() -> None:
    """F1: the same name from two keyboards."""
    assert words_of("e\u0301lan") == words_of("\u00e9lan") == ("elan",)
    assert words_of("한국") == words_of("\u1112\u1161\u11ab\u1100\u116e\u11a8")


def test_a_key_fits_an_index_whatever_it_is_made_of() -> None:
    """F1: some letters stand for eighteen."""
    assert len(key_of("\ufdfa" * 300).encode()) <= 4 * LONGEST_KEY


def test_legal_forms_are_needed_only_where_there_is_nothing_else() -> None:
    """F1: "Brightwater Limited" finds "Brightwater Ltd"."""
    assert needed_words(("brightwater", "limited")) == ("brightwater",)
    assert needed_words(("the", "limited", "company")) == ("the", "limited", "company")


@given(some.text(min_size=1, max_size=40), some.data())
def test_any_part_of_a_name_is_a_part_of_its_document(name: str, data: some.DataObject) -> None:
    """F1: any part, of any script."""
    begin = data.draw(some.integers(0, len(name) - 1))
    end = data.draw(some.integers(begin + 1, len(name)))
    assert "".join(words_of(name[begin:end])) in document_of(name, "Brightwater")


@given(some.text(some.characters(categories=["Ll"]), min_size=3, max_size=12), some.data())
def test_a_word_with_one_typing_error_has_a_variant_in_common_with_it(word: str, data: some.DataObject) -> None:
    """F1: so it is found by equality."""
    at = data.draw(some.integers(0, len(word) - 1))
    head, letter, tail = word[:at], word[at], word[at + 1 :]
    typed = data.draw(
        some.sampled_from(
            [head + tail, head + letter + letter + tail, head + "q" + tail, head + tail[:1] + letter + tail[1:]]
        )
    )
    assert set(variants_of(word)) & set(variants_of(typed))
    assert errors_between(word, typed) <= 1
    assert all(-(2**31) <= variant < 2**31 for variant in variants_of(word))


@pytest.mark.parametrize(
    ("one", "other", "errors"),
    [
        ("smith", "smiht", 1),
        ("smith", "smth", 1),
        ("smith", "ssmith", 1),
        ("smith", "smyth", 1),
        ("ab", "ba", 1),
        ("brightwater", "brihgtwatr", 2),
        ("", "abc", 3),
        ("smith", "smith", 0),
        ("jones", "smith", 5),
    ],
)
def test_errors_are_counted_as_a_typist_makes_them(one: str, other: str, errors: int) -> None:
    """F1: a swap is one error."""
    assert errors_between(one, other) == errors_between(other, one) == errors


def test_the_nearest_words_are_those_with_the_fewest_errors() -> None:
    """F1: two errors only in long words, and only where no word has fewer."""
    assert nearest("smiht", ["smith", "smit", "smart", "jones"], 8) == ["smit", "smith"]
    assert nearest("brihgtwatr", ["brightwater", "bright"], 8) == ["brightwater"]
    assert nearest("jhno", ["jones"], 8) == []
    assert nearest("abc", [], 8) == []


def test_what_one_wrong_character_may_have_been_meant_for() -> None:
    """F1: for account numbers and phone numbers."""
    meant = mistyped("f12", "0123456789f")
    assert {"f21", "f1", "f2", "12", "f112", "f13", "0f12", "f120"} <= set(meant)
    assert "f12" not in meant


@pytest.mark.parametrize(
    ("typed", "starts"),
    [
        ("020 7946 0123", ["442079460123"]),
        ("+44 20 7946 0123", ["442079460123"]),
        ("0044 (0)20 7946 0123", ["442079460123"]),
        ("+44 (0)20 7946", ["44207946"]),
        ("+1 202 555 0123", ["12025550123"]),
        ("7946", ["7946", "447946"]),
        ("00", None),
        ("0", ["44"]),
        ("+", None),
        ("12a", None),
        ("١٢٣", None),
        ("1" * 30, None),
        ("", None),
    ],
)
def test_digits_are_read_in_any_spelling(typed: str, starts: list[str] | None) -> None:
    """F1: numbers are kept with the country's code."""
    digits = read_digits(typed)
    assert (list(digits.starts) if digits and digits.starts else None) == starts


@given(some.text(max_size=300))
def test_anything_can_be_read(typed: str) -> None:
    """F1: whatever is typed, only letters, digits and spaces are left."""
    wanted = read_wanted(typed)
    assert all(letter.isalnum() or ord(letter) > 127 for word in (*wanted.words, wanted.key) for letter in word)
    assert len(wanted.key) <= LONGEST_KEY


def test_a_planned_change_ends_the_status_of_today_the_day_before() -> None:
    """C8: so that the search knows when to look again."""
    history = tuple(
        StatusPeriod(status=code, effective_from=day)
        for code, day in (("active", date(2025, 1, 1)), ("final_bill", date(2025, 3, 1)), ("dropped", date(2025, 4, 1)))
    )
    customer = Customer(7, 1, "F-7", Details("Ann"), history)
    row = listed(customer, date(2025, 2, 1))
    assert (row.status, row.status_until, row.account_key, row.credit_limit) == (
        "active",
        date(2025, 2, 28),
        "f7",
        NO_LIMIT,
    )
    row = listed(customer, date(2025, 4, 1))
    assert (row.status, row.status_until) == ("dropped", None)
