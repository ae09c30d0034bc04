"""Phone numbers that belong to nobody: the ranges that Ofcom keeps for drama, a thousand numbers each.

Beyond them (carriers of more than some 17,000 numbers) numbers behind real prefixes are made, for generated data only.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

GEOGRAPHIC = (
    "442079460",
    "441614960",
    "441214960",
    "441134960",
    "441144960",
    "441154960",
    "441164960",
    "441174960",
    "441184960",
    "441314960",
    "441414960",
    "441514960",
    "441914980",
    "442896496",
    "442920180",
    "441632960",
)
"""Digits of E.164 before the last three."""
MOBILE = "447700900"
FREEPHONE = "448081570"
PREMIUM = "449098790"
UK_WIDE = "443069990"
NON_GEOGRAPHIC = ("448440000", "448710000")
HOME_AREA = "441632960"
"""The area that the carrier's destination table calls local."""
DIRECTORY = ("118500", "118118")
SHORT_CODES = ("101", "105", "111", "112", "999")
WITHOUT_DESTINATION = ("888", "979")
"""Country codes that are in no table of the demo."""
RESERVED_MOBILES = 60
"""Mobiles at the end of the range that nobody on this carrier holds."""


def block(prefix: str) -> list[str]:
    """The thousand numbers behind a prefix, in E.164 without the plus sign."""
    return [f"{prefix}{last:03d}" for last in range(1000)]


def geographic_supply(random: Random) -> Iterator[str]:
    """Geographic numbers without end: the drama ranges mixed, then numbers behind a London prefix."""
    numbers = [number for prefix in GEOGRAPHIC for number in block(prefix)]
    random.shuffle(numbers)
    yield from numbers
    yield from (f"44203{number:07d}" for number in range(10_000_000))


def mobile_supply(random: Random) -> Iterator[str]:
    """Mobile numbers: the drama range less what is kept unheld, then numbers behind a real prefix."""
    numbers = block(MOBILE)[:-RESERVED_MOBILES]
    random.shuffle(numbers)
    yield from numbers
    yield from (f"44740{number:07d}" for number in range(10_000_000))


def freephone_supply(random: Random) -> Iterator[str]:
    """Freephone numbers: the drama range, then numbers behind a real prefix."""
    numbers = block(FREEPHONE)
    random.shuffle(numbers)
    yield from numbers
    yield from (f"44808{number:07d}" for number in range(2_000_000, 10_000_000))


def unheld() -> list[str]:
    """Numbers that no customer of any generated carrier holds."""
    return block(UK_WIDE) + block(MOBILE)[-RESERVED_MOBILES:]


def spellings(number: str) -> tuple[str, ...]:
    """The ways suppliers write a UK number given as digits of E.164; all mean the same."""
    national = f"0{number[2:]}"
    return (f"+{number}", national, f"00{number}", f"{national[:5]} {national[5:]}")
