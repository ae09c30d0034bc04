"""Draws the month's calls in batches of columns, so that millions take seconds and little memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from examples.demo.carrier import dialling
from examples.demo.carrier.calls import DAYS, FEBRUARY, JANUARY, Call
from examples.demo.carrier.dialling import Parties, Traffic
from examples.demo.carrier.lines import SPELLINGS, Indices, Lines
from examples.demo.carrier.varieties import Variety

HOLIDAYS = ("2025-01-01",)
DAY_WEIGHTS = {"weekday": 100, "weekend": 45, "holiday": 35}
HOUR_WEIGHTS = (1, 1, 1, 1, 1, 1, 2, 5, 10, 14, 15, 14, 12, 13, 14, 14, 13, 10, 7, 6, 5, 4, 3, 2)
BAND_EDGES = (0, 7 * 3600 + 3599, 8 * 3600, 17 * 3600 + 3599, 18 * 3600, 86_399)
"""Seconds of the day at which a band begins or ends."""
EARLY_HOURS_SECONDS = 5 * 3600
"""Calls after the bill-to date come before the platform's clock on 1 February."""
MEAN_DURATION_SECONDS = 150
LONGEST_SECONDS = 14_400
MEAN_SESSION_BYTES = 6_000_000
LARGEST_SESSION_BYTES = 400_000_000
SMALL_CALL_SECONDS = 120
WITHOUT_COST_PERCENT = 6

POOLS: dict[Variety, tuple[str, ...]] = {
    Variety.LATE: ("since_december", "steady"),
    Variety.UNKNOWN_NUMBER: ("unheld",),
    Variety.IGNORED: ("ignored",),
    Variety.DROPPED: ("dropped",),
    Variety.PART_MONTH: ("part_month",),
    Variety.OUTSIDE_PERIOD: ("part_month",),
    Variety.SMALL_CUSTOMER: ("small",),
}
"""Which numbers a variety's calls are charged to; the others' are steady."""
TRAFFIC: dict[Variety, Traffic] = {
    Variety.NO_DESTINATION: Traffic.NOWHERE,
    Variety.KNOWN_CLASS: Traffic.NATIONAL,
    Variety.SMALL_CUSTOMER: Traffic.NATIONAL,
    Variety.FRACTIONAL: Traffic.NATIONAL,
    Variety.UNANSWERED: Traffic.INTERNATIONAL,
    Variety.FOREIGN_COST: Traffic.INTERNATIONAL,
    **{variety: Traffic.MOBILE for variety in Variety if Variety.BAD_DATE <= variety <= Variety.OTHER_ZONE},
}
"""Varieties whose calls are of one kind."""


