"""What rating's tables say of a run while it goes on, and what has come of it in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from bench.rating.tables import OLD_SLOT, SLOT_SHIFT
from numpy.typing import NDArray

from rating.domain.recordkeys import KEY
from rating.service.keeping import SEAL_KEYS

_OURS = f"usage_id < {OLD_SLOT << SLOT_SHIFT}"
_STORED = "SELECT coalesce(sum(position), 0) FROM input_position WHERE topic = %s"
_UNINDEXED = "SELECT count(*) FROM segment WHERE NOT indexed AND segment < (SELECT generation >> 20 FROM gate)"
_IN_BLOCKS = "SELECT coalesce(sum(octet_length(keys)), 0) FROM key_block"
_CHARGED_TWICE = f"""
    SELECT count(*) - count(DISTINCT (source, record_id)) FROM (
        SELECT source, record_id FROM usage WHERE {_OURS} UNION ALL SELECT source, record_id FROM held
    ) AS charged
"""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of the records of a run.

    Attributes:
        counted: records of `outcome_count`, which is to be the sum of the others.
        charged_twice: records of usage or held beyond the first one of their record id.
    """

    usage: int
    held: int
    duplicates: int
    rejected: int
    counted: int
    charged_twice: int

    @property
    def stored(self) -> int:
        """All of them."""
        return self.usage + self.held + self.duplicates + self.rejected


class Counter:
    """Asks the database of a run; one connection, so that asking costs the server little."""

    def __init__(self, database: str) -> None:
        self._connection = psycopg.connect(database, autocommit=True)

    def close(self) -> None:
        """Leave."""
        self._connection.close()

    def stored(self, topic: str) -> int:
        """How far the partitions of a topic are stored, added up."""
        return self._one(_STORED, topic)

    def is_sealing(self) -> bool:
        """Whether a segment or enough record ids wait to be sealed."""
        return self._one(_UNINDEXED) > 0 or self._one(_IN_BLOCKS) >= SEAL_KEYS * KEY.itemsize

    def sealed(self) -> tuple[int, int]:
        """Segments with their indexes, and keys in runs."""
        return (
            self._one("SELECT count(*) FROM segment WHERE indexed"),
            self._one("SELECT coalesce(sum(keys), 0) FROM key_run"),
        )

    def generation(self) -> int:
        """The gate's generation; the beginning of a segment counts as one."""
        return self._one("SELECT (generation >> 20) + (generation & ((1 << 20) - 1)) FROM gate")

    def usage_ids(self) -> NDArray[np.int64]:
        """The usage ids of the usage that the run stored."""
        rows = self._connection.execute(f"SELECT usage_id FROM usage WHERE {_OURS}").fetchall()
        return np.array([row[0] for row in rows], dtype=np.int64)

    def exception_ids(self) -> NDArray[np.int64]:
        """The usage ids of what is to be told on `usage.exceptions`."""
        statement = "SELECT usage_id FROM held UNION ALL SELECT usage_id FROM rejected"
        return np.array([row[0] for row in self._connection.execute(statement).fetchall()], dtype=np.int64)

    def outcomes(self) -> Outcomes:
        """What became of the records."""
        return Outcomes(
            usage=self._one(f"SELECT count(*) FROM usage WHERE {_OURS}"),
            held=self._one("SELECT count(*) FROM held"),
            duplicates=self._one("SELECT count(*) FROM duplicate"),
            rejected=self._one("SELECT count(*) FROM rejected"),
            counted=self._one("SELECT coalesce(sum(records), 0) FROM outcome_count"),
            charged_twice=self._one(_CHARGED_TWICE),
        )

    def stand_at(self, topic: str, topic_id: str, ends: dict[int, int]) -> None:
        """Take all that is on a topic for stored already."""
        for partition, end in ends.items():
            self._connection.execute(
                "INSERT INTO input_position (topic, topic_id, partition, position, events_from) "
                "VALUES (%s, %s, %s, %s, %s)",
                [topic, topic_id, partition, end, end],
            )

    def _one(self, statement: str, *values: Any) -> int:
        row = self._connection.execute(statement.encode(), values).fetchone()
        assert row is not None
        return int(row[0])
