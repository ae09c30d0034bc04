"""Portal access, annual increases, discount plans, default value sets."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES: tuple[str, ...] = (
    "ALTER TABLE number ADD COLUMN discount_plans jsonb NOT NULL DEFAULT '[]'",
    "ALTER TABLE feature ADD COLUMN discount_plans jsonb NOT NULL DEFAULT '[]'",
)


def upgrade() -> None:
    """Make them."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    op.execute("ALTER TABLE feature DROP COLUMN discount_plans")
    op.execute("ALTER TABLE number DROP COLUMN discount_plans")
