"""The tables of what customers owe and have paid (SPEC I9)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from invoicing.store.tables import MONEY, created_at, metadata

TO_SPREAD = "spread AND NOT reversed AND allocated + refunded < amount"
"""Payments of which something is left that goes to invoices by itself; an index has these only."""

account_balance = Table(
    "account_balance",
    metadata,
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("balance", MONEY, nullable=False),
)

payment = Table(
    "payment",
    metadata,
    Column("payment_id", BigInteger, Identity(), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("currency", Text, nullable=False),
    Column("received_on", Date, nullable=False),
    Column("method", Text),
    Column("reference", Text, nullable=False),
    Column("spread", Boolean, nullable=False, comment="what is left of it goes to the oldest open invoices by itself"),
    Column("allocated", MONEY, nullable=False, server_default=text("0")),
    Column("refunded", MONEY, nullable=False, server_default=text("0")),
    Column("reversed", Boolean, nullable=False, server_default=text("false")),
    Column("reversed_on", Date),
    Column("reason", Text, nullable=False, server_default=""),
    Column("recorded_by", Text, nullable=False, server_default=""),
    created_at(),
    # The last line: whatever a program does, no payment is given out twice.
    CheckConstraint(
        "amount > 0 AND allocated >= 0 AND refunded >= 0 AND allocated + refunded <= amount", name="payment_amounts"
    ),
    CheckConstraint(
        "reversed = (reversed_on IS NOT NULL) AND (NOT reversed OR allocated = 0)", name="payment_reversed"
    ),
    Index("payment_customer", "customer_id", "payment_id"),
    Index("payment_to_spread", "customer_id", postgresql_where=text(TO_SPREAD)),
)

refund = Table(
    "refund",
    metadata,
    Column("refund_id", BigInteger, Identity(), primary_key=True),
    Column("payment_id", BigInteger, nullable=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("refunded_on", Date, nullable=False),
    Column("recorded_by", Text, nullable=False, server_default=""),
    created_at(),
    CheckConstraint("amount > 0", name="refund_amount"),
    Index("refund_payment", "payment_id"),
    Index("refund_customer", "customer_id"),
)

allocation = Table(
    "allocation",
    metadata,
    Column("source", Text, nullable=False),
    Column("source_id", BigInteger, nullable=False, comment="a payment's id, or a credit note's invoice id"),
    Column("invoice_id", BigInteger, nullable=False),
    Column("amount", MONEY, nullable=False),
    PrimaryKeyConstraint("source", "source_id", "invoice_id"),
    CheckConstraint("source IN ('payment', 'credit_note')", name="allocation_source"),
    CheckConstraint("amount > 0", name="allocation_amount"),
    Index("allocation_invoice", "invoice_id"),
)
