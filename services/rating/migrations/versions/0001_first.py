"""CDRs and their outcomes, tariffs, the read model behind the gate, CDR files, cuts and closes."""

from __future__ import annotations

from alembic import op

from service_kit.migrations import create_kit_tables, drop_kit_tables

revision = "0001"
down_revision = None

GATE = (
    """
    CREATE TABLE gate (
        id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
        generation bigint NOT NULL DEFAULT 1
    )
    """,
    "INSERT INTO gate DEFAULT VALUES",
)

INPUT = (
    """
    CREATE TABLE input_position (
        slot integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY CHECK (slot < 32768),
        topic text NOT NULL,
        topic_id text NOT NULL,
        partition integer NOT NULL,
        position bigint NOT NULL DEFAULT 0,
        events_from bigint NOT NULL DEFAULT 0,
        events bytea,
        UNIQUE (topic, partition, topic_id)
    )
    """,
    """
    CREATE TABLE record_key (
        source text COLLATE "C" NOT NULL,
        record_id text COLLATE "C" NOT NULL,
        usage_id bigint NOT NULL,
        content bytea NOT NULL,
        received_on date NOT NULL,
        PRIMARY KEY (source, record_id)
    )
    """,
)

# What is known of a record, shared by what is charged and what is held.
_CDR = """
        source text NOT NULL,
        record_id text NOT NULL,
        charged_number text NOT NULL,
        other_party text NOT NULL,
        direction text NOT NULL,
        service_type text NOT NULL,
        started timestamptz NOT NULL,
        local_date date NOT NULL,
        band text NOT NULL,
        seconds bigint NOT NULL,
        units bigint NOT NULL,
        volume_bytes bigint NOT NULL,
        known_class text,
        retail_micro bigint,
        cdr_cost_micro bigint,
        carrier_cost_micro bigint,
        currency text NOT NULL,
        received_on date NOT NULL,
        generation bigint NOT NULL
"""

OUTCOMES = (
    f"""
    CREATE TABLE usage (
        usage_id bigint PRIMARY KEY,
        revision integer NOT NULL,
        customer_id bigint NOT NULL,
        number_id bigint NOT NULL,
        call_class text NOT NULL,
        destination text NOT NULL,
        tariff text,
        prefix text,
        step smallint NOT NULL,
        billed_seconds bigint NOT NULL,
        charge_micro bigint NOT NULL,
        cost_micro bigint,
        {_CDR}
    )
    """,
    "CREATE INDEX usage_customer ON usage (customer_id, local_date)",
    "CREATE INDEX usage_received ON usage (source, received_on)",
    f"""
    CREATE TABLE held (
        usage_id bigint PRIMARY KEY,
        revision integer NOT NULL,
        outcome text NOT NULL CHECK (outcome IN ('suspended', 'ignored', 'unpriced')),
        reason text NOT NULL,
        detail text NOT NULL,
        customer_id bigint,
        number_id bigint,
        {_CDR}
    )
    """,
    "CREATE INDEX held_outcome ON held (outcome, reason, usage_id)",
    "CREATE INDEX held_number ON held (charged_number)",
    "CREATE INDEX held_customer ON held (customer_id, local_date)",
    "CREATE INDEX held_generation ON held (outcome, generation, usage_id)",
    """
    CREATE TABLE duplicate (
        usage_id bigint PRIMARY KEY,
        source text NOT NULL,
        record_id text NOT NULL,
        first_usage_id bigint NOT NULL,
        conflict boolean NOT NULL,
        raw bytea NOT NULL,
        received_on date NOT NULL
    )
    """,
    "CREATE INDEX duplicate_source ON duplicate (source, received_on)",
    """
    CREATE TABLE rejected (
        usage_id bigint PRIMARY KEY,
        source text NOT NULL,
        record_id text NOT NULL,
        reason text NOT NULL,
        field text,
        detail text NOT NULL,
        raw bytea NOT NULL,
        file_id bigint,
        file_row bigint,
        received_on date NOT NULL
    )
    """,
    "CREATE INDEX rejected_source ON rejected (source, received_on)",
)

