"""Names, addresses and emails that are plainly invented."""

from __future__ import annotations

from random import Random
from typing import Any

_MANNERS = (
    "Wobbling",
    "Humming",
    "Striped",
    "Patient",
    "Upside-Down",
    "Singing",
    "Velvet",
    "Hopping",
    "Polite",
    "Dozing",
)
_THINGS = (
    "Teapot",
    "Marmalade",
    "Umbrella",
    "Walrus",
    "Turnip",
    "Lantern",
    "Biscuit",
    "Gargoyle",
    "Puddle",
    "Trombone",
)
_TRADES = ("Repairs", "Outfitters", "Logistics", "Theatre", "Bakery", "Surveyors", "Laundry", "Archives")
_FORENAMES = ("Ada", "Bram", "Cleo", "Dewi", "Etta", "Finn", "Greer", "Hugo", "Ines", "Jory", "Kit", "Lowri")
_SURNAMES = ("Exampleby", "Sampleton", "Placeholder-Hill", "Demonstrand", "Testerfield", "Mockingham", "Inventson")
_STREETS = ("Imaginary Row", "Example Street", "Nowhere Lane", "Placeholder Avenue", "Fictional Mews")
_TOWNS = ("Sampleford", "Exampleton", "Mockbury", "Testwick", "Inventham")


def company(random: Random, index: int) -> dict[str, Any]:
    """Name and contact fields of a business customer."""
    name = f"{random.choice(_MANNERS)} {random.choice(_THINGS)} {random.choice(_TRADES)} Ltd (No {index})"
    return {
        "name": name,
        "company_name": name,
        "billing_address": address(random),
        "emails": [f"accounts@customer{index:06d}.example.com"],
        "vat_number": _vat_number(index),
    }


def _vat_number(index: int) -> str:
    """A number of a series that is not given out, with the check digits that every number has (modulus 97)."""
    digits = f"99{index % 100_000:05d}"
    weighed = sum(weight * int(digit) for weight, digit in zip(range(8, 1, -1), digits, strict=True))
    return f"GB {digits[:3]} {digits[3:]} {97 - weighed % 97:02d}"


def household(random: Random, index: int) -> dict[str, Any]:
    """Name and contact fields of a home customer."""
    return {
        "name": f"{random.choice(_FORENAMES)} {random.choice(_SURNAMES)}",
        "billing_address": address(random),
        "emails": [f"home{index:06d}@example.org"],
    }


def address(random: Random) -> dict[str, Any]:
    """An address in towns that are not, with a postcode of an area that is not."""
    postcode = f"ZZ{random.randint(1, 20)} {random.randint(1, 9)}{random.choice('ABDE')}{random.choice('FGHJ')}"
    lines = [f"{random.randint(1, 120)} {random.choice(_STREETS)}", random.choice(_TOWNS)]
    return {"lines": lines, "postcode": postcode, "country": "GB"}
