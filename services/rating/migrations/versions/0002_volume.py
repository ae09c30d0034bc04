"""Usage in segments, record ids in runs, counted outcomes; tariffs in versions with parents and calendars.

Usage that is stored before this migration becomes segment 0 with its indexes; its record ids become blocks of keys,
which the role `sealer` makes runs of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from alembic import op
from sqlalchemy import Connection, Row, TextClause, text

from rating.domain.calls import Int
from rating.domain.cdr import Cdr, columns_of
from rating.domain.contents import content_of
from rating.domain.recordkeys import Keys, in_order, keys_of, keys_of_ids

revision = "0002"
down_revision = "0001"

SEGMENT = 1 << 20
"""Generations of a segment; `rating.domain.segments` holds the same number."""

POSITIONS = (
    # What a crash held back is read from the stored rows themselves.
    "ALTER TABLE input_position DROP COLUMN events",
    """
    CREATE TABLE outcome_count (
        slot integer NOT NULL,
        source text NOT NULL,
        received_on date NOT NULL,
        outcome text NOT NULL,
        reason text NOT NULL,
        records bigint NOT NULL,
        charge_micro numeric NOT NULL,
        PRIMARY KEY (slot, source, received_on, outcome, reason)
    )
    """,
    """
    INSERT INTO outcome_count
    SELECT 0, source, received_on, 'rated', '', count(*), sum(charge_micro) FROM usage GROUP BY source, received_on
    UNION ALL
    SELECT 0, source, received_on, outcome, reason, count(*), 0 FROM held GROUP BY source, received_on, outcome, reason
    UNION ALL
    SELECT 0, source, received_on, 'duplicate', CASE WHEN conflict THEN 'conflict' ELSE '' END, count(*), 0
    FROM duplicate GROUP BY source, received_on, conflict
    UNION ALL
    SELECT 0, source, received_on, 'rejected', reason, count(*), 0 FROM rejected GROUP BY source, received_on, reason
    """,
)

USAGE = (
    "ALTER TABLE usage ADD COLUMN rate_id bigint, ADD COLUMN markup bigint",
    "DROP INDEX usage_received",
    "ALTER TABLE usage RENAME TO usage_0",
    "ALTER INDEX usage_pkey RENAME TO usage_0_id",
    "ALTER INDEX usage_customer RENAME TO usage_0_customer",
    "ALTER TABLE usage_0 ALTER COLUMN generation SET NOT NULL",
    "CREATE TABLE usage (LIKE usage_0 INCLUDING DEFAULTS) PARTITION BY RANGE (generation)",
    f"ALTER TABLE usage ATTACH PARTITION usage_0 FOR VALUES FROM (0) TO ({SEGMENT})",
    f"CREATE TABLE usage_1 PARTITION OF usage FOR VALUES FROM ({SEGMENT}) TO ({2 * SEGMENT})",
    f"CREATE TABLE usage_2 PARTITION OF usage FOR VALUES FROM ({2 * SEGMENT}) TO ({3 * SEGMENT})",
    """
    CREATE TABLE segment (
        segment bigint PRIMARY KEY,
        sealed boolean NOT NULL DEFAULT false,
        indexed boolean NOT NULL DEFAULT false
    )
    """,
    "INSERT INTO segment VALUES (0, true, true), (1, false, false), (2, false, false)",
    f"UPDATE gate SET generation = {SEGMENT}",
)

KEYS = (
    "CREATE TABLE key_seed (id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1), seed bigint NOT NULL)",
    # The last 15 digits of such a UUID are all random.
    """
    INSERT INTO key_seed (seed) VALUES (('x' || right(replace(gen_random_uuid()::text, '-', ''), 15))::bit(60)::bigint)
    """,
    """
    CREATE TABLE key_block (
        block bigint PRIMARY KEY,
        received_on date NOT NULL,
        keys bytea NOT NULL
    )
    """,
    "ALTER TABLE key_block ALTER COLUMN keys SET STORAGE EXTERNAL",
    "CREATE SEQUENCE key_block_number",
    """
    CREATE TABLE key_run (
        run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tier smallint NOT NULL,
        keys bigint NOT NULL,
        last_block bigint NOT NULL,
        last_day date NOT NULL,
        filter bytea NOT NULL
    )
    """,
    "ALTER TABLE key_run ALTER COLUMN filter SET STORAGE EXTERNAL",
    """
    CREATE TABLE key_chunk (
        run bigint NOT NULL REFERENCES key_run ON DELETE CASCADE,
        first bigint NOT NULL,
        keys bytea NOT NULL,
        PRIMARY KEY (run, first)
    )
    """,
    "ALTER TABLE key_chunk ALTER COLUMN keys SET STORAGE EXTERNAL",
)

TARIFFS = (
    """
    CREATE TABLE calendar (
        code text PRIMARY KEY,
        name text NOT NULL,
        country text NOT NULL,
        subdivision text,
        peak jsonb NOT NULL,
        weekend jsonb NOT NULL,
        changed_in bigint NOT NULL
    )
    """,
    """
    INSERT INTO calendar VALUES ('england-and-wales', 'England and Wales', 'GB', 'ENG',
        '[{"days": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00"}]', '[6, 7]', 1)
    """,
    """
    ALTER TABLE tariff ADD COLUMN parent text REFERENCES tariff,
                       ADD COLUMN calendar text NOT NULL DEFAULT 'england-and-wales' REFERENCES calendar
    """,
    """
    CREATE TABLE tariff_version (
        version_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tariff text NOT NULL REFERENCES tariff,
        version integer NOT NULL,
        effective_from date,
        rows integer NOT NULL,
        report jsonb,
        note text NOT NULL DEFAULT '',
        created_by text NOT NULL DEFAULT '',
        created_at timestamptz,
        changed_in bigint NOT NULL,
        UNIQUE (tariff, version)
    )
    """,
    """
    INSERT INTO tariff_version (tariff, version, rows, changed_in)
    SELECT code, version, (SELECT count(*) FROM rate WHERE rate.tariff = code), changed_in FROM tariff
    WHERE EXISTS (SELECT FROM rate WHERE rate.tariff = code)
    """,
    "ALTER TABLE rate ADD COLUMN version_id bigint REFERENCES tariff_version",
    """
    UPDATE rate SET version_id = tariff_version.version_id FROM tariff_version
    WHERE rate.tariff = tariff_version.tariff
    """,
    "ALTER TABLE rate ALTER COLUMN version_id SET NOT NULL, DROP COLUMN tariff",
    "CREATE INDEX rate_version ON rate (version_id, rate_id)",
)

CLOSES = (
    # What a close decides of unpriced calls (SPEC R5, step 3); rows of its own beside the usage, void if released.
    """
    CREATE TABLE close_fallback (
        close_id bigint NOT NULL REFERENCES usage_close,
        usage_id bigint NOT NULL,
        number_id bigint NOT NULL,
        tariff text,
        markup bigint NOT NULL,
        charge_micro bigint NOT NULL,
        cost_micro bigint,
        billed_seconds bigint NOT NULL,
        call_class text NOT NULL,
        destination text NOT NULL,
        band text NOT NULL,
        PRIMARY KEY (close_id, usage_id)
    )
    """,
    "CREATE INDEX close_fallback_usage ON close_fallback (usage_id)",
)

GUIDING = (
    # Usage to be guided again: of a number, or of all numbers of a customer, from a local day on.
    """
    CREATE TABLE reguide_request (
        generation bigint NOT NULL,
        customer_id bigint NOT NULL,
        number text NOT NULL,
        from_day date NOT NULL,
        after bigint NOT NULL DEFAULT -1,
        PRIMARY KEY (generation, customer_id, number)
    )
    """,
)

STATEMENTS = (*POSITIONS, *USAGE, *KEYS, *TARIFFS, *CLOSES, *GUIDING)


CDR = tuple(Cdr.__slots__)
"""Columns of `usage` and `held` from which a record's content is hashed."""
KEYS_AT_ONCE = 50_000
OWNERS = text(
    f"SELECT usage_id, received_on, {', '.join(CDR)} FROM usage_0"
    f" UNION ALL SELECT usage_id, received_on, {', '.join(CDR)} FROM held"
)
# There should be none; but a record id that is forgotten would be charged again.
ORPHANS = text(
    """
    SELECT usage_id, received_on, source, record_id FROM record_key
    WHERE NOT EXISTS (SELECT FROM usage_0 WHERE usage_0.usage_id = record_key.usage_id)
      AND NOT EXISTS (SELECT FROM held WHERE held.usage_id = record_key.usage_id)
    """
)
ADD_BLOCK = text("INSERT INTO key_block VALUES (nextval('key_block_number'), :day, :keys)")


