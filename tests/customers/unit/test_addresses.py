"""Addresses, countries, and texts of one line."""

from __future__ import annotations

import phonenumbers
import pytest

from contracts.customers import Address
from customers.domain.addresses import clean_address, clean_postcode, has_odd_postcode, split_lines
from customers.domain.countries import COUNTRIES, read_country
from customers.domain.texts import invisible, one_line, quoted


def test_an_address_loses_blank_lines() -> None:
    typed = Address(lines=(" 4 Mill Lane ", "", "Exampleton"), postcode=" zz99 9zz ")
    assert clean_address(typed) == Address(lines=("4 Mill Lane", "Exampleton"), postcode="ZZ99 9ZZ")


def test_lines_that_were_pasted_as_one_are_split() -> None:
    assert split_lines(["4 Mill Lane\r\nExampleton\n\n", "Testshire\u2028"]) == [
        "4 Mill Lane",
        "Exampleton",
        "Testshire",
    ]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("sw1a1aa", "SW1A 1AA"), ("SW1A  1AA", "SW1A 1AA"), ("s w1a1 aa", "SW1A 1AA"), ("m11ae", "M1 1AE"),
     ("cr2-6xh", "CR2 6XH"), ("dn551pt", "DN55 1PT"), ("bf1 2at", "BF1 2AT"), ("Ｍ１ １ＡＥ", "M1 1AE")],
)  # fmt: skip
def test_a_uk_postcode_gets_its_space_however_it_was_typed(typed: str, kept: str) -> None:
    """C1"""
    assert clean_postcode(typed, "GB") == kept
    assert not has_odd_postcode(Address(lines=("x",), postcode=kept))


@pytest.mark.parametrize("typed", ["SW1A 1A", "12345", "SW1A 1AAA", "1AA SW1A", "ǰǰ1 1ǰǰ"])
def test_another_shape_is_kept_and_odd_only_in_the_uk(typed: str) -> None:
    """C1: never refused: the customer knows where the post comes to."""
    kept = clean_postcode(typed, "GB")
    assert kept == typed.upper()
    assert has_odd_postcode(Address(postcode=kept))
    assert not has_odd_postcode(Address(postcode=kept, country="DE"))
    assert not has_odd_postcode(Address())


def test_a_foreign_postcode_is_left_as_it_is() -> None:
    assert clean_postcode("d02 x285", "IE") == "D02 X285"


@pytest.mark.parametrize(("typed", "kept"), [("gb", "GB"), (" ie ", "IE"), ("UK", "GB"), ("uk", "GB"), ("el", "GR")])
def test_a_country_is_its_two_letters(typed: str, kept: str) -> None:
    assert read_country(typed) == kept


@pytest.mark.parametrize("wrong", ["ZZ", "GBR", "Wales", "", "G", "1", "ǰ", "X" * 10_000])
def test_what_is_no_country_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not a country"):
        read_country(wrong)


def test_the_countries_are_those_that_can_be_rung() -> None:
    """Against another list: but for three codes of its own, and seven places without a plan of their own."""
    rung = set(phonenumbers.SUPPORTED_REGIONS)
    assert rung - COUNTRIES <= {"AC", "TA", "XK"}
    assert COUNTRIES - rung <= {"AQ", "BV", "GS", "HM", "PN", "TF", "UM"}
    assert len(COUNTRIES) == 249


@pytest.mark.parametrize(
    "lines", [["x" * 101], ["x"] * 11, ["4 Mill\x07 Lane"], ["\u200b"]], ids=["long", "many", "bell", "nothing seen"]
)
def test_what_cannot_be_printed_on_an_envelope_is_refused(lines: list[str]) -> None:
    with pytest.raises(ValueError, match=r"at most|control character U\+0007|nothing that can be seen"):
        clean_address(Address(lines=tuple(lines)))


SCRIPTS = (
    "Fenwick & Söhne", "Ελληνικά", "Кириллица", "עברית", "العربية", "हिन्दी", "বাংলা", "ไทย", "한국어", "日本語", "中文",
    "ქართული", "Հայերեն", "አማርኛ", "ᏣᎳᎩ", "𐌰𐌱𐌲", "👩\u200d👩\u200d👧 Ltd", "a\u0301\u0302\u0303", "\u202eabc\u202c",
    "<script>alert('x')</script>", "'; DROP TABLE customer; --", "=HYPERLINK(\"x\")", "{{7*7}} ${7*7} %s %n", "\\u0000",
    "O'Brien \"Quoted\" `x`", "¼ ½ ¾ ﷽", "ǅ ß ﬁ İ ı",
)  # fmt: skip


@pytest.mark.parametrize("text", SCRIPTS)
def test_every_script_and_mark_up_is_kept_letter_by_letter(text: str) -> None:
    assert one_line(text) == text


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\u2028b", "a\x85b", "a\tb", "\x1b[31mred", "a\x7f", "a\x08b"])
def test_control_characters_are_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"line break|control character U\+"):
        one_line(text)


@pytest.mark.parametrize("text", ["\u200b", "\u202e\u202c", "\ufeff \u00a0", "\u0301"])
def test_a_text_that_nobody_can_see_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="nothing that can be seen"):
        one_line(text)


def test_an_error_shows_what_cannot_be_seen() -> None:
    assert quoted("a\u200bb") == "'a<U+200B>b'"
    assert quoted("x" * 50) == f"'{'x' * 40}...'"
    assert invisible("a\u202eb") == "U+202E RIGHT-TO-LEFT OVERRIDE"
    assert invisible("a b") is None
