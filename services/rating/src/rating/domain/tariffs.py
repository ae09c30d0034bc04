"""Rates in plain words (SPEC R5, R6, Z16); `rating.domain.decks` looks them up as columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

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
