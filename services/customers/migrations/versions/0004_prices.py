"""Prices of standard features by date, and increases."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES: tuple[str, ...] = (
    """
    CREATE TABLE increase (
        increase_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        token text NOT NULL,
        state text NOT NULL,
        effective_from date NOT NULL,
        terms jsonb NOT NULL,
        steps jsonb NOT NULL,
        actor text NOT NULL,
        asked_at timestamptz NOT NULL,
        reached bigint NOT NULL,
        customers integer NOT NULL,
        features integer NOT NULL,
        charges integer NOT NULL,
        CONSTRAINT increase_state CHECK (state IN ('scheduled', 'applying', 'applied', 'cancelled'))
    )
    """,
    "CREATE UNIQUE INDEX increase_token ON increase (token)",
    "CREATE INDEX increase_open ON increase (state) WHERE state IN ('scheduled', 'applying')",
    """
    CREATE TABLE increase_charge (
        increase_id bigint NOT NULL REFERENCES increase,
        feature_id bigint NOT NULL REFERENCES feature ON DELETE CASCADE,
        charge_id bigint NOT NULL,
        new_charge_id bigint NOT NULL,
        PRIMARY KEY (increase_id, feature_id, charge_id)
    )
    """,
    "CREATE INDEX increase_charge_feature ON increase_charge (feature_id)",
    """
    CREATE TABLE feature_price (
        code text NOT NULL,
        valid_from date NOT NULL,
        charges jsonb NOT NULL,
        increase_id bigint REFERENCES increase,
        PRIMARY KEY (code, valid_from)
    )
    """,
    "CREATE INDEX feature_code ON feature (code, customer_id) WHERE kind = 'feature'",
)


def upgrade() -> None:
    """Make them."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    op.execute("DROP INDEX feature_code")
    op.execute("DROP TABLE feature_price, increase_charge, increase")
