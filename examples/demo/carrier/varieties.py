"""Which kinds of records the month holds, and how many of each: a share of all, and at least a few."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Variety(IntEnum):
    """What is special about a record. `PLAIN` is an ordinary call, text or data session of January."""

    PLAIN = 0
    BAND_EDGE = 1
    STRAGGLER = 2
    LATE = 3
    AFTER_BILL_TO = 4
    UNKNOWN_NUMBER = 5
    IGNORED = 6
    DROPPED = 7
    PART_MONTH = 8
    OUTSIDE_PERIOD = 9
    SMALL_CUSTOMER = 10
    NO_DESTINATION = 11
    FRACTIONAL = 12
    UNANSWERED = 13
    DUPLICATE_HERE = 14
    DUPLICATE_ELSEWHERE = 15
    CORRECTED = 16
    BAD_DATE = 17
    BAD_DURATION = 18
    MISSING_HOUR = 19
    NO_RECORD_ID = 20
    NO_CHARGED_NUMBER = 21
    NOT_JSON = 22
    NO_SOURCE = 23
    WRONG_TYPE = 24
    NO_ZONE = 25
    OTHER_ZONE = 26
    KNOWN_CLASS = 27
    FOREIGN_COST = 28


COPIES = frozenset({Variety.DUPLICATE_HERE, Variety.DUPLICATE_ELSEWHERE, Variety.CORRECTED})
"""Records that repeat another one's id."""
SPOILT = frozenset(
    {
        Variety.BAD_DATE,
        Variety.BAD_DURATION,
        Variety.MISSING_HOUR,
        Variety.NO_RECORD_ID,
        Variety.NO_CHARGED_NUMBER,
        Variety.NOT_JSON,
        Variety.NO_SOURCE,
        Variety.WRONG_TYPE,
        Variety.NO_ZONE,
    }
)
"""Records that cannot be read as a CDR."""


@dataclass(frozen=True)
class Quota:
    """How many records of a variety: `per_mille` of all, no fewer than `least` and no more than `most`."""

    per_mille: int
    least: int = 3
    most: int | None = None

    def of(self, records: int) -> int:
        """The count among so many records."""
        count = max(self.least, records * self.per_mille // 1000)
        return count if self.most is None else min(count, self.most)


IN_FILES: dict[Variety, Quota] = {
    Variety.BAND_EDGE: Quota(3, 8),
    Variety.STRAGGLER: Quota(30),
    Variety.LATE: Quota(6),
    Variety.AFTER_BILL_TO: Quota(4),
    Variety.UNKNOWN_NUMBER: Quota(5),
    Variety.IGNORED: Quota(5),
    Variety.DROPPED: Quota(4),
    Variety.PART_MONTH: Quota(10, 6),
    Variety.OUTSIDE_PERIOD: Quota(4),
    Variety.SMALL_CUSTOMER: Quota(1, 6, 40),
    Variety.NO_DESTINATION: Quota(2),
    Variety.FRACTIONAL: Quota(3),
    Variety.UNANSWERED: Quota(50),
    Variety.DUPLICATE_HERE: Quota(4),
    Variety.DUPLICATE_ELSEWHERE: Quota(4),
    Variety.CORRECTED: Quota(0, 3),
    Variety.BAD_DATE: Quota(1),
    Variety.BAD_DURATION: Quota(1),
    Variety.MISSING_HOUR: Quota(0, 3),
    Variety.NO_RECORD_ID: Quota(1),
    Variety.NO_CHARGED_NUMBER: Quota(1),
}
IN_STREAM: dict[Variety, Quota] = {
    **{variety: quota for variety, quota in IN_FILES.items() if variety not in {Variety.CORRECTED}},
    Variety.DUPLICATE_ELSEWHERE: Quota(8),
    Variety.NOT_JSON: Quota(0, 4),
    Variety.NO_SOURCE: Quota(0, 4),
    Variety.WRONG_TYPE: Quota(1, 4),
    Variety.NO_ZONE: Quota(1, 2),
    Variety.OTHER_ZONE: Quota(5),
    Variety.KNOWN_CLASS: Quota(10),
    Variety.FOREIGN_COST: Quota(3),
}


def planned(quotas: dict[Variety, Quota], records: int) -> dict[Variety, int]:
    """How many of each variety among so many records, plain ones filling up.

    Raises:
        ValueError: there are too few records to show every variety.
    """
    counts = {variety: quota.of(records) for variety, quota in quotas.items()}
    plain = records - sum(counts.values())
    if plain < records // 4:
        raise ValueError(f"{records} records are too few to show every variety: ask for more CDRs")
    return {Variety.PLAIN: plain, **counts}
