"""Phone numbers as they are typed."""

from __future__ import annotations

import pytest

from customers.domain.values import normalise_number, read_contact_numbers


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("020 7946 0123", "+442079460123"),
        ("+44 (0)20 7946 0123", "+442079460123"),
        ("(020) 7946-0123", "+442079460123"),
        ("0044 20 7946 0123", "+442079460123"),
        ("442079460123", "+442079460123"),
        ("2079460123", "+442079460123"),
        ("07700 900123", "+447700900123"),
        ("447700900123", "+447700900123"),
        ("01632 960123", "+441632960123"),
        ("0808 157 0123", "+448081570123"),
        ("0909 8790123", "+449098790123"),
        ("+1 202 555 0143", "+12025550143"),
        ("tel:+44-20-7946-0123", "+442079460123"),
        ("020\u00a07946\u20110123", "+442079460123"),
        ("\u202a+44 20 7946 0123\u202c", "+442079460123"),
        ("０２０ ７９４６ ０１２３", "+442079460123"),
    ],
)
def test_a_number_is_kept_in_e164_however_it_is_typed(typed: str, kept: str) -> None:
    assert normalise_number(typed) == kept


@pytest.mark.parametrize(("typed", "kept"), [("101", "101"), ("118 118", "118118"), ("18000", "18000"), ("195", "195")])
def test_a_short_code_that_the_library_calls_invalid_is_kept_as_its_digits(typed: str, kept: str) -> None:
    assert normalise_number(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "12", "+", "ext 4", "0207 FLOWERS", "020 7946 0123 x4", "1" * 18, "٣٤٥٦٧٨٩",
     "020 7946 0123\u200b0", "<b>020</b>", "0" * 10_000, " " * 10_000, "\x07"],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_words(typed: str) -> None:
    with pytest.raises(ValueError, match="is not a phone number"):
        normalise_number(typed)


def test_normalising_twice_changes_nothing() -> None:
    for typed in ("020 7946 0123", "101", "118118", "+1 202 555 0143", "07700 900123"):
        once = normalise_number(typed)
        assert normalise_number(once) == once


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("020 7946 0123, 07700 900123", ("+442079460123", "+447700900123")),
        ("020 7946 0123; 07700 900123\n01632 960123", ("+442079460123", "+447700900123", "+441632960123")),
        ("020 7946 0123 / 07700 900123", ("+442079460123", "+447700900123")),
        (["020 7946 0123 ext. 4", "0207 946 0124 x12"], ("+442079460123 ext. 4", "+442079460124 ext. 12")),
        ("020 7946 0123, ext 4", ("+442079460123 ext. 4",)),
        ("020 7946 0123 #4", ("+442079460123 ext. 4",)),
        (["020 7946 0123", "+44 20 7946 0123"], ("+442079460123",)),
        ("+1 202 555 0143", ("+12025550143",)),
        ("", ()),
    ],
)
def test_contact_numbers_are_normalised_and_kept_once(typed: str | list[str], kept: tuple[str, ...]) -> None:
    """C1: the same again changes nothing."""
    assert read_contact_numbers(typed) == kept
    assert read_contact_numbers(kept) == kept


def test_each_contact_number_that_is_none_is_named() -> None:
    """C1"""
    with pytest.raises(ValueError, match=r"'Ann' is not a phone number.*'12' is not a phone number") as refused:
        read_contact_numbers("Ann, 020 7946 0123, 12")
    assert "7946" not in str(refused.value)


def test_a_very_long_text_is_refused_at_once() -> None:
    for hostile in ("020 " * 5_000, " x" * 5_000, "," * 10_000 + "a", "#" * 10_000):
        with pytest.raises(ValueError, match="is not a phone number"):
            read_contact_numbers(hostile)