TARIFFS = (
    """
    CREATE TABLE tariff (
        code text PRIMARY KEY,
        version integer NOT NULL,
        name text NOT NULL,
        currency text NOT NULL,
        rounding_places smallint NOT NULL,
        fallback_markup numeric,
        is_default boolean NOT NULL,
        megabyte_bytes bigint NOT NULL,
        changed_in bigint NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX tariff_default ON tariff (is_default) WHERE is_default",
    """
    CREATE TABLE rate (
        rate_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tariff text NOT NULL REFERENCES tariff,
        prefix text NOT NULL,
        call_class text NOT NULL,
        band text NOT NULL,
        price_micro bigint NOT NULL,
        connection_micro bigint NOT NULL,
        initial bigint NOT NULL,
        step bigint NOT NULL,
        minimum_micro bigint NOT NULL,
        maximum_micro bigint,
        free bigint NOT NULL,
        valid_from date,
        valid_to date
    )
    """,
    "CREATE INDEX rate_tariff ON rate (tariff)",
    "CREATE TABLE destination (prefix text PRIMARY KEY, destination text NOT NULL, call_class text NOT NULL)",
    "CREATE TABLE inbound_class (prefix text PRIMARY KEY, call_class text NOT NULL)",
    """
    CREATE TABLE default_tariff (
        source text NOT NULL,
        number_type text NOT NULL,
        tariff text NOT NULL REFERENCES tariff,
        PRIMARY KEY (source, number_type)
    )
    """,
    """
    CREATE TABLE lists_changed (
        what text PRIMARY KEY CHECK (what IN ('destinations', 'inbound_classes', 'default_tariffs')),
        changed_in bigint NOT NULL DEFAULT 1
    )
    """,
    "INSERT INTO lists_changed (what) VALUES ('destinations'), ('inbound_classes'), ('default_tariffs')",
)

READ_MODEL = (
    """
    CREATE TABLE customer (
        customer_id bigint PRIMARY KEY,
        version integer NOT NULL,
        status text NOT NULL,
        status_history jsonb NOT NULL,
        rating jsonb NOT NULL,
        changed_in bigint NOT NULL
    )
    """,
    "CREATE INDEX customer_changed ON customer (changed_in)",
    """
    CREATE TABLE number (
        number_id bigint PRIMARY KEY,
        version integer NOT NULL,
        customer_id bigint NOT NULL,
        number text NOT NULL,
        number_type text NOT NULL,
        rating jsonb NOT NULL,
        removed boolean NOT NULL,
        changed_in bigint NOT NULL
    )
    """,
    "CREATE INDEX number_changed ON number (changed_in)",
    """
    CREATE TABLE assignment (
        assignment_id bigint PRIMARY KEY,
        version integer NOT NULL,
        number_id bigint NOT NULL,
        customer_id bigint NOT NULL,
        number text NOT NULL,
        start_date date NOT NULL,
        end_date date,
        removed boolean NOT NULL,
        changed_in bigint NOT NULL
    )
    """,
    "CREATE INDEX assignment_changed ON assignment (changed_in)",
    "CREATE INDEX assignment_number ON assignment (number)",
    """
    CREATE TABLE reference_entry (
        list text NOT NULL,
        code text NOT NULL,
        version integer NOT NULL,
        entry jsonb NOT NULL,
        changed_in bigint NOT NULL,
        PRIMARY KEY (list, code)
    )
    """,
)

FILES = (
    """
    CREATE TABLE mapping (
        name text PRIMARY KEY,
        version integer NOT NULL,
        definition jsonb NOT NULL
    )
    """,
    """
    CREATE TABLE cdr_file (
        file_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL,
        source text NOT NULL,
        mapping text NOT NULL REFERENCES mapping,
        sha256 text NOT NULL,
        bytes bigint NOT NULL,
        state text NOT NULL CHECK (state IN ('received', 'publishing', 'published')),
        rows bigint NOT NULL DEFAULT 0,
        accepted bigint NOT NULL DEFAULT 0,
        rejected bigint NOT NULL DEFAULT 0,
        uploaded_by text NOT NULL,
        received_at timestamptz NOT NULL,
        published_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX cdr_file_content ON cdr_file (sha256)",
    """
    CREATE TABLE cdr_file_chunk (
        file_id bigint NOT NULL REFERENCES cdr_file ON DELETE CASCADE,
        number integer NOT NULL,
        content bytea NOT NULL,
        PRIMARY KEY (file_id, number)
    )
    """,
)

CLOSES = (
    """
    CREATE TABLE cut (
        run_id bigint PRIMARY KEY,
        bill_to date,
        ends jsonb,
        settled bigint,
        generation bigint
    )
    """,
    """
    CREATE TABLE run_marker (
        run_id bigint NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        partitions integer NOT NULL,
        PRIMARY KEY (run_id, topic, partition)
    )
    """,
    """
    CREATE TABLE close_request (
        run_id bigint NOT NULL,
        customer_id bigint NOT NULL,
        bill_to date NOT NULL,
        answered boolean NOT NULL DEFAULT false,
        waits_for bigint,
        PRIMARY KEY (run_id, customer_id)
    )
    """,
    "CREATE INDEX close_request_open ON close_request (run_id, customer_id) WHERE NOT answered AND waits_for IS NULL",
    "CREATE INDEX close_request_waiting ON close_request (waits_for) WHERE waits_for IS NOT NULL",
    """
    CREATE TABLE usage_close (
        close_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        run_id bigint NOT NULL,
        customer_id bigint NOT NULL,
        bill_to date NOT NULL,
        generation bigint NOT NULL,
        state text NOT NULL CHECK (state IN ('closed', 'billed', 'released')),
        invoice_id bigint,
        calls bigint NOT NULL,
        seconds bigint NOT NULL,
        net_micro numeric NOT NULL,
        unpriced bigint NOT NULL,
        UNIQUE (run_id, customer_id)
    )
    """,
    "CREATE UNIQUE INDEX usage_close_one_open ON usage_close (customer_id) WHERE state = 'closed'",
    "CREATE INDEX usage_close_customer ON usage_close (customer_id)",
)

RETRY = (
    """
    CREATE TABLE retry_request (
        generation bigint NOT NULL,
        kind text NOT NULL CHECK (kind IN ('number', 'customer', 'unpriced', 'everything')),
        value text NOT NULL,
        PRIMARY KEY (generation, kind, value)
    )
    """,
)

STATEMENTS = (*GATE, *INPUT, *OUTCOMES, *TARIFFS, *READ_MODEL, *FILES, *CLOSES, *RETRY)
TABLES = [
    "retry_request",
    "usage_close",
    "close_request",
    "run_marker",
    "cut",
    "cdr_file_chunk",
    "cdr_file",
    "mapping",
    "reference_entry",
    "assignment",
    "number",
    "customer",
    "lists_changed",
    "default_tariff",
    "inbound_class",
    "destination",
    "rate",
    "tariff",
    "rejected",
    "duplicate",
    "held",
    "usage",
    "record_key",
    "input_position",
    "gate",
]


def upgrade() -> None:
    """Create everything."""
    create_kit_tables(op)
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop everything."""
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
    drop_kit_tables(op)
