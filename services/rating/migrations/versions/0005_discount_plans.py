"""Discount plans, who has them, and what closes drew."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

PLANS = (
    """
    CREATE TABLE discount_plan (
        code text PRIMARY KEY,
        version integer NOT NULL,
        plan jsonb NOT NULL,
        retired boolean NOT NULL
    )
    """,
)

HOLDERS = (
    "ALTER TABLE customer ADD COLUMN discount_plans jsonb NOT NULL DEFAULT '[]'",
    "CREATE INDEX customer_with_plans ON customer (customer_id) WHERE discount_plans <> '[]'",
    """
    ALTER TABLE number ADD COLUMN discount_plans jsonb NOT NULL DEFAULT '[]',
                       ADD COLUMN start_date date NOT NULL DEFAULT '-infinity', ADD COLUMN end_date date
    """,
    "CREATE INDEX number_with_plans ON number (customer_id) WHERE discount_plans <> '[]'",
    # Features that have discount plans, or had; of others rating needs to know nothing.
    """
    CREATE TABLE feature (
        feature_id bigint PRIMARY KEY,
        version integer NOT NULL,
        customer_id bigint NOT NULL,
        number_id bigint,
        start_date date NOT NULL,
        end_date date,
        discount_plans jsonb NOT NULL,
        removed boolean NOT NULL
    )
    """,
    "CREATE INDEX feature_customer ON feature (customer_id)",
)

DRAWS = (
    # What a close decides of calls that a plan prices; rows of its own beside the usage, void if released.
    """
    CREATE TABLE close_discount (
        close_id bigint NOT NULL REFERENCES usage_close,
        usage_id bigint NOT NULL,
        plan text NOT NULL,
        discount_micro bigint NOT NULL,
        draws jsonb NOT NULL,
        PRIMARY KEY (close_id, usage_id)
    )
    """,
    "CREATE INDEX close_discount_usage ON close_discount (usage_id)",
    """
    CREATE TABLE close_draw (
        close_id bigint NOT NULL REFERENCES usage_close,
        plan text NOT NULL,
        pool text NOT NULL,
        number_id bigint NOT NULL,
        month date NOT NULL,
        drawn numeric NOT NULL,
        PRIMARY KEY (close_id, plan, pool, number_id, month)
    )
    """,
)

TABLES: tuple[str, ...] = (*PLANS, *HOLDERS, *DRAWS)


def upgrade() -> None:
    """Make them."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup instead")