class Month:
    """The month's calls of one carrier. `counts` says how many of each kind of traffic were drawn."""

    def __init__(self, lines: Lines, parties: Parties, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.counts = np.zeros(len(Traffic), dtype=np.int64)
        self._lines = lines
        self._parties = parties
        self._inbound_only = np.array([kind == "freephone" for kind in lines.types])
        self._pools = {variety: lines.pool(*names) for variety, names in POOLS.items()}
        self._steady = {"skylark": lines.pool("mobile", "steady")}
        self._serials: dict[str, int] = {}

    def calls(self, source: str, window: tuple[int, int], varieties: Indices) -> Iterator[Call]:
        """One call of each given variety, from days of the window (first, last; indices into `DAYS`)."""
        lines = self._charged(source, varieties)
        days = self._days(window, varieties, lines)
        kinds = self._kinds(source, varieties, lines)
        seconds = self._seconds(varieties)
        durations, volumes = self._amounts(varieties, kinds)
        costs = self._costs(kinds, durations, volumes)
        self.counts += np.bincount(kinds, minlength=len(Traffic))
        spelled = lines * SPELLINGS + self.random.integers(0, SPELLINGS, len(lines))
        others = (
            self._parties.offsets[kinds] + self.random.integers(0, 1 << 30, len(kinds)) % self._parties.sizes[kinds]
        )
        columns = (spelled, others, kinds, days, seconds, durations, volumes, costs)
        return self._compose(source, *(column.tolist() for column in columns))

    def _compose(
        self,
        source: str,
        spelled: Sequence[int],
        others: Sequence[int],
        kinds: Sequence[int],
        *numbers: Sequence[int],
    ) -> Iterator[Call]:
        first = self._serials.get(source, 0) + 1
        self._serials[source] = first + len(kinds) - 1
        texts, parties, types = self._lines.texts, self._parties.texts, dialling.CALL_TYPES
        for serial, line, other, kind, day, second, duration, volume, cost in zip(
            range(first, first + len(kinds)), spelled, others, kinds, *numbers, strict=True
        ):
            price = f"{cost // 1_000_000}.{cost % 1_000_000:06d}" if cost >= 0 else ""
            yield Call(
                source, f"CDR-{serial:09d}", types[kind], texts[line], parties[other],
                day, second, str(duration), volume, price,
            )  # fmt: skip

    def _charged(self, source: str, varieties: Indices) -> Indices:
        steady = self._steady.setdefault(source, self._lines.pool("steady"))
        lines = steady[self.random.integers(0, len(steady), len(varieties))]
        for variety, pool in self._pools.items():
            chosen = varieties == variety
            lines[chosen] = pool[self.random.integers(0, len(pool), int(chosen.sum()))]
        return lines

    def _days(self, window: tuple[int, int], varieties: Indices, lines: Indices) -> Indices:
        days = self._busy_days(*window, len(varieties))
        straggler = varieties == Variety.STRAGGLER
        days[straggler] = self._busy_days(JANUARY, FEBRUARY - 1, int(straggler.sum()))
        late = varieties == Variety.LATE
        days[late] = self.random.integers(0, JANUARY, int(late.sum()))
        days[varieties == Variety.AFTER_BILL_TO] = FEBRUARY
        for inside, variety in ((True, Variety.PART_MONTH), (False, Variety.OUTSIDE_PERIOD)):
            for position in np.flatnonzero(varieties == variety).tolist():
                choice = self._lines.active_days(int(lines[position]), inside=inside)
                days[position] = choice[int(self.random.integers(0, len(choice)))]
        return days

    def _busy_days(self, first: int, last: int, count: int) -> Indices:
        weights = np.array([_day_weight(day) for day in range(first, last + 1)], dtype=np.float64)
        return self.random.choice(np.arange(first, last + 1), size=count, p=weights / weights.sum())

    def _kinds(self, source: str, varieties: Indices, lines: Indices) -> Indices:
        shares = np.array(dialling.SHARES[source], dtype=np.float64)
        kinds = self.random.choice(len(Traffic), size=len(varieties), p=shares / shares.sum())
        for variety, kind in TRAFFIC.items():
            kinds[varieties == variety] = kind
        return np.where(self._inbound_only[lines], int(Traffic.INBOUND), kinds)

    def _seconds(self, varieties: Indices) -> Indices:
        count = len(varieties)
        weights = np.array(HOUR_WEIGHTS, dtype=np.float64)
        hours = self.random.choice(24, size=count, p=weights / weights.sum())
        seconds = hours * 3600 + self.random.integers(0, 3600, count)
        edge, after = varieties == Variety.BAND_EDGE, varieties == Variety.AFTER_BILL_TO
        seconds[edge] = self.random.choice(BAND_EDGES, int(edge.sum()))
        seconds[after] = self.random.integers(0, EARLY_HOURS_SECONDS, int(after.sum()))
        return seconds

    def _amounts(self, varieties: Indices, kinds: Indices) -> tuple[Indices, Indices]:
        count = len(varieties)
        durations = 1 + self.random.exponential(MEAN_DURATION_SECONDS, count).astype(np.int64)
        durations = np.minimum(durations, LONGEST_SECONDS)
        durations[(varieties == Variety.UNANSWERED) | (kinds == Traffic.TEXT) | (kinds == Traffic.SESSION)] = 0
        small = varieties == Variety.SMALL_CUSTOMER
        durations[small] = np.minimum(durations[small], SMALL_CALL_SECONDS)
        volumes = 1 + self.random.exponential(MEAN_SESSION_BYTES, count).astype(np.int64)
        return durations, np.where(kinds == Traffic.SESSION, np.minimum(volumes, LARGEST_SESSION_BYTES), 0)

    def _costs(self, kinds: Indices, durations: Indices, volumes: Indices) -> Indices:
        """Micro-pounds, or -1 where the supplier states no cost."""
        costs = np.array(dialling.COST_MICRO_PER_MINUTE, dtype=np.int64)[kinds] * durations // 60
        costs[kinds == Traffic.TEXT] = dialling.TEXT_COST_MICRO
        costs += volumes * dialling.DATA_COST_MICRO_PER_MEGABYTE // 1_000_000
        return np.where(self.random.integers(0, 100, len(kinds)) < WITHOUT_COST_PERCENT, -1, costs)


def _day_weight(day: int) -> int:
    if DAYS[day].isoformat() in HOLIDAYS:
        return DAY_WEIGHTS["holiday"]
    return DAY_WEIGHTS["weekend" if DAYS[day].weekday() >= 5 else "weekday"]


def shuffled(random: np.random.Generator, counts: dict[Variety, int]) -> npt.NDArray[Any]:
    """So many of each variety, in random order."""
    names = np.array([int(variety) for variety in counts], dtype=np.int64)
    order = np.repeat(names, list(counts.values()))
    random.shuffle(order)
    return order
