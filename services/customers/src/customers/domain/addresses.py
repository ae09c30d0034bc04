"""Postal addresses as they are typed (SPEC C1)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from contracts.customers import Address
from customers.domain.countries import read_country
from customers.domain.texts import one_line, pasted

ADDRESS_LINES = 10
LONGEST_LINE = 100
BRITISH_POSTCODES = frozenset({"GB", "GG", "IM", "JE"})
_BRITISH = re.compile(r"([A-Z]{1,2}\d[A-Z\d]?)(\d[A-Z]{2})")


def split_lines(given: Iterable[str]) -> list[str]:
    """The lines of an address, also where several were pasted as one."""
    return [line.strip() for text in given for line in re.split(r"[\r\n\u2028\u2029]+", text) if line.strip()]


def clean_address(address: Address) -> Address:
    """An address without blank lines; postcode and country in capitals, a UK postcode with its space.

    Raises:
        ValueError: there is no such country, or it has more than fits on an envelope, or what cannot be printed.
    """
    lines = tuple(map(one_line, split_lines(address.lines)))
    country = read_country(address.country)
    postcode = clean_postcode(one_line(address.postcode.strip()), country)
    if len(lines) > ADDRESS_LINES or any(len(part) > LONGEST_LINE for part in (*lines, postcode)):
        raise ValueError(f"an address has at most {ADDRESS_LINES} lines of at most {LONGEST_LINE} letters")
    return Address(lines=lines, postcode=postcode, country=country)


def clean_postcode(typed: str, country: str) -> str:
    """A postcode in capitals; a British one as `SW1A 1AA`, however it was spaced."""
    capitals = typed.upper()
    british = _british(pasted(capitals)) if country in BRITISH_POSTCODES else None
    return f"{british.group(1)} {british.group(2)}" if british else capitals


def has_odd_postcode(address: Address) -> bool:
    """Whether an address with British postcodes has one of another shape."""
    british = address.country in BRITISH_POSTCODES
    return bool(british and address.postcode and not _british(address.postcode))


def _british(postcode: str) -> re.Match[str] | None:
    return _BRITISH.fullmatch(re.sub(r"[ \-]", "", postcode))
