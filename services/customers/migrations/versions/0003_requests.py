"""Requests that were answered, by their idempotency keys."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    """Make them."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
