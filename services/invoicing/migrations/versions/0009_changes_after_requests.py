"""A customer knows after which runs' requests its course changed; the flag on who is in a run already goes."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

STATEMENTS = (
    "ALTER TABLE run_customer DROP COLUMN recreate",
    "ALTER TABLE customer ADD COLUMN changed_after bigint",
    """
    COMMENT ON COLUMN customer.changed_after IS
    'the newest run requested before its course changed: drafts of runs up to it are made again'
    """,
)


def upgrade() -> None:
    """Move what is to be made again from the run's customers to the customers."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup instead")
