"""One table."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make it."""
    op.create_table("probe", sa.Column("id", sa.BigInteger, primary_key=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_table("probe")
