"""VAT registration numbers."""

from __future__ import annotations

import pytest

from customers.domain.vat_numbers import country_of, read_vat_number, vat_number_doubts


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("GB 999 9999 73", "GB 999 9999 73"),
        (" gb999999973 ", "GB 999 9999 73"),
        ("999 9999 73", "GB 999 9999 73"),
        ("GB-999.9999/73", "GB 999 9999 73"),
        ("GB999999973001", "GB 999 9999 73 001"),
        ("ＧＢ９９９９９９９７３", "GB 999 9999 73"),
        ("\u200eGB\u00a0999\u20119999\u201173\u200e", "GB 999 9999 73"),
        ("XI 999 9999 73", "XI 999 9999 73"),
        ("GBGD001", "GB GD001"),
        ("ha599", "GB HA599"),
        ("IE 6388047V", "IE6388047V"),
        ("de 136 695 976", "DE136695976"),
        ("FR 61 954 506 077", "FR61954506077"),
        ("NL 0044.95.445.B01", "NL004495445B01"),
        ("EL 094259216", "EL094259216"),
        ("GR 094259216", "EL094259216"),
        ("CHE-107.787.577 IVA", "CHE107787577IVA"),
        ("NO 995 525 828 MVA", "NO995525828MVA"),
        ("AU 51 824 753 556", "AU51824753556"),
        ("US 12-3456789", "US123456789"),
        ("", ""),
        (" - ", ""),
    ],
)
def test_a_vat_number_is_kept_with_its_country(typed: str, kept: str) -> None:
    """C1, I7: the same again changes nothing."""
    assert read_vat_number(typed) == kept
    assert read_vat_number(kept) == kept


@pytest.mark.parametrize(
    "typed", ["GB 999 9999 74", "999 9999 37", "XI 100 9999 73", "DE136695977", "NO 995 525 829 MVA"]
)
def test_wrong_check_digits_are_said_to_be_wrong(typed: str) -> None:
    """C1"""
    with pytest.raises(ValueError, match="its check digits are wrong"):
        read_vat_number(typed)


@pytest.mark.parametrize(
    "typed",
    ["not one", "GB", "GB12", "12", "GB 999 9999 7", "GBGD600", "GBHA100", "ZZ 123456", "GB 99O 9999 73", "x" * 200,
     "GB 999 9999 73; DE136695976", "999\u200b999973", "GB ٩٩٩٩٩٩٩٧٣", "<b>", "=1+1", "9\x079", "مرحبا", "1" * 10_000],
)  # fmt: skip
def test_what_has_no_shape_of_a_vat_number_is_refused(typed: str) -> None:
    """C1"""
    with pytest.raises(ValueError, match=r"VAT number|two letters of a country"):
        read_vat_number(typed)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("GBGD001", "no check digits"),
        ("US123456789", "cannot be checked here"),
        ("AU51824753557", "check digits are wrong"),
        ("GB 999 9999 73", None),
        ("DE136695976", None),
        ("", None),
    ],
)
def test_what_cannot_be_checked_is_kept_and_warned_of(typed: str, words: str | None) -> None:
    """C1: a customer's true number must never be refused for our not knowing its country's rule."""
    doubts = vat_number_doubts(read_vat_number(typed))
    assert bool(doubts) == bool(words)
    assert all(words in doubt for doubt in doubts if words)


def test_a_number_has_the_country_of_an_address() -> None:
    kept = [read_vat_number(typed) for typed in ("GB999999973", "XI999999973", "EL094259216", "DE136695976", "")]
    assert [country_of(each) for each in kept] == ["GB", "GB", "GR", "DE", ""]
