"""Whose choice a tariff or a markup was, told from what is chosen now (SPEC C10, R5, Z16)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

MILLIONTHS = 10**6
NUMBER, CUSTOMER, TARIFF = "number", "customer", "tariff"
Said = Mapping[str, Any]
"""What a number or a customer says of its rating, as events tell it: tariff, class_tariffs, class_markups,
fallback_markup."""


def chooser_of_tariff(code: str, call_class: str, number: Said, customer: Said) -> str:
    """SPEC Z16: who chose the tariff: the first of number and customer that chooses any, if it is this one.

    Returns: "number", "customer", or empty for a default tariff and for a choice that is another by now.
    """
    for whose, said in ((NUMBER, number), (CUSTOMER, customer)):
        chosen = (said.get("class_tariffs") or {}).get(call_class) or said.get("tariff")
        if chosen:
            return whose if chosen == code else ""
    return ""


def chooser_of_markup(markup: int, call_class: str, number: Said, customer: Said) -> str:
    """SPEC R5 (2): whose markup for the class it was, given in millionths of a percent; empty where it is another."""
    told = [(whose, (said.get("class_markups") or {}).get(call_class)) for whose, said in _both(number, customer)]
    return _first_equal(markup, told)


def chooser_of_fallback(markup: int, tariff: Said, number: Said, customer: Said) -> str:
    """SPEC R5 (3), Z16: whose fallback markup it was, in millionths of a percent; empty where it is another now."""
    told = [(whose, said.get("fallback_markup")) for whose, said in ((TARIFF, tariff), *_both(number, customer))]
    return _first_equal(markup, told)


def _both(number: Said, customer: Said) -> tuple[tuple[str, Said], tuple[str, Said]]:
    return (NUMBER, number), (CUSTOMER, customer)


def _first_equal(markup: int, told: list[tuple[str, Any]]) -> str:
    for whose, percent in told:
        if percent is not None:
            return whose if Decimal(str(percent)) * MILLIONTHS == markup else ""
    return ""
