"""VAT registration numbers (SPEC C1, I7): check digits by country, where the country's rule is known."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

from stdnum.exceptions import InvalidChecksum, InvalidLength, ValidationError
from stdnum.util import get_cc_module

from customers.domain.countries import COUNTRIES
from customers.domain.texts import invisible, pasted, quoted

EXAMPLE = "GB 999 9999 73"
BRITISH = ("GB", "XI")
"""Numbers of HMRC: of Great Britain (the Isle of Man too), and of Northern Ireland for trade with the EU."""
_EUROPEAN = "AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EUROPEAN = frozenset(_EUROPEAN.split())
_OTHER_PREFIXES = {"GR": "EL"}
_STRICT = EUROPEAN | {*BRITISH, "CH", "NO"}
"""Countries whose numbers are refused when their check fails; of others it is a warning."""
_SHAPE = re.compile(r"[0-9A-Z+*&]{2,20}")
_GOVERNMENT = re.compile(r"(GD|HA)\d{3}")


def read_vat_number(typed: str) -> str:
    """A VAT number as it is kept: its country's two letters and the number, British ones in groups (GB 999 9999 73).

    Without letters in front it is read as a British one.

    Raises:
        ValueError: its check digits are wrong, or it has no shape that a VAT number has.
    """
    compact = re.sub(r"[\s.\-/]", "", pasted(typed).upper())
    if not compact:
        return ""
    if invisible(compact) or not _SHAPE.fullmatch(compact) or not re.search(r"\d", compact):
        raise ValueError(f"{quoted(typed)} is not a VAT number: give for example {EXAMPLE}")
    country, number = _parts(compact, typed)
    if country in _STRICT:
        why = _fault(country, number)
        if why:
            raise ValueError(f"{quoted(typed)} {why}")
    return _shown(country, number)


def vat_number_doubts(kept: str) -> tuple[str, ...]:
    """What to think of about a VAT number that was taken."""
    if not kept:
        return ()
    country, number = kept[:2], kept[2:].replace(" ", "")
    if country in BRITISH and _GOVERNMENT.fullmatch(number):
        return (f"{kept} is a number of a government department or health authority: it has no check digits",)
    if country in _STRICT:
        return ()
    if _module(country) is None:
        return (f"{kept}: numbers of {country} cannot be checked here: compare it with the customer's letter",)
    why = _fault(country, number)
    return (f"{kept} {why}: compare it with the customer's letter",) if why else ()


def country_of(kept: str) -> str:
    """The country of a VAT number that was taken, as in an address; empty where it has no one country."""
    prefix = {"EL": "GR", "XI": "GB"}.get(kept[:2], kept[:2])
    return prefix if prefix in COUNTRIES else ""


def _parts(compact: str, typed: str) -> tuple[str, str]:
    """Country and number. Raises ValueError: the letters in front are no country's."""
    if _GOVERNMENT.fullmatch(compact) or compact[0].isdigit():
        return "GB", compact
    country = _OTHER_PREFIXES.get(compact[:2], compact[:2])
    if country not in COUNTRIES | EUROPEAN | {"XI", "EU"}:
        raise ValueError(
            f"{quoted(typed)} does not begin with the two letters of a country: give for example {EXAMPLE}"
        )
    return country, compact[2:]


def _fault(country: str, number: str) -> str:
    """What is wrong with a number by its country's rule; empty where nothing is, or no rule is known."""
    module: Any = _module(country)
    if module is None:
        return ""
    fault: ValidationError | None = None
    for spelling in (number, f"{country}{number}"):
        try:
            module.validate(spelling)
        except ValidationError as error:
            fault = fault or error
        else:
            return ""
    of = "a British VAT number" if country in BRITISH else f"a VAT number of {country}"
    if isinstance(fault, InvalidChecksum):
        return f"cannot be {of}: its check digits are wrong, so a digit was mistyped or two were swapped"
    if isinstance(fault, InvalidLength):
        return f"cannot be {of}: it is too long or too short{_hint(country)}"
    return f"cannot be {of}: it has not the form of one{_hint(country)}"


def _hint(country: str) -> str:
    if country not in BRITISH:
        return ""
    return f"; give for example {EXAMPLE}, and of another country its two letters in front"


def _module(country: str) -> ModuleType | None:
    """The rule of a country; None where it is not known."""
    code = {"EL": "gr", "XI": "gb", "EU": "eu"}.get(country, country.lower())
    return get_cc_module(code, "vat")  # type: ignore[return-value]


def _shown(country: str, number: str) -> str:
    if country in BRITISH and number.isdigit():
        groups = (number[:3], number[3:7], number[7:9], number[9:])
        return " ".join(filter(None, (country, *groups)))
    return f"{country} {number}" if country in BRITISH else f"{country}{number}"
