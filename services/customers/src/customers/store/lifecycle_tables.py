"""Tables of Final Bill, Drop, Reinstate and Delete: what was done, what it took, who has confirmed an erasure."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, DateTime, ForeignKey, Index, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from customers.store.tables import customer, metadata
from service_kit.tables import erasure_table

lifecycle_action = Table(
    "lifecycle_action",
    metadata,
    Column("action_id", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", ForeignKey("customer.customer_id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("on", Date),
    Column("notice_date", Date),
    Column("reason", Text),
    Column("actor", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("terms", JSONB, nullable=False),
    Column("problem", Text),
)
_planned = lifecycle_action.c.state == "planned"
Index("lifecycle_action_customer", lifecycle_action.c.customer_id, lifecycle_action.c.action_id)
Index("lifecycle_action_planned", lifecycle_action.c.customer_id, unique=True, postgresql_where=_planned)
Index("lifecycle_action_due", lifecycle_action.c.on, postgresql_where=_planned)

kept_entity = Table(
    "kept_entity",
    metadata,
    Column("customer_id", ForeignKey("customer.customer_id", ondelete="CASCADE"), primary_key=True),
    Column("entity_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kept", JSONB, nullable=False),
)
"""What the present course of a customer took from its numbers, features and active periods, to be given back."""

Index("customer_deletion_due", customer.c.deletion_due, postgresql_where=customer.c.deletion_due.is_not(None))

erasure = erasure_table(metadata)
erasure_confirmation = Table(
    "erasure_confirmation",
    metadata,
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("service", Text, primary_key=True),
    Column("confirmed_at", DateTime(timezone=True), nullable=False),
)
retired_account_number = Table(
    "retired_account_number",
    metadata,
    Column("digest", LargeBinary, primary_key=True, comment="SHA-256 of the account number in small letters"),
)
"""SPEC C2: account numbers of erased customers, never to be used again; what they were is not kept."""
