"""Usage taken off bills again; closes that are open once more; running totals of what is unbilled."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

TAKEN_OFF = (
    """
    CREATE TABLE usage_adjustment (
        adjustment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        customer_id bigint NOT NULL,
        close_id bigint NOT NULL REFERENCES usage_close,
        reason text NOT NULL,
        told boolean NOT NULL DEFAULT false
    )
    """,
    "CREATE UNIQUE INDEX usage_adjustment_untold ON usage_adjustment (close_id) WHERE NOT told",
    "CREATE INDEX usage_adjustment_customer ON usage_adjustment (customer_id)",
    # Rows of `usage` as they were when their close was billed.
    """
    CREATE TABLE usage_taken_off (
        adjustment_id bigint NOT NULL REFERENCES usage_adjustment,
        close_id bigint NOT NULL,
        LIKE usage,
        PRIMARY KEY (close_id, usage_id)
    )
    """,
    "CREATE INDEX usage_taken_off_adjustment ON usage_taken_off (adjustment_id)",
    "CREATE INDEX usage_taken_off_customer ON usage_taken_off (customer_id)",
)

CLOSES = (
    "ALTER TABLE usage_close ADD COLUMN reopened boolean NOT NULL DEFAULT false",
    "DROP INDEX usage_close_one_open",
    """
    CREATE UNIQUE INDEX usage_close_one_open ON usage_close (customer_id) WHERE state = 'closed' AND NOT reopened
    """,
    "CREATE INDEX reguide_request_customer ON reguide_request (customer_id)",
    "ALTER TABLE customer ADD COLUMN dropped_by_run bigint",
)

UNBILLED = (
    """
    CREATE TABLE unbilled_folded (
        id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
        generation bigint NOT NULL,
        folded_at timestamptz NOT NULL
    )
    """,
    "INSERT INTO unbilled_folded (generation, folded_at) VALUES (0, '-infinity')",
    """
    CREATE TABLE unbilled_total (
        customer_id bigint PRIMARY KEY,
        calls bigint NOT NULL,
        net_micro numeric NOT NULL,
        version bigint NOT NULL,
        told_version bigint NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX unbilled_total_untold ON unbilled_total (customer_id) WHERE version > told_version",
    # What changes totals beside usage that is stored; without figures the customer's is counted anew.
    """
    CREATE TABLE unbilled_change (
        change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        customer_id bigint NOT NULL,
        calls bigint,
        net_micro numeric
    )
    """,
    # What the calls of a close come to without discounts and fallback prices.
    "ALTER TABLE usage_close ADD COLUMN usage_calls bigint, ADD COLUMN usage_micro numeric",
    "INSERT INTO unbilled_change (customer_id) SELECT DISTINCT customer_id FROM usage_close WHERE state = 'billed'",
)

STATEMENTS = (*TAKEN_OFF, *CLOSES, *UNBILLED)


def upgrade() -> None:
    """Make them."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup instead")
