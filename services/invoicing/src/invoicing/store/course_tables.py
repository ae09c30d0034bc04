"""The tables of a billing run's course: series of accounts, and what is unusual on a bill (SPEC I6)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Table, text

from invoicing.store.tables import EXACT, MONEY, metadata

account_series = Table(
    "account_series",
    metadata,
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
)

billing_bounds = Table(
    "billing_bounds",
    metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    Column("max_net", MONEY),
    Column("max_factor", EXACT),
    Column("factor_from", MONEY, nullable=False, server_default=text("0")),
    Column("max_credit", MONEY),
    CheckConstraint("one", name="billing_bounds_one"),
)
