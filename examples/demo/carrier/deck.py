"""The international rate deck: real-world prefixes out of the `phonenumbers` package, priced by a formula.

Prefixes: every country code (but +44 and the shared codes), every geographic prefix of up to `GEOGRAPHIC_DIGITS`
digits and every carrier's prefix, some 110,000.

Price per minute in micro-pounds = zone + 100 x ((sum of the prefix's digits x 7 + its length x 13) mod 97), and 22
tenths of that for a prefix of a (mobile) carrier. The zone goes by the first digit of the country code, see `ZONES`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.carrierdata import CARRIER_DATA
from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.geodata.locale import LOCALE_DATA

GEOGRAPHIC_DIGITS = 7
HOME_COUNTRY = "44"
SHARED_CODES = frozenset({"800", "808", "870", "878", "888", "979"})
ZONES = {
    "1": 9_000,
    "2": 140_000,
    "3": 24_000,
    "4": 22_000,
    "5": 65_000,
    "6": 70_000,
    "7": 50_000,
    "8": 55_000,
    "9": 60_000,
}
"""Micro-pounds a minute by the first digit of the country code."""
NAMES = {"1": "North America", "7": "Russia and Kazakhstan", "247": "Ascension Island", "383": "Kosovo"}
"""Country codes that the package's country names do not fit."""
MICRO = 1_000_000


@dataclass(frozen=True)
class Destination:
    """A prefix in digits of E.164 and what it is called; `country` for a country code, `carrier` for a network."""

    prefix: str
    name: str
    country: bool
    carrier: bool


def destinations() -> Iterator[Destination]:
    """Every prefix of the deck, in order of the prefix."""
    countries = _countries()
    geographic = {prefix for prefix in GEOCODE_DATA if len(prefix) <= GEOGRAPHIC_DIGITS}
    for prefix in sorted(geographic | set(CARRIER_DATA) | set(countries)):
        country = _country_of(prefix, countries)
        if country is not None:
            yield _destination(prefix, countries[country])


def price_micro(destination: Destination) -> int:
    """Price per minute in micro-pounds, by the formula at the top."""
    digits = sum(map(int, destination.prefix))
    price = ZONES[destination.prefix[0]] + 100 * ((digits * 7 + len(destination.prefix) * 13) % 97)
    return price * 22 // 10 if destination.carrier else price


def pounds(micro: int) -> str:
    """Micro-pounds as a decimal string of six places."""
    return f"{micro // MICRO}.{micro % MICRO:06d}"


def _countries() -> dict[str, str]:
    codes = {str(code): regions[0] for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()}
    return {
        code: NAMES.get(code) or _country_name(region) or f"International +{code}"
        for code, region in codes.items()
        if code != HOME_COUNTRY and code not in SHARED_CODES
    }


def _country_name(region: str) -> str:
    """The package writes a name that equals another language's as `*` and that language."""
    names = LOCALE_DATA.get(region, {})
    name = names.get("en", "")
    return names.get(name[1:], "") if name.startswith("*") else name


def _country_of(prefix: str, countries: dict[str, str]) -> str | None:
    return next((prefix[:length] for length in (1, 2, 3) if prefix[:length] in countries), None)


def _destination(prefix: str, country: str) -> Destination:
    carrier = _english(CARRIER_DATA.get(prefix, {}))
    place = _english(GEOCODE_DATA.get(prefix, {}))
    if carrier:
        name = f"{country} Mobile {carrier}"
    elif place and place != country:
        name = f"{country} {place}"
    else:
        name = country
    return Destination(prefix, name[:100], country=len(prefix) <= 3 and not carrier, carrier=bool(carrier))


def _english(names: dict[str, str]) -> str:
    return names.get("en") or next(iter(names.values()), "")
