"""Final Bill, Drop, Reinstate and Delete: actions, what they ended, marks."""

from __future__ import annotations

from alembic import op

from service_kit.migrations import create_erasures

revision = "0007"
down_revision = "0006"

COLUMNS = {
    "action_status": "text",
    "final_bill_date": "date",
    "final_bill_id": "bigint",
    "drop_date": "date",
    "dropped_by_run": "bigint",
    "reinstate_date": "date",
    "deletion_due": "date",
    "history_before": "jsonb",
}
TABLES: tuple[str, ...] = (
    "CREATE INDEX customer_deletion_due ON customer (deletion_due) WHERE deletion_due IS NOT NULL",
    """
    CREATE TABLE lifecycle_action (
        action_id bigint PRIMARY KEY,
        customer_id bigint NOT NULL REFERENCES customer ON DELETE CASCADE,
        kind text NOT NULL,
        state text NOT NULL,
        "on" date,
        notice_date date,
        reason text,
        actor text NOT NULL,
        at timestamptz NOT NULL,
        terms jsonb NOT NULL,
        problem text
    )
    """,
    "CREATE INDEX lifecycle_action_customer ON lifecycle_action (customer_id, action_id)",
    "CREATE UNIQUE INDEX lifecycle_action_planned ON lifecycle_action (customer_id) WHERE state = 'planned'",
    "CREATE INDEX lifecycle_action_due ON lifecycle_action (\"on\") WHERE state = 'planned'",
    """
    CREATE TABLE kept_entity (
        customer_id bigint NOT NULL REFERENCES customer ON DELETE CASCADE,
        entity_id bigint NOT NULL,
        kept jsonb NOT NULL,
        PRIMARY KEY (customer_id, entity_id)
    )
    """,
    """
    CREATE TABLE erasure_confirmation (
        customer_id bigint NOT NULL,
        service text NOT NULL,
        confirmed_at timestamptz NOT NULL,
        PRIMARY KEY (customer_id, service)
    )
    """,
    "CREATE TABLE retired_account_number (digest bytea PRIMARY KEY)",
    "COMMENT ON COLUMN retired_account_number.digest IS 'SHA-256 of the account number in small letters'",
)
# Statuses that were set by hand before there were actions: their date is the day before they took effect.
_SET_BY_HAND = """
    UPDATE customer AS c SET action_status = now.status, {day} = now.effective_from - 1 {more}
    FROM (
        SELECT DISTINCT ON (customer_id) customer_id, status, effective_from FROM status_period
        WHERE effective_from <= current_date ORDER BY customer_id, effective_from DESC, period_id DESC
    ) AS now
    JOIN reference_entry AS s ON s.list = 'statuses' AND s.code = now.status
    WHERE now.customer_id = c.customer_id AND (s.attributes ->> '{flag}')::boolean
"""


def upgrade() -> None:
    """Make them; customers that are dropped or on Final Bill already have the course that this means."""
    for name, kind in COLUMNS.items():
        op.execute(f"ALTER TABLE customer ADD COLUMN {name} {kind}")
    for statement in TABLES:
        op.execute(statement)
    create_erasures(op)
    op.execute(_SET_BY_HAND.format(day="drop_date", flag="dropped", more=""))
    op.execute(_SET_BY_HAND.format(day="final_bill_date", flag="final_bill", more=", final_bill_id = c.customer_id"))


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup instead")
