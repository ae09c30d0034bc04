"""What other services told of customers' accounts: balances, unbilled usage, latest invoices and payments."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    """Make them."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
