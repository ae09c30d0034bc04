"""Customers that were erased."""

from __future__ import annotations

from alembic import op

from service_kit.migrations import create_erasures

revision = "0003"
down_revision = "0002"

ADDRESSES = "CREATE INDEX suspended_address_customer ON suspended_address (customer_id)"


def upgrade() -> None:
    """Make the table, and let a customer's addresses be found."""
    create_erasures(op)
    op.execute(ADDRESSES)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup instead")
