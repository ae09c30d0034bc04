"""Who works on an input partition."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column. (Before, a partition had one producer for all who worked on it.)"""
    op.execute("ALTER TABLE input_position ADD COLUMN worker text")


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup instead")
