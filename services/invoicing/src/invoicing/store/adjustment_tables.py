"""What rating corrected of billed usage; beside the other tables, in the same database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, Text

from invoicing.store.tables import created_at, metadata

usage_adjustment = Table(
    "usage_adjustment",
    metadata,
    Column("adjustment_id", BigInteger, nullable=False),
    Column("part", Integer, nullable=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("close_id", BigInteger),
    Column("invoice_id", BigInteger, comment="the approved invoice that it was posted against"),
    Column("reason", Text, nullable=False),
    created_at(),
    PrimaryKeyConstraint("adjustment_id", "part"),
    Index("usage_adjustment_invoice", "invoice_id"),
    Index("usage_adjustment_customer", "customer_id"),
)
