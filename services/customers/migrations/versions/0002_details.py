"""Portal access, annual increases, discount plans, default value sets."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    """Make them."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
