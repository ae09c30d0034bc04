"""Reports: the account of every record (SPEC R3), the queues, usage and charges."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from sqlalchemy import RowMapping

from contracts.topics import CDR_BACKFILL, CDR_RECEIVED
from rating.store import counts
from rating.store import reports as store
from rating.store.positions import positions
from rating.store.reports import Rows
from service_kit.database import reading
from service_kit.kafka import NoSuchTopic, end_offsets, topic_id

Group = Literal["source_day", "source", "all"]
_KEYS: dict[Group, Callable[[RowMapping], tuple[str | None, date | None]]] = {
    "source_day": lambda row: (row["source"], row["day"]),
    "source": lambda row: (row["source"], None),
    "all": lambda _: (None, None),
}


@dataclass
class Account:
    """SPEC R3: received = the sum of `outcomes`, for a source and a local day of arrival; None stands for all.

    `charge_micro` is what the rated ones come to; `reasons` counts those that are not.
    """

    source: str | None = None
    day: date | None = None
    outcomes: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    charge_micro: int = 0

    def add(self, row: RowMapping) -> None:
        """Count records of one outcome and reason."""
        records = int(row["records"])
        self.outcomes[row["outcome"]] = self.outcomes.get(row["outcome"], 0) + records
        if row["reason"]:
            self.reasons[row["reason"]] = self.reasons.get(row["reason"], 0) + records
        self.charge_micro += int(row["charge_micro"])


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a partition is stored; `end` is the offset that its next record will get."""

    topic: str
    partition: int
    position: int
    end: int


async def account(group: Group, first: date | None, last: date | None) -> tuple[list[Account], Account]:
    """The account of all records that arrived between two local days, in groups, and the total."""
    async with reading() as connection:
        rows = await counts.totals(connection, first, last)
    return _grouped(rows, group), next(iter(_grouped(rows, "all")), Account())


def _grouped(rows: Iterable[RowMapping], group: Group) -> list[Account]:
    found: dict[tuple[str | None, date | None], Account] = {}
    for row in rows:
        key = _KEYS[group](row)
        found.setdefault(key, Account(*key)).add(row)
    return list(found.values())


async def standings() -> list[Standing]:
    """How far each partition of the CDR topics is stored. Topics that are gone do not count."""
    async with reading() as connection:
        stored = await positions(connection)
    found = []
    for topic in (CDR_RECEIVED, CDR_BACKFILL):
        try:
            identity, ends = await asyncio.gather(topic_id(topic), end_offsets(topic))
        except NoSuchTopic:
            continue
        found += [
            Standing(topic, partition, stored.get((topic, str(identity), partition), 0), end)
            for partition, end in sorted(ends.items())
        ]
    return found


async def list_held(outcome: str, reason: str | None, *, after: int, limit: int) -> Rows:
    """Calls that are suspended, unpriced or ignored."""
    async with reading() as connection:
        return await store.list_held(connection, outcome, reason, after=after, limit=limit)


async def list_rejected(reason: str | None, *, after: int, limit: int) -> Rows:
    """Records that could not be read."""
    async with reading() as connection:
        return await store.list_rejected(connection, reason, after=after, limit=limit)


async def list_duplicates(conflict: bool | None, *, after: int, limit: int) -> Rows:
    """Second copies of records (SPEC Z21)."""
    async with reading() as connection:
        return await store.list_duplicates(connection, conflict, after=after, limit=limit)


async def charges(bill_to: date, *, after: int, limit: int) -> Rows:
    """What each customer's calls come to, and what of it is closed."""
    async with reading() as connection:
        return await store.sum_charges(connection, bill_to, after=after, limit=limit)
