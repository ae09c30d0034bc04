"""Final bills, settling at the action, adjustments of billed usage."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

TABLES: tuple[str, ...] = (
    "ALTER TABLE invoice ADD COLUMN final boolean NOT NULL DEFAULT false, ADD COLUMN final_bill_id bigint",
    "COMMENT ON COLUMN invoice.final_bill_id IS 'the Final Bill it was made on'",
    "CREATE INDEX invoice_final_bill ON invoice (final_bill_id) WHERE final_bill_id IS NOT NULL",
    "ALTER TABLE transaction ADD COLUMN adjustment_id bigint, ADD COLUMN adjusts bigint",
    "COMMENT ON COLUMN transaction.adjusts IS 'the billed usage line that it corrects'",
    "CREATE UNIQUE INDEX transaction_adjustment ON transaction (adjustment_id, adjusts)",
    "CREATE INDEX transaction_adjusts ON transaction (adjusts) WHERE adjusts IS NOT NULL",
    """
    CREATE TABLE usage_adjustment (
        adjustment_id bigint NOT NULL,
        part integer NOT NULL,
        customer_id bigint NOT NULL,
        close_id bigint,
        invoice_id bigint,
        reason text NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (adjustment_id, part)
    )
    """,
    "COMMENT ON COLUMN usage_adjustment.invoice_id IS 'the approved invoice that it was posted against'",
    "CREATE INDEX usage_adjustment_invoice ON usage_adjustment (invoice_id)",
    "CREATE INDEX usage_adjustment_customer ON usage_adjustment (customer_id)",
)


def upgrade() -> None:
    """Make them."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup instead")
