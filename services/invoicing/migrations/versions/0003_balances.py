"""What each customer owes, kept with every approval."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table, with the balances of what was approved before."""
    op.execute(
        """
        CREATE TABLE account_balance (
            customer_id bigint PRIMARY KEY,
            version bigint NOT NULL,
            balance numeric(17, 2) NOT NULL
        )
        """
    )
    op.execute(
        """
        INSERT INTO account_balance
        SELECT customer_id, count(*), sum(gross) FROM invoice
        WHERE status IN ('approved', 'sent', 'part_paid', 'paid') GROUP BY customer_id
        """
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("account_balance")
