"""Databases whose own constraints are gone: they would refuse most of what the tests break on purpose."""

from __future__ import annotations

import psycopg

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
END $$;
"""


def execute(dsn: str, script: str) -> None:
    """Runs statements, and commits them."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(script)


def loosen(dsn: str) -> None:
    """Takes every constraint, unique index and NOT NULL away."""
    execute(dsn, _LOOSEN)
