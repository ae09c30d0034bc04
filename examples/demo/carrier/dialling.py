"""What is called: the kinds of traffic, their shares and costs, and the other parties, spelled as suppliers do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from random import Random

import numpy as np
import numpy.typing as npt
from examples.demo.carrier import phones
from examples.demo.carrier.calls import DATA, SMS, VOICE_IN, VOICE_OUT

INTERNATIONAL_PREFIXES = 4_000
INTERNATIONAL_DIGITS = 12
"""Length of the generated international numbers: behind the prefix zeros, then three digits."""


class Traffic(IntEnum):
    """Kinds of traffic."""

    LOCAL = 0
    NATIONAL = 1
    MOBILE = 2
    INTERNATIONAL = 3
    NON_GEOGRAPHIC = 4
    FREEPHONE = 5
    PREMIUM = 6
    DIRECTORY = 7
    SHORT_CODE = 8
    INBOUND = 9
    TEXT = 10
    SESSION = 11
    NOWHERE = 12


CALL_TYPES = tuple(
    {Traffic.INBOUND: VOICE_IN, Traffic.TEXT: SMS, Traffic.SESSION: DATA}.get(kind, VOICE_OUT) for kind in Traffic
)
COST_MICRO_PER_MINUTE = (3_000, 4_500, 11_000, 28_000, 40_000, 0, 700_000, 400_000, 0, 0, 0, 0, 90_000)
"""What the carrier pays its supplier, by kind of traffic."""
TEXT_COST_MICRO = 18_000
DATA_COST_MICRO_PER_MEGABYTE = 2_000

SHARES: dict[str, Sequence[int]] = {
    "northstar": (12, 29, 22, 9, 3, 3, 1, 1, 1, 19, 0, 0, 0),
    "skylark": (2, 12, 18, 4, 1, 1, 1, 0, 1, 5, 38, 17, 0),
    "livewire": (8, 22, 22, 8, 2, 2, 1, 1, 1, 18, 9, 6, 0),
}
"""Percent of each kind of traffic by source: fixed lines, mobiles, and a switch that streams both."""


@dataclass(frozen=True)
class Parties:
    """Every other party in one list; a kind of traffic has `sizes[kind]` of them from `offsets[kind]` on."""

    texts: list[str]
    offsets: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]


def parties(prefixes: Sequence[str], seed: int) -> Parties:
    """The other parties of a carrier; `prefixes` is the international deck."""
    random = Random(f"parties-{seed}")
    lists = [_texts(kind, prefixes, random) for kind in Traffic]
    sizes = np.array([len(texts) for texts in lists], dtype=np.int64)
    offsets = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    return Parties([text for texts in lists for text in texts], offsets, sizes)


def _texts(kind: Traffic, prefixes: Sequence[str], random: Random) -> list[str]:
    if kind is Traffic.INTERNATIONAL:
        chosen = random.sample(prefixes, min(INTERNATIONAL_PREFIXES, len(prefixes)))
        return [random.choice(("+", "00")) + _international(prefix, random) for prefix in chosen]
    if kind is Traffic.NOWHERE:
        return [f"+{code}000{random.randrange(1000):03d}" for code in phones.WITHOUT_DESTINATION]
    if kind in (Traffic.DIRECTORY, Traffic.SHORT_CODE):
        return list(phones.DIRECTORY if kind is Traffic.DIRECTORY else phones.SHORT_CODES)
    if kind is Traffic.SESSION:
        return [""]
    texts = [random.choice(phones.spellings(number)) for number in _uk_numbers(kind)]
    return [*texts, *["", "withheld"] * 50] if kind is Traffic.INBOUND else texts


def _international(prefix: str, random: Random) -> str:
    zeros = max(0, INTERNATIONAL_DIGITS - 3 - len(prefix))
    return f"{prefix}{'0' * zeros}{random.randrange(1000):03d}"


def _uk_numbers(kind: Traffic) -> list[str]:
    national = [prefix for prefix in phones.GEOGRAPHIC if prefix != phones.HOME_AREA]
    blocks: dict[Traffic, Sequence[str]] = {
        Traffic.LOCAL: (phones.HOME_AREA,),
        Traffic.NATIONAL: (*national, phones.UK_WIDE),
        Traffic.MOBILE: (phones.MOBILE,),
        Traffic.NON_GEOGRAPHIC: phones.NON_GEOGRAPHIC,
        Traffic.FREEPHONE: (phones.FREEPHONE,),
        Traffic.PREMIUM: (phones.PREMIUM,),
        Traffic.INBOUND: (*national, phones.MOBILE),
        Traffic.TEXT: (phones.MOBILE,),
    }
    return [number for prefix in blocks[kind] for number in phones.block(prefix)]
