"""Whose choice a tariff or a markup was (SPEC R5, R9, Z16)."""

from __future__ import annotations

from typing import Any

import pytest

from rating.domain.choosers import chooser_of_fallback, chooser_of_markup, chooser_of_tariff


@pytest.mark.parametrize(
    ("number", "customer", "whose"),
    [
        ({"tariff": "A"}, {"tariff": "A"}, "number"),
        ({"class_tariffs": {"Mobile": "A"}, "tariff": "B"}, {}, "number"),
        ({"class_tariffs": {"National": "B"}}, {"tariff": "A"}, "customer"),
        ({"tariff": "B"}, {"tariff": "A"}, ""),
        ({}, {"class_tariffs": {"Mobile": "B"}, "tariff": "A"}, ""),
        ({}, {}, ""),
    ],
)
def test_the_first_that_chooses_a_tariff_chose_it(number: dict[str, Any], customer: dict[str, Any], whose: str) -> None:
    """Z16: the number's for the class, else the number's, else the customer's likewise, else the default."""
    assert chooser_of_tariff("A", "Mobile", number, customer) == whose


@pytest.mark.parametrize(
    ("number", "customer", "whose"),
    [
        ({"class_markups": {"Mobile": "12.5"}}, {}, "number"),
        ({"class_markups": {"National": "12.5"}}, {"class_markups": {"Mobile": "12.50"}}, "customer"),
        ({"class_markups": {"Mobile": "10"}}, {"class_markups": {"Mobile": "12.5"}}, ""),
        ({"class_markups": None}, {}, ""),
    ],
)
def test_a_markup_is_the_numbers_before_the_customers(
    number: dict[str, Any], customer: dict[str, Any], whose: str
) -> None:
    """R5 (2): per-class markup of the number, else of the customer; one that is another now is nobody's."""
    assert chooser_of_markup(12_500_000, "Mobile", number, customer) == whose


def test_a_fallback_markup_is_the_tariffs_then_the_numbers_then_the_customers() -> None:
    """R5 (3), Z16: of the chosen tariff, else the number, else the customer."""
    ten, five = {"fallback_markup": "10"}, {"fallback_markup": "5"}
    nothing: dict[str, Any] = {"fallback_markup": None}
    assert chooser_of_fallback(10_000_000, ten, five, five) == "tariff"
    assert chooser_of_fallback(10_000_000, nothing, ten, five) == "number"
    assert chooser_of_fallback(10_000_000, nothing, {}, ten) == "customer"
    assert chooser_of_fallback(10_000_000, five, ten, ten) == ""