def move_keys(connection: Connection) -> None:
    """Write the record ids of all calls as blocks; their contents are hashed anew, as new copies' are."""
    seed = connection.scalar(text("SELECT seed FROM key_seed"))
    for rows in _parts(connection, OWNERS):
        calls = columns_of([Cdr(*row[2:]) for row in rows])
        _add_block(connection, rows, keys_of(calls, _usage_ids(rows), content_of(calls), seed))
    for rows in _parts(connection, ORPHANS):
        ids = [(row.source, row.record_id) for row in rows]
        _add_block(connection, rows, keys_of_ids(ids, _usage_ids(rows), seed))
    op.execute("DROP TABLE record_key")


def _parts(connection: Connection, statement: TextClause) -> Iterator[Sequence[Row[Any]]]:
    yield from connection.execute(statement, execution_options={"yield_per": KEYS_AT_ONCE}).partitions()


def _usage_ids(rows: Sequence[Row[Any]]) -> Int:
    return np.array([row.usage_id for row in rows], dtype=np.int64)


def _add_block(connection: Connection, rows: Sequence[Row[Any]], keys: Keys) -> None:
    day = max(row.received_on for row in rows)
    connection.execute(ADD_BLOCK, {"day": day, "keys": in_order(keys).tobytes()})


def upgrade() -> None:
    """Move what is stored, and create what is new."""
    for statement in STATEMENTS:
        op.execute(statement)
    move_keys(op.get_bind())


def downgrade() -> None:
    """There is no way back: usage of later segments has no place in the old table."""
    raise NotImplementedError("restore the backup that was taken before this migration")
