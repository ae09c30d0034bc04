"""Who works on an input partition."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column.

    Before, a partition had one producer for all who worked on it. What they stored last may be untold; a name of
    somebody without producers has the next worker look.
    """
    op.execute("ALTER TABLE input_position ADD COLUMN worker text")
    op.execute("UPDATE input_position SET worker = 'unnamed-0'")


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup instead")
