"""What other services told of customers' accounts: balances, unbilled usage, latest invoices and payments."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

_USAGE = "round(unbilled_net * (100 + vat_percent) / 100, 2)"
_EXPOSURE = f"""
    CASE WHEN num_nonnulls(balance, unbilled_charges, {_USAGE}) > 0
    THEN coalesce(balance, 0) + coalesce(unbilled_charges, 0) + coalesce({_USAGE}, 0) END
"""
TABLES: tuple[str, ...] = (
    f"""
    CREATE TABLE account (
        customer_id bigint PRIMARY KEY,
        credit_limit numeric(17, 2),
        vat_rate text,
        vat_percent numeric,
        currency text NOT NULL DEFAULT 'GBP',
        balance numeric(17, 2),
        balance_version bigint,
        unbilled_charges numeric(17, 2),
        unbilled_net numeric,
        unbilled_calls bigint,
        unbilled_as_of timestamptz,
        unbilled_version bigint,
        notice jsonb,
        notice_as_of timestamptz,
        unbilled_usage numeric GENERATED ALWAYS AS ({_USAGE}) STORED,
        exposure numeric GENERATED ALWAYS AS ({_EXPOSURE}) STORED,
        headroom numeric NOT NULL GENERATED ALWAYS AS (coalesce(credit_limit - {_EXPOSURE}, 'Infinity')) STORED,
        used_percent numeric NOT NULL GENERATED ALWAYS AS (
            CASE WHEN credit_limit > 0 THEN coalesce(({_EXPOSURE}) * 100 / credit_limit, '-Infinity')
            WHEN credit_limit = 0 AND {_EXPOSURE} > 0 THEN 'Infinity'
            WHEN credit_limit = 0 AND {_EXPOSURE} <= 0 THEN 0
            ELSE '-Infinity' END
        ) STORED,
        sorted_balance numeric NOT NULL GENERATED ALWAYS AS (coalesce(balance, 0)) STORED
    )
    """,
    "CREATE INDEX account_headroom ON account (headroom, customer_id)",
    "CREATE INDEX account_used_percent ON account (used_percent, customer_id)",
    "CREATE INDEX account_sorted_balance ON account (sorted_balance, customer_id)",
    "CREATE INDEX account_vat ON account (vat_rate, vat_percent)",
    """
    CREATE TABLE known_invoice (
        invoice_id bigint PRIMARY KEY,
        customer_id bigint NOT NULL,
        version integer NOT NULL,
        number text,
        kind text NOT NULL,
        status text NOT NULL,
        bill_to date NOT NULL,
        invoice_date date NOT NULL,
        due_date date,
        currency text NOT NULL,
        net numeric(17, 2) NOT NULL,
        vat numeric(17, 2) NOT NULL,
        gross numeric(17, 2) NOT NULL,
        document_url text,
        document_name text
    )
    """,
    "CREATE INDEX known_invoice_customer ON known_invoice (customer_id, invoice_date, invoice_id)",
    """
    CREATE TABLE known_payment (
        payment_id bigint PRIMARY KEY,
        customer_id bigint NOT NULL,
        version integer NOT NULL,
        state text NOT NULL,
        amount numeric(17, 2) NOT NULL,
        currency text NOT NULL,
        received_on date NOT NULL,
        method text,
        reference text NOT NULL
    )
    """,
    "CREATE INDEX known_payment_customer ON known_payment (customer_id, received_on, payment_id)",
    # Percentages of VAT are entered as soon as the service runs.
    """
    INSERT INTO account (customer_id, credit_limit, vat_rate)
    SELECT customer_id, credit_limit, vat_rate FROM customer
    """,
)


def upgrade() -> None:
    """Make them, with a row for each customer that is there."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Remove them."""
    op.execute("DROP TABLE known_payment, known_invoice, account")
