"""The topics, in one table: how each is keyed, how long it is kept, how many partitions it starts with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

CDR_RECEIVED = "cdr.received"
CDR_BACKFILL = "cdr.backfill"
USAGE_RATED = "usage.rated"
USAGE_EXCEPTIONS = "usage.exceptions"
USAGE_CLOSING = "usage.closing"
CUSTOMERS = "customers"
REFERENCE = "reference"
BILLING = "billing"
NOTIFICATIONS = "notifications"
ERASURES = "erasures"

MAX_MESSAGE_BYTES = 900_000
"""No message is larger; what may be long goes in parts."""
MAX_PART_LINES = 2_000
"""Lines in one part of a long event."""


@dataclass(frozen=True)
class Topic:
    """A topic as it is created.

    Args:
        name: the topic's name.
        key: what the record key is, in words.
        retention: how long records are kept; None means compacted, the last record of each key for ever.
        partitions: how many partitions a new installation starts with.
    """

    name: str
    key: str
    retention: timedelta | None
    partitions: int = 6

    @property
    def compacted(self) -> bool:
        """True where only the last record of each key is kept."""
        return self.retention is None


TOPICS: tuple[Topic, ...] = (
    # Twice the others': a worker keeps six partitions at work, and less leaves it waiting for disk and broker.
    Topic(CDR_RECEIVED, "charged number (a hint: any worker may meet any copy)", timedelta(days=7), partitions=12),
    Topic(CDR_BACKFILL, "charged number (a hint: any worker may meet any copy)", timedelta(days=7)),
    Topic(USAGE_RATED, "customer id", timedelta(days=30)),
    Topic(USAGE_EXCEPTIONS, "source", timedelta(days=30)),
    Topic(USAGE_CLOSING, "customer id; run/partition for a request to close", timedelta(days=7)),
    Topic(CUSTOMERS, "customer/kind/entity, in the partition of the customer id", None),
    Topic(REFERENCE, "list/code", None),
    Topic(BILLING, "customer id; run id for events of a run", timedelta(days=30)),
    Topic(NOTIFICATIONS, "customer id", timedelta(days=30)),
    Topic(ERASURES, "customer id", timedelta(days=30)),
)
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
