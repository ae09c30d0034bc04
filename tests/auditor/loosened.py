"""Databases whose own constraints and triggers are gone: they would refuse most of what the tests break on purpose.

They are made once for a file of tests; each test breaks them in transactions that are never committed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import psycopg
from tests.support.auditor import Books, findings
from tests.support.platform import Databases

_LOOSEN = """
DO $$ DECLARE each record; BEGIN
    FOR each IN SELECT conrelid::regclass AS at, conname FROM pg_constraint
                WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'u', 'p', 'f', 'x') LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', each.at, each.conname);
    END LOOP;
    FOR each IN SELECT indexrelid::regclass AS name FROM pg_index JOIN pg_class c ON c.oid = indrelid
                WHERE indisunique AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('DROP INDEX %s', each.name);
    END LOOP;
    FOR each IN SELECT attrelid::regclass AS at, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
                WHERE attnotnull AND attnum > 0 AND attidentity = '' AND NOT attisdropped AND relkind IN ('r', 'p')
                  AND NOT relispartition AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', each.at, each.attname);
    END LOOP;
    FOR each IN SELECT tgrelid::regclass AS at, tgname FROM pg_trigger WHERE NOT tgisinternal LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', each.tgname, each.at);
    END LOOP;
END $$;
"""


class Ledger:
    """Some services' databases, to be broken and audited."""

    def __init__(self, connections: Mapping[str, psycopg.Connection]) -> None:
        self._connections = connections

    def execute(self, service: str, script: str) -> None:
        """Runs statements in a service's database; all is undone when the test ends."""
        self._connections[service].execute(script)

    def findings(self, *services: str, at_rest: bool = True, received: int | None = None) -> list[str]:
        """What the auditor has to tell, of these services or of all."""
        books = {service: each for service, each in self._connections.items() if not services or service in services}
        return findings(Books(books), at_rest=at_rest, received=received)


@contextmanager
def loosened(databases: Databases, scripts: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Fresh databases of services, without constraints, each with a script run in it. Yields service to DSN."""
    dsns = {service: databases.migrated(service) for service in scripts}
    for service, dsn in dsns.items():
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(_LOOSEN)
            connection.execute(scripts[service])
    yield dsns
    for dsn in dsns.values():
        databases.drop(dsn)


@contextmanager
def ledger_of(dsns: Mapping[str, str]) -> Iterator[Ledger]:
    """A ledger for one test."""
    with ExitStack() as stack:
        connections = {service: stack.enter_context(psycopg.connect(dsn)) for service, dsn in dsns.items()}
        yield Ledger(connections)
        for connection in connections.values():
            connection.rollback()
