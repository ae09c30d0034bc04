"""Single values as they are typed: each function gives the clean value, or a ValueError that says what to type."""

from __future__ import annotations

import re
from collections.abc import Iterable

import phonenumbers
from phonenumbers import PhoneNumberFormat, ValidationResult

from contracts.customers import Address, PaymentTerms
from money.terms import check_terms

HOME_REGION = "GB"
LONGEST_NUMBER = 15
"""Digits, by E.164."""
SHORTEST_NUMBER = 3
ADDRESS_LINES = 10
LONGEST_LINE = 100
_TYPED_NUMBER = re.compile(r"\+?[\d\s().\-/]+", re.ASCII)
_SEPARATORS = re.compile(r"[,;\n]")
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_EMAIL = re.compile(rf"[^\s@,;:<>()\[\]\"\\]{{1,64}}@(?:{_LABEL}\.)+{_LABEL}")
_VAT_NUMBER = re.compile(r"(?=.*\d)[A-Z]{0,2}[0-9A-Z+*]{5,13}")


def normalise_number(typed: str) -> str:
    """A phone number as it is kept: E.164 with the plus sign, read as a UK number where no country is given.

    The library that knows the numbering plans also calls some UK short and service numbers invalid. Such a number is
    never refused: it is kept as its digits alone.

    Raises:
        ValueError: it is no phone number at all.
    """
    typed = typed.strip()
    digits = re.sub(r"\D", "", typed)
    if not _TYPED_NUMBER.fullmatch(typed) or not SHORTEST_NUMBER <= len(digits) <= LONGEST_NUMBER + 2:
        raise ValueError(f"'{typed[:40]}' is not a phone number: give {SHORTEST_NUMBER} to {LONGEST_NUMBER} digits")
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


def split_list(given: str | Iterable[str]) -> tuple[str, ...]:
    """Several values, given as a list or as one text with commas (SPEC C1); blank ones are left out."""
    parts = _SEPARATORS.split(given) if isinstance(given, str) else given
    return tuple(part.strip() for part in parts if part.strip())


def check_emails(emails: Iterable[str]) -> tuple[str, ...]:
    """Addresses that can be written to, each once.

    Raises:
        ValueError: names each that cannot.
    """
    kept: dict[str, str] = {}
    for email in emails:
        kept.setdefault(email.casefold(), email)
    wrong = [email for email in kept.values() if not _is_email(email)]
    if wrong:
        told = ", ".join(f"'{email}'" for email in wrong)
        raise ValueError(f"{told}: not an email address, give for example accounts@brightwater.example")
    return tuple(kept.values())


def _is_email(email: str) -> bool:
    local = email.partition("@")[0]
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    return len(email) <= 254 and not dots and _EMAIL.fullmatch(email) is not None


def check_vat_number(typed: str) -> str:
    """A VAT number in capitals; its shape is looked at, not whether it was ever given out.

    Raises:
        ValueError: it cannot be one.
    """
    shown = " ".join(typed.upper().split())
    if shown and not _VAT_NUMBER.fullmatch(re.sub(r"[ .\-]", "", shown)):
        raise ValueError(f"'{shown[:40]}' is not a VAT number: give for example GB 999 9999 73")
    return shown


def check_payment_terms(terms: PaymentTerms) -> PaymentTerms:
    """SPEC C6, Z15. Raises ValueError: says which values the kind takes."""
    check_terms(terms.kind, terms.value)
    return terms


def clean_address(address: Address) -> Address:
    """An address without blank lines; the postcode in capitals.

    Raises:
        ValueError: it has more than fits on an envelope.
    """
    lines = tuple(line.strip() for line in address.lines if line.strip())
    postcode = address.postcode.strip().upper()
    if len(lines) > ADDRESS_LINES or any(len(part) > LONGEST_LINE for part in (*lines, postcode)):
        raise ValueError(f"an address has at most {ADDRESS_LINES} lines of at most {LONGEST_LINE} letters")
    return address.model_copy(update={"lines": lines, "postcode": postcode})
