"""Unbilled figures and credit limits; erasure."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    """Make them."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup instead")
