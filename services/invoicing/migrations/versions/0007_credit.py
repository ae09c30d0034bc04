"""Unbilled figures and credit limits; erasure."""

from __future__ import annotations

from alembic import op

from service_kit.migrations import create_erasures

revision = "0007"
down_revision = "0006"

TABLES: tuple[str, ...] = (
    """
    CREATE TABLE credit (
        customer_id bigint PRIMARY KEY,
        usage_version bigint,
        usage_calls bigint NOT NULL DEFAULT 0,
        usage_exact numeric NOT NULL DEFAULT 0,
        charges numeric(17, 2),
        told_at timestamptz,
        warned boolean NOT NULL DEFAULT false,
        limited boolean NOT NULL DEFAULT false
    )
    """,
    "COMMENT ON COLUMN credit.charges IS 'unbilled charges with VAT, as they were told last'",
    "COMMENT ON COLUMN credit.told_at IS 'when they were told without a change of balance; wall time'",
    """
    CREATE TABLE credit_changed (
        customer_id bigint PRIMARY KEY,
        not_before timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX credit_changed_due ON credit_changed (not_before)",
)
# Whatever adds or removes a charge is noticed, whichever way it is written; moving one changes no figure.
NOTICING = (
    """
    CREATE FUNCTION note_credit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO credit_changed (customer_id)
        SELECT DISTINCT customer_id FROM concerned WHERE kind <> 'usage' ORDER BY customer_id
        ON CONFLICT (customer_id) DO UPDATE SET not_before = excluded.not_before
        WHERE credit_changed.not_before > excluded.not_before;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER transaction_added AFTER INSERT ON transaction
    REFERENCING NEW TABLE AS concerned FOR EACH STATEMENT EXECUTE FUNCTION note_credit()
    """,
    """
    CREATE TRIGGER transaction_removed AFTER DELETE ON transaction
    REFERENCING OLD TABLE AS concerned FOR EACH STATEMENT EXECUTE FUNCTION note_credit()
    """,
    "INSERT INTO credit_changed (customer_id) SELECT customer_id FROM account_balance",
)


def upgrade() -> None:
    """Make them; who has a balance is looked at once."""
    for statement in (*TABLES, *NOTICING):
        op.execute(statement)
    create_erasures(op)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup instead")
