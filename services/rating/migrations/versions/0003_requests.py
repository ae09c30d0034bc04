"""Requests that were answered, by their idempotency keys."""

from __future__ import annotations

from alembic import op

from service_kit.migrations import create_request_keys, drop_request_keys

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make their table."""
    create_request_keys(op)


def downgrade() -> None:
    """Remove it."""
    drop_request_keys(op)
