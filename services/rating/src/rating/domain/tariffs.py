"""Tariffs and rates, and which rate of a tariff answers for a call (SPEC R5, R6, Z16)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

MEGABYTE_BYTES = 1_000_000
DEFAULT_ROUNDING_PLACES = 4


@dataclass(frozen=True, slots=True)
class Rate:
    """SPEC R6. Money in micro-pounds; `price` for a minute of voice, one message, or one megabyte of data.

    `initial`, `step` and `free` are seconds of voice, messages, or bytes. An empty band serves all bands.
    """

    price: int
    connection: int = 0
    initial: int = 1
    step: int = 1
    minimum: int = 0
    maximum: int | None = None
    free: int = 0
    band: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    rate_id: int = 0

    def answers(self, day: date, band: str) -> bool:
        """SPEC Z16: whether it takes part for a call on this local day and in this band."""
        if self.band and self.band != band:
            return False
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Tariff:
    """A tariff and its rates: by prefix (digits of E.164), and by call class where no prefix answers."""

    code: str
    by_prefix: Mapping[str, tuple[Rate, ...]] = field(default_factory=dict)
    by_class: Mapping[str, tuple[Rate, ...]] = field(default_factory=dict)
    rounding_places: int = DEFAULT_ROUNDING_PLACES
    megabyte_bytes: int = MEGABYTE_BYTES
    fallback_markup: Decimal | None = None
    longest_prefix: int = 15

    def rate_for(self, digits: str, call_class: str, band: str, day: date) -> tuple[str, Rate] | None:
        """SPEC R5 (1), Z16: the longest prefix that has a rate for the day and band, else the class rate.

        Args:
            digits: the number whose prefix is looked up; empty where prefixes do not count.

        Returns: the prefix (empty for a class rate) and the rate.
        """
        by_prefix = self.by_prefix
        for length in range(min(len(digits), self.longest_prefix), 0, -1):
            rates = by_prefix.get(digits[:length])
            if rates is not None and (rate := best_of(rates, day, band)) is not None:
                return digits[:length], rate
        rate = best_of(self.by_class.get(call_class, ()), day, band)
        return None if rate is None else ("", rate)


def best_of(rates: Iterable[Rate], day: date, band: str) -> Rate | None:
    """The rate that answers; one for the band before one for all, the one that began last before earlier ones."""
    answering = [rate for rate in rates if rate.answers(day, band)]
    if len(answering) < 2:
        return answering[0] if answering else None
    return max(answering, key=lambda rate: (rate.band != "", rate.valid_from or date.min))
