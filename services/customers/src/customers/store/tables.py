"""The tables of customers. The migrations in `services/customers/migrations` make them; a test holds both equal."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    Sequence,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, ExcludeConstraint

from service_kit.tables import kit_tables

metadata = MetaData()
kit = kit_tables(metadata)

entity_id = Sequence("entity_id", metadata=metadata)
"""Ids of customers, numbers, features, assignments and charges: one sequence, so that no two of them are alike."""
account_number_series = Sequence("account_number_series", metadata=metadata)

ACCOUNT_NUMBER_TAKEN = "customer_account_number"
NUMBER_TAKEN = "assignment_number_period"

customer = Table(
    "customer",
    metadata,
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("account_number", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("company_name", Text, nullable=False),
    Column("billing_address", JSONB, nullable=False),
    Column("contact_numbers", ARRAY(Text), nullable=False),
    Column("emails", ARRAY(Text), nullable=False),
    Column("payment_method", Text),
    Column("payment_terms", JSONB(none_as_null=True)),
    Column("vat_rate", Text),
    Column("vat_number", Text, nullable=False),
    Column("account_manager", Text),
    Column("billing_cycle", Text),
    Column("anchor_month", SmallInteger),
    Column("bill_style", Text),
    Column("bill_lengths", JSONB, nullable=False),
    Column("low_invoice", JSONB, nullable=False),
    Column("credit_limit", Numeric(17, 2)),
    Column("rating", JSONB, nullable=False),
    Column("discount_plans", JSONB, nullable=False, server_default=text("'[]'")),
    Column(
        "portal_access",
        JSONB,
        nullable=False,
        server_default=text("""'{"reports": [], "bills": false, "payments": false}'"""),
    ),
    Column("annual_increase_profile", Text),
    Column("annual_increase_date", Date),
    Column("notes", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("action_status", Text),
    Column("final_bill_date", Date),
    Column("final_bill_id", BigInteger),
    Column("drop_date", Date),
    Column("dropped_by_run", BigInteger),
    Column("reinstate_date", Date),
    Column("deletion_due", Date),
    Column("history_before", JSONB(none_as_null=True)),
)
Index(ACCOUNT_NUMBER_TAKEN, func.lower(customer.c.account_number), unique=True)

status_period = Table(
    "status_period",
    metadata,
    Column("period_id", BigInteger, Identity(always=True), primary_key=True),
    Column("customer_id", ForeignKey("customer.customer_id", ondelete="CASCADE"), nullable=False),
    Column("effective_from", Date, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
)
Index("status_period_customer", status_period.c.customer_id)

number = Table(
    "number",
    metadata,
    Column("number_id", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", ForeignKey("customer.customer_id", ondelete="CASCADE"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("number", Text, nullable=False),
    Column("number_type", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("start", Date, nullable=False),
    Column("end", Date),
    Column("rating", JSONB, nullable=False),
    Column("discount_plans", JSONB, nullable=False, server_default=text("'[]'")),
    CheckConstraint('"end" >= start', name="number_days"),
)
Index("number_customer", number.c.customer_id)

feature = Table(
    "feature",
    metadata,
    Column("feature_id", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", ForeignKey("customer.customer_id", ondelete="CASCADE"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("number_id", ForeignKey("number.number_id", ondelete="CASCADE")),
    Column("kind", Text, nullable=False),
    Column("code", Text),
    Column("description", Text, nullable=False),
    Column("start", Date, nullable=False),
    Column("end", Date),
    Column("discount_plans", JSONB, nullable=False, server_default=text("'[]'")),
    CheckConstraint('"end" >= start', name="feature_days"),
    CheckConstraint("kind = 'feature' OR (kind = 'call_plan' AND number_id IS NOT NULL)", name="feature_kind"),
)
Index("feature_customer", feature.c.customer_id)
Index("feature_number", feature.c.number_id)

assignment = Table(
    "assignment",
    metadata,
    Column("assignment_id", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", ForeignKey("customer.customer_id", ondelete="CASCADE"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("number_id", ForeignKey("number.number_id", ondelete="CASCADE"), nullable=False),
    Column("feature_id", ForeignKey("feature.feature_id", ondelete="CASCADE"), nullable=False),
    Column("number", Text, nullable=False),
    Column("call_plan", Text, nullable=False),
    Column("start", Date, nullable=False),
    Column("end", Date),
    CheckConstraint('"end" >= start', name="assignment_days"),
    # SPEC C9: whatever the code does, a number is active for one customer at most on any day.
    ExcludeConstraint(
        ("number", "="),
        (text("daterange(start, \"end\", '[]')"), "&&"),
        name=NUMBER_TAKEN,
        using="gist",
    ),
)
Index("assignment_customer", assignment.c.customer_id)
Index("assignment_number_id", assignment.c.number_id)
Index("assignment_feature", assignment.c.feature_id)

charge = Table(
    "charge",
    metadata,
    Column("charge_id", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", ForeignKey("customer.customer_id", ondelete="CASCADE"), nullable=False),
    Column("number_id", ForeignKey("number.number_id", ondelete="CASCADE")),
    Column("feature_id", ForeignKey("feature.feature_id", ondelete="CASCADE")),
    Column("kind", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("frequency_months", SmallInteger),
    Column("in_advance", Boolean, nullable=False),
    Column("vat_rate", Text),
    Column("start", Date, nullable=False),
    Column("end", Date),
    Column("anchor", Date),
    CheckConstraint("num_nonnulls(number_id, feature_id) = 1", name="charge_owner"),
    CheckConstraint("(kind = 'recurring') = (frequency_months IS NOT NULL)", name="charge_frequency"),
)
Index("charge_number", charge.c.number_id, postgresql_where=charge.c.number_id.is_not(None))
Index("charge_feature", charge.c.feature_id, postgresql_where=charge.c.feature_id.is_not(None))
Index("charge_customer", charge.c.customer_id)

reference_entry = Table(
    "reference_entry",
    metadata,
    Column("list", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("retired", Boolean, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("attributes", JSONB(none_as_null=True)),
    Column("position", Integer, nullable=False, server_default=text("0")),
)
Index(
    "reference_entry_default",
    reference_entry.c.list,
    unique=True,
    postgresql_where=reference_entry.c.is_default,
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", BigInteger, Identity(always=True), primary_key=True),
    Column("customer_id", BigInteger),
    Column("entity", Text, nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("old", JSONB(none_as_null=True)),
    Column("new", JSONB(none_as_null=True)),
)
Index("audit_customer", audit.c.customer_id, audit.c.audit_id)
Index("audit_lists", audit.c.entity, audit.c.audit_id, postgresql_where=audit.c.customer_id.is_(None))
