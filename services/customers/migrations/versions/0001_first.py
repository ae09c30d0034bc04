"""Customers, numbers, features, charges, reference lists, audit, outbox and inbox."""

from __future__ import annotations

from alembic import op

from service_kit.migrations import create_kit_tables, drop_kit_tables

revision = "0001"
down_revision = None

TABLES = (
    "CREATE SEQUENCE entity_id",
    "CREATE SEQUENCE account_number_series",
    """
    CREATE TABLE customer (
        customer_id bigint PRIMARY KEY,
        version integer NOT NULL,
        account_number text NOT NULL,
        name text NOT NULL,
        company_name text NOT NULL,
        billing_address jsonb NOT NULL,
        contact_numbers text[] NOT NULL,
        emails text[] NOT NULL,
        payment_method text,
        payment_terms jsonb,
        vat_rate text,
        vat_number text NOT NULL,
        account_manager text,
        billing_cycle text,
        anchor_month smallint,
        bill_style text,
        bill_lengths jsonb NOT NULL,
        low_invoice jsonb NOT NULL,
        credit_limit numeric(17, 2),
        rating jsonb NOT NULL,
        notes text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE UNIQUE INDEX customer_account_number ON customer (lower(account_number))",
    """
    CREATE TABLE status_period (
        period_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        customer_id bigint NOT NULL REFERENCES customer ON DELETE CASCADE,
        effective_from date NOT NULL,
        status text NOT NULL,
        reason text
    )
    """,
    "CREATE INDEX status_period_customer ON status_period (customer_id)",
    """
    CREATE TABLE number (
        number_id bigint PRIMARY KEY,
        customer_id bigint NOT NULL REFERENCES customer ON DELETE CASCADE,
        version integer NOT NULL,
        number text NOT NULL,
        number_type text NOT NULL,
        label text NOT NULL,
        start date NOT NULL,
        "end" date,
        rating jsonb NOT NULL,
        CONSTRAINT number_days CHECK ("end" >= start)
    )
    """,
    "CREATE INDEX number_customer ON number (customer_id)",
    "CREATE INDEX number_number ON number (number)",
    """
    CREATE TABLE feature (
        feature_id bigint PRIMARY KEY,
        customer_id bigint NOT NULL REFERENCES customer ON DELETE CASCADE,
        version integer NOT NULL,
        number_id bigint REFERENCES number ON DELETE CASCADE,
        kind text NOT NULL,
        code text,
        description text NOT NULL,
        start date NOT NULL,
        "end" date,
        CONSTRAINT feature_days CHECK ("end" >= start),
        CONSTRAINT feature_kind CHECK (kind = 'feature' OR (kind = 'call_plan' AND number_id IS NOT NULL))
    )
    """,
    "CREATE INDEX feature_customer ON feature (customer_id)",
    "CREATE INDEX feature_number ON feature (number_id)",
    """
    CREATE TABLE assignment (
        assignment_id bigint PRIMARY KEY,
        customer_id bigint NOT NULL REFERENCES customer ON DELETE CASCADE,
        version integer NOT NULL,
        number_id bigint NOT NULL REFERENCES number ON DELETE CASCADE,
        feature_id bigint NOT NULL REFERENCES feature ON DELETE CASCADE,
        number text NOT NULL,
        call_plan text NOT NULL,
        start date NOT NULL,
        "end" date,
        CONSTRAINT assignment_days CHECK ("end" >= start),
        -- SPEC C9: a number is active for one customer at most on any day.
        CONSTRAINT assignment_number_period
            EXCLUDE USING gist (number WITH =, daterange(start, "end", '[]') WITH &&)
    )
    """,
    "CREATE INDEX assignment_customer ON assignment (customer_id)",
    "CREATE INDEX assignment_number_id ON assignment (number_id)",
    "CREATE INDEX assignment_feature ON assignment (feature_id)",
    """
    CREATE TABLE charge (
        charge_id bigint PRIMARY KEY,
        customer_id bigint NOT NULL REFERENCES customer ON DELETE CASCADE,
        number_id bigint REFERENCES number ON DELETE CASCADE,
        feature_id bigint REFERENCES feature ON DELETE CASCADE,
        kind text NOT NULL,
        description text NOT NULL,
        amount numeric NOT NULL,
        quantity numeric NOT NULL,
        frequency_months smallint,
        in_advance boolean NOT NULL,
        vat_rate text,
        start date NOT NULL,
        "end" date,
        anchor date,
        CONSTRAINT charge_owner CHECK (num_nonnulls(number_id, feature_id) = 1),
        CONSTRAINT charge_frequency CHECK ((kind = 'recurring') = (frequency_months IS NOT NULL))
    )
    """,
    "CREATE INDEX charge_number ON charge (number_id) WHERE number_id IS NOT NULL",
    "CREATE INDEX charge_feature ON charge (feature_id) WHERE feature_id IS NOT NULL",
    "CREATE INDEX charge_customer ON charge (customer_id)",
    """
    CREATE TABLE reference_entry (
        list text NOT NULL,
        code text NOT NULL,
        version integer NOT NULL,
        name text NOT NULL,
        retired boolean NOT NULL,
        is_default boolean NOT NULL,
        attributes jsonb,
        PRIMARY KEY (list, code)
    )
    """,
    "CREATE UNIQUE INDEX reference_entry_default ON reference_entry (list) WHERE is_default",
    """
    CREATE TABLE audit (
        audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        customer_id bigint,
        entity text NOT NULL,
        entity_id text NOT NULL,
        at timestamptz NOT NULL,
        actor text NOT NULL,
        field text NOT NULL,
        old jsonb,
        new jsonb
    )
    """,
    "CREATE INDEX audit_customer ON audit (customer_id, audit_id)",
)


def upgrade() -> None:
    """Make everything. btree_gist is a trusted extension: the database's owner may create it."""
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    create_kit_tables(op)
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Remove everything but the extension, which others may use."""
    op.execute("DROP TABLE audit, reference_entry, charge, assignment, feature, number, status_period, customer")
    op.execute("DROP SEQUENCE entity_id, account_number_series")
    drop_kit_tables(op)
