"""What a check is: a query that finds what must not be, and the words to tell it in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import psycopg
from psycopg import IsolationLevel
from psycopg.rows import dict_row

TOLD_PER_CHECK = 10
"""Further findings of one check are only counted."""

Row = dict[str, Any]


class Books:
    """The databases of a platform, by service, as seen through one connection each."""

    def __init__(self, connections: Mapping[str, psycopg.Connection]) -> None:
        self._connections = dict(connections)

    @classmethod
    @contextmanager
    def opened(cls, dsns: Mapping[str, str]) -> Iterator[Books]:
        """Each database in one snapshot that nothing written meanwhile can disturb, and that writes nothing."""
        with ExitStack() as stack:
            connections = {service: stack.enter_context(psycopg.connect(dsn)) for service, dsn in dsns.items()}
            for connection in connections.values():
                connection.read_only = True
                connection.isolation_level = IsolationLevel.REPEATABLE_READ
            yield cls(connections)

    @property
    def services(self) -> list[str]:
        """Whose databases these are."""
        return sorted(self._connections)

    def __contains__(self, service: str) -> bool:
        return service in self._connections

    def rows(self, service: str, query: str) -> list[Row]:
        """What a query finds in a service's database."""
        with self._connections[service].cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query).fetchall()


@dataclass(frozen=True)
class Check:
    """One thing that must always hold in one service's database.

    Attributes:
        service: whose database.
        query: finds the rows that break it; none when all is well.
        words: tells of one row, with its columns in braces.
        at_rest: holds only when nothing is under way.
    """

    service: str
    query: str
    words: str
    at_rest: bool = False

    def findings(self, books: Books) -> Iterator[str]:
        """What breaks it."""
        for row in books.rows(self.service, self.query):
            yield self.words.format_map(row)


def shortened(findings: Iterator[str]) -> Iterator[str]:
    """The first findings of a check, and how many more there are."""
    yield from islice(findings, TOLD_PER_CHECK)
    more = sum(1 for _ in findings)
    if more:
        yield f"... and {more} more like the last"
