"""Recreation, cancelling, manual invoices, bounds, series of accounts."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES: tuple[str, ...] = (
    """
    ALTER TABLE billing_run
        ADD COLUMN kind text NOT NULL DEFAULT 'cycles',
        ADD COLUMN by_hand boolean NOT NULL DEFAULT false,
        ADD COLUMN confirm_empty boolean NOT NULL DEFAULT false,
        ADD COLUMN remakes bigint,
        ADD COLUMN cancelling boolean NOT NULL DEFAULT false,
        ADD CONSTRAINT billing_run_kind CHECK (kind IN ('cycles', 'list', 'manual', 'recreation')),
        ADD CONSTRAINT billing_run_remakes CHECK ((kind = 'recreation') = (remakes IS NOT NULL))
    """,
    "UPDATE billing_run SET kind = 'list' WHERE customers IS NOT NULL",
    "COMMENT ON COLUMN billing_run.by_hand IS 'status and low policy do not count (SPEC Z11)'",
    "COMMENT ON COLUMN billing_run.confirm_empty IS 'made by hand even without a line'",
    "COMMENT ON COLUMN billing_run.remakes IS 'the draft that a recreation makes again'",
    "COMMENT ON COLUMN billing_run.cancelling IS 'cancelled, with drafts still to be removed'",
    "DROP INDEX billing_run_at_work",
    """
    CREATE INDEX billing_run_at_work ON billing_run (run_id)
        WHERE state IN ('requested', 'running') OR approving OR sending OR cancelling
    """,
    """
    ALTER TABLE run_customer
        ADD COLUMN recreate boolean NOT NULL DEFAULT false,
        ADD COLUMN resumed_in bigint
    """,
    "COMMENT ON COLUMN run_customer.recreate IS 'its data changed since it was closed: make its draft again at once'",
    "COMMENT ON COLUMN run_customer.resumed_in IS 'the run that tries the parked customer again'",
    "CREATE INDEX run_customer_invoice ON run_customer (invoice_id) WHERE invoice_id IS NOT NULL",
    """
    ALTER TABLE invoice
        ADD COLUMN approval integer NOT NULL DEFAULT 0,
        ADD COLUMN remade_by bigint,
        ADD COLUMN unusual text NOT NULL DEFAULT ''
    """,
    "COMMENT ON COLUMN invoice.approval IS 'how often it was approved; each has documents of its own'",
    "COMMENT ON COLUMN invoice.remade_by IS 'the run that is to make this draft again; it has no lines until then'",
    "COMMENT ON COLUMN invoice.unusual IS 'why a person has to look at it first'",
    "UPDATE invoice SET approval = 1 WHERE number IS NOT NULL",
    """
    ALTER TABLE document
        ADD COLUMN approval integer NOT NULL DEFAULT 1,
        ADD COLUMN copy integer NOT NULL DEFAULT 0,
        ADD COLUMN customer jsonb
    """,
    "COMMENT ON COLUMN document.copy IS '0 is the original'",
    "COMMENT ON COLUMN document.customer IS 'name and address on a copy'",
    "DROP INDEX document_one_per_length",
    "CREATE UNIQUE INDEX document_one_per_length ON document (invoice_id, approval, copy, length)",
    "ALTER TABLE invoice_series ADD COLUMN scope text NOT NULL DEFAULT 'company'",
    "ALTER TABLE invoice_series ADD CONSTRAINT invoice_series_scope CHECK (scope IN ('company', 'account'))",
    """
    CREATE TABLE account_series (
        customer_id bigint PRIMARY KEY,
        last bigint NOT NULL
    )
    """,
    """
    CREATE TABLE billing_bounds (
        one boolean PRIMARY KEY DEFAULT true CONSTRAINT billing_bounds_one CHECK (one),
        max_net numeric(17, 2),
        max_factor numeric,
        factor_from numeric(17, 2) NOT NULL DEFAULT 0,
        max_credit numeric(17, 2)
    )
    """,
    "INSERT INTO billing_bounds DEFAULT VALUES",
    # A bill notes on each charge how far it is charged: with room in its page no index has to know.
    "ALTER TABLE charge SET (fillfactor = 80)",
    "DROP INDEX transaction_settlement",
    """
    CREATE UNIQUE INDEX transaction_settlement ON transaction (charge_id, settlement) WHERE charge_id IS NOT NULL
    """,
    "DROP INDEX transaction_close_line",
    """
    CREATE UNIQUE INDEX transaction_close_line ON transaction (close_id, number_id, call_class, band)
        WHERE close_id IS NOT NULL
    """,
)


def upgrade() -> None:
    """Make them."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup instead")
