"""Usage lines that a discount plan prices stand beside those without one."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

STATEMENTS = (
    "ALTER TABLE transaction ADD COLUMN plan text NOT NULL DEFAULT ''",
    "COMMENT ON COLUMN transaction.plan IS 'the discount plan that priced a usage line, empty where none did'",
    "DROP INDEX transaction_close_line",
    """
    CREATE UNIQUE INDEX transaction_close_line ON transaction (close_id, number_id, call_class, band, plan)
    WHERE close_id IS NOT NULL
    """,
)


def upgrade() -> None:
    """Make the column a part of what tells lines of a close apart."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup instead")
