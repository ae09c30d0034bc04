"""Single values as they are typed: each function gives the clean value, or a ValueError that says what to type."""

from __future__ import annotations

import re
from collections.abc import Iterable

import phonenumbers
from phonenumbers import PhoneNumberFormat, ValidationResult

from customers.domain.texts import pasted, quoted

HOME_REGION = "GB"
LONGEST_NUMBER = 15
"""Digits, by E.164."""
SHORTEST_NUMBER = 3
LONGEST_CONTACT = 100
_TYPED_NUMBER = re.compile(r"\+?[\d\s().\-/]+", re.ASCII)
_BETWEEN_CONTACTS = re.compile(r"[;|\r\n\u2028\u2029]|,(?!\s*(?:ext|x))|\s/\s", re.IGNORECASE)
_EXTENSION = re.compile(r"(.*?)[\s,;]*(?:ext(?:ension|n)?\.?|x|#)\s*(\d{1,8})", re.ASCII | re.IGNORECASE | re.DOTALL)


def normalise_number(typed: str) -> str:
    """A phone number as it is kept: E.164 with the plus sign, read as a UK number where no country is given.

    The library that knows the numbering plans also calls some UK short and service numbers invalid. Such a number is
    never refused: it is kept as its digits alone.

    Raises:
        ValueError: it is no phone number at all.
    """
    given, typed = typed, re.sub(r"^tel:", "", pasted(typed), flags=re.IGNORECASE)
    digits = re.sub(r"\D", "", typed)
    if not _TYPED_NUMBER.fullmatch(typed) or not SHORTEST_NUMBER <= len(digits) <= LONGEST_NUMBER + 2:
        raise ValueError(f"{quoted(given)} is not a phone number: give {SHORTEST_NUMBER} to {LONGEST_NUMBER} digits")
    known = _known_plan(typed, digits)
    if known is not None:
        return known
    return f"+{digits}" if typed.startswith("+") else digits


def _known_plan(typed: str, digits: str) -> str | None:
    """The number in E.164, where it has the length of one, and is valid or was typed with its prefix."""
    try:
        number = phonenumbers.parse(typed, HOME_REGION)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    with_country = digits.startswith(str(number.country_code)) and len(digits) > 10
    if typed.startswith(("+", "0", "(0")) or with_country or phonenumbers.is_valid_number(number):
        return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))
    return None


def read_contact_numbers(typed: str | Iterable[str]) -> tuple[str, ...]:
    """Numbers that a customer is rung on, each once: normalised as `normalise_number` does, with ` ext. 12` behind.

    Args:
        typed: one text with commas, semicolons or line breaks, or a list of texts.

    Raises:
        ValueError: names each that is none.
    """
    kept: dict[str, None] = {}
    wrong: list[str] = []
    for text in [typed] if isinstance(typed, str) else typed:
        for part in filter(None, map(str.strip, _BETWEEN_CONTACTS.split(text))):
            try:
                kept[_contact_number(part)] = None
            except ValueError as error:
                wrong.append(str(error))
    if wrong:
        raise ValueError("; ".join(wrong[:5]) + ". Names belong in the notes")
    return tuple(kept)


def _contact_number(typed: str) -> str:
    extended = _EXTENSION.fullmatch(pasted(typed)) if len(typed) <= LONGEST_CONTACT else None
    if extended:
        return f"{normalise_number(extended.group(1))} ext. {extended.group(2)}"
    return normalise_number(typed)
