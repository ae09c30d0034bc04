"""The numbers that calls are made from, in pools by what their calls are to show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
from examples.demo.carrier import phones
from examples.demo.carrier.calls import DAYS, FEBRUARY, JANUARY
from examples.demo.carrier.roles import Role

SPELLINGS = 4
Indices = npt.NDArray[np.int64]


@dataclass
class Lines:
    """Every number that is called from; `texts` holds its spellings, `SPELLINGS` a number."""

    texts: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    pools: dict[str, list[int]] = field(default_factory=dict)
    periods: dict[int, tuple[date, date]] = field(default_factory=dict)
    """First and last day of the numbers that are active for a part of January."""

    def add(self, number: str, number_type: str, *pools: str, weight: int = 1) -> int:
        """Take in a number (digits of E.164), so many times in each pool. Returns its index."""
        index = len(self.types)
        self.texts.extend(phones.spellings(number))
        self.types.append(number_type)
        for pool in pools:
            self.pools.setdefault(pool, []).extend([index] * weight)
        return index

    def pool(self, *names: str) -> Indices:
        """The indices in the first pool that is not empty."""
        return np.array(next(self.pools[name] for name in names if self.pools.get(name)), dtype=np.int64)

    def active_days(self, index: int, *, inside: bool) -> list[int]:
        """The days of January on which a part-month number is active, or is not."""
        first, last = self.periods[index]
        return [day for day in range(JANUARY, FEBRUARY) if (first <= DAYS[day] <= last) == inside]


def collect(customers: Iterable[tuple[Role | None, dict[str, Any]]], lines: Lines) -> Iterable[dict[str, Any]]:
    """Pass customers on while taking their numbers in, so that none is kept in memory."""
    for position, (role, customer) in enumerate(customers):
        for number in customer["numbers"]:
            _take_in(lines, role.traffic if role else "steady", number, weight=1 + position % 5)
        yield customer


def add_unheld(lines: Lines) -> None:
    """Take in the numbers that no customer holds."""
    for number in phones.unheld():
        lines.add(number, "unheld", "unheld")


def _take_in(lines: Lines, traffic: str, number: dict[str, Any], weight: int) -> None:
    digits, number_type = number["number"].lstrip("+"), number["number_type"]
    if traffic != "steady":
        index = lines.add(digits, number_type, traffic)
        if traffic == "part_month":
            end = number.get("end", "2025-12-31")
            lines.periods[index] = (date.fromisoformat(number["start"]), date.fromisoformat(end))
        return
    pools = ["steady"]
    pools += ["mobile"] if number_type == "mobile" else []
    pools += ["since_december"] if number["start"] <= "2024-12-01" else []
    lines.add(digits, number_type, *pools, weight=weight)
