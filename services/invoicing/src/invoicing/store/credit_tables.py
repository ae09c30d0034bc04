"""The tables of what is not billed yet and of credit limits (SPEC C13), and of erased customers (C17)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Table, func, text

from invoicing.store.tables import EXACT, MONEY, metadata
from service_kit.tables import erasure_table

credit = Table(
    "credit",
    metadata,
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("usage_version", BigInteger),
    Column("usage_calls", BigInteger, nullable=False, server_default=text("0")),
    Column("usage_exact", EXACT, nullable=False, server_default=text("0")),
    Column("charges", MONEY, comment="unbilled charges with VAT, as they were told last"),
    Column("told_at", DateTime(timezone=True), comment="when they were told without a change of balance; wall time"),
    Column("warned", Boolean, nullable=False, server_default=text("false")),
    Column("limited", Boolean, nullable=False, server_default=text("false")),
)

credit_changed = Table(
    "credit_changed",
    metadata,
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("not_before", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("credit_changed_due", "not_before"),
)

erasure = erasure_table(metadata)
