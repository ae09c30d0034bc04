"""Customers that were erased."""

from __future__ import annotations

from alembic import op

from service_kit.migrations import create_erasures

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    # What was received stays counted when its records are gone.
    """
    CREATE TABLE outcome_erased (
        source text NOT NULL,
        received_on date NOT NULL,
        outcome text NOT NULL,
        reason text NOT NULL,
        records bigint NOT NULL,
        charge_micro numeric NOT NULL,
        PRIMARY KEY (source, received_on, outcome, reason)
    )
    """,
    # Who last read the holders of numbers before this generation cannot learn any more what left since.
    "CREATE TABLE holders_forgotten (id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1), generation bigint NOT NULL)",
    "INSERT INTO holders_forgotten (generation) VALUES (0)",
    "CREATE INDEX duplicate_first ON duplicate (first_usage_id)",
    "CREATE INDEX assignment_customer ON assignment (customer_id)",
    "CREATE INDEX number_customer ON number (customer_id)",
    "CREATE INDEX close_request_customer ON close_request (customer_id)",
)


def upgrade() -> None:
    """Make the tables, and let a customer's rows be found."""
    create_erasures(op)
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup instead")
