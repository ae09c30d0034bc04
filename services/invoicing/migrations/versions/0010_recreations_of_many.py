"""A run makes many drafts again: which, the drafts say."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Drop the one draft of a run, and with it the constraint."""
    op.execute("ALTER TABLE billing_run DROP COLUMN remakes")


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup instead")
