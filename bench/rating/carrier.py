"""An invented carrier: its rate deck, and the numbers that calls are charged to and made to.

Numbers of customers are +44 10..., an area that has never been given out; those of nobody are +44 11... likewise.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bench.rating.options import Sizes

COUNTRIES = (
    *("1", "7", "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48"),
    *("49", "51", "52", "54", "55", "56", "57", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86"),
    *("90", "91", "92", "94", "98", "212", "213", "216", "220", "233", "234", "254", "255", "256", "263", "351"),
    *("352", "353", "354", "356", "357", "358", "359", "370", "371", "372", "380", "385", "386", "420", "421", "852"),
    *("880", "886", "961", "962", "965", "966", "971", "972", "974", "977", "992", "994", "995", "998"),
)
HOME = "44"
CLASSES = ("UK National", "UK Mobile", *(f"International {zone}" for zone in range(1, 31)))
CLASS_RATES = ("Inbound", "SMS", "Data")
STANDARD, BUSINESS, LEAN = "standard", "business", "lean"
TARIFFS = (STANDARD, BUSINESS, LEAN)
"""The default one; one of a tenth of its prefixes that inherits the rest from it; one like that without a parent and
without a rate for messages, which are charged by markup.
"""
_BANDS = ("peak", "offpeak", "weekend")
_STEPS = ((1, 1), (60, 60), (60, 1), (30, 6), (6, 6))
_MICRO_A_MINUTE = (4_000, 450_000)
_MOST_DIGITS = 6
_HOME_SHARE, _BANDS_SHARE = 0.15, 0.1
_STRIDE, _NUMBERS = 61_803_399, 10**8
_POPULAR = 2_000
"""Prefixes that half of the calls are made to."""

Rate = tuple[str, str, str, int, int, int, int, int, int | None, int]
"""prefix, call_class, band, price_micro, connection_micro, initial, step, minimum_micro, maximum_micro, free"""


def number_of(number_id: int) -> str:
    """The number with an id, digits of E.164; different for every id up to a hundred million."""
    return f"4410{number_id * _STRIDE % _NUMBERS:08d}"


def nobodys_number(number: int) -> str:
    """A number that nobody has, digits of E.164."""
    return f"4411{number % _NUMBERS:08d}"


NUMBER_SQL = f"'4410' || lpad((i * {_STRIDE} %% {_NUMBERS})::text, 8, '0')"
"""`number_of`, of the number_id `i`, in a statement with placeholders."""


@dataclass(frozen=True)
class Carrier:
    """A carrier of these sizes; the same for the same seed."""

    sizes: Sizes
    seed: int

    @cached_property
    def prefixes(self) -> list[str]:
        """Different prefixes: all country codes, and behind them random digits, so that every number has a rate."""
        chance = random.Random(f"{self.seed} prefixes")
        found = dict.fromkeys(COUNTRIES)
        while len(found) < self.sizes.prefixes:
            country = HOME if chance.random() < _HOME_SHARE else chance.choice(COUNTRIES)
            digits = chance.randint(2, _MOST_DIGITS)
            found[f"{country}{chance.randrange(10**digits):0{digits}d}"] = None
        return list(found)

    def rates(self, tariff: str) -> Iterator[Rate]:
        """The rates of a tariff."""
        chance = random.Random(f"{self.seed} {tariff}")
        for prefix in self.prefixes if tariff == STANDARD else self.prefixes[: self._of_a_small_tariff]:
            for band in _BANDS if chance.random() < _BANDS_SHARE else ("",):
                yield prefix, "", band, *_price(chance)
        for call_class in CLASS_RATES:
            if (tariff, call_class) != (LEAN, "SMS"):
                yield "", call_class, "", *_price(chance)

    @property
    def _of_a_small_tariff(self) -> int:
        return max(len(COUNTRIES), len(self.prefixes) // 10)

    def destinations(self) -> Iterator[tuple[str, str, str]]:
        """Prefix, name and call class: all country codes, and a tenth of the prefixes."""
        chance = random.Random(f"{self.seed} destinations")
        for place, prefix in enumerate(self.prefixes[: self._of_a_small_tariff]):
            at_home = prefix.startswith(HOME)
            yield prefix, f"Destination {place}", CLASSES[chance.randrange(2) if at_home else chance.randrange(2, 32)]

    def number_called(self, chance: random.Random) -> str:
        """A number that somebody calls, digits of E.164; half of the calls are to a few prefixes."""
        known = self.prefixes
        prefix = known[chance.randrange(min(_POPULAR, len(known)) if chance.random() < 0.5 else len(known))]
        digits = 12 - len(prefix)
        return f"{prefix}{chance.randrange(10**digits):0{digits}d}"


def _price(chance: random.Random) -> tuple[int, int, int, int, int, int | None, int]:
    initial, step = chance.choice(_STEPS)
    connection = chance.randrange(50_000) if chance.random() < 0.2 else 0
    minimum = 10_000 if chance.random() < 0.05 else 0
    maximum = 5_000_000 if chance.random() < 0.02 else None
    free = 3 if chance.random() < 0.01 else 0
    return chance.randint(*_MICRO_A_MINUTE), connection, initial, step, minimum, maximum, free
