"""The tables of invoicing's own database. The migrations make them; a test holds the two equal."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from service_kit.tables import kit_tables

metadata = MetaData()
kit = kit_tables(metadata)

MONEY = Numeric(17, 2)
EXACT = Numeric()
BY_HAND = "status and low policy do not count (SPEC Z11)"
CONFIRM_EMPTY = "made by hand even without a line"
CANCELLING = "cancelled, with drafts still to be removed"
CHANGED_AFTER = "the newest run requested before its course changed: drafts of runs up to it are made again"
APPROVAL = "how often it was approved; each has documents of its own"
REMADE_BY = "the run that is to make this draft again; it has no lines until then"
PLAN = "the discount plan that priced a usage line, empty where none did"
OPEN = "paid <> gross AND status IN ('approved', 'sent', 'part_paid')"
"""Invoices with something left to pay, credit notes with something left to use; an index has these only."""


def created_at() -> Column[datetime]:
    """When a row was made."""
    return Column("created_at", DateTime(timezone=True), nullable=False)


# What the other services own, as their events tell it -------------------------------------------------------------

customer = Table(
    "customer",
    metadata,
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("account_number", Text, nullable=False),
    Column("billing_cycle", Text),
    Column("vat_rate", Text),
    Column("state", JSONB, nullable=False, comment="contracts.customers.CustomerState"),
    Column("changed_after", BigInteger, comment=CHANGED_AFTER),
)

number = Table(
    "number",
    metadata,
    Column("number_id", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("number", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("removed", Boolean, nullable=False),
    Index("number_customer", "customer_id"),
)

feature = Table(
    "feature",
    metadata,
    Column("feature_id", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("number_id", BigInteger),
    Column("version", BigInteger, nullable=False),
    Column("description", Text, nullable=False),
    Column("removed", Boolean, nullable=False),
    Index("feature_customer", "customer_id"),
)

reference = Table(
    "reference",
    metadata,
    Column("list", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("state", JSONB, nullable=False, comment="contracts.reference.ReferenceUpdated"),
    PrimaryKeyConstraint("list", "code"),
)

charge = Table(
    "charge",
    metadata,
    Column("charge_id", BigInteger, primary_key=True, autoincrement=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("number_id", BigInteger, comment="the number it is for, also through a feature linked to one"),
    Column("feature_id", BigInteger, comment="the feature that has it, where it is not the number's own"),
    Column("kind", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("amount", EXACT, nullable=False),
    Column("quantity", EXACT, nullable=False),
    Column("every_months", Integer),
    Column("in_advance", Boolean, nullable=False),
    Column("vat_rate", Text),
    Column("start", Date, nullable=False),
    Column("end", Date),
    Column("anchor", Date),
    Column("removed", Boolean, nullable=False, server_default=text("false")),
    Column("charged_to", Date, comment="the last day charged (SPEC I2); ours, no event brings it"),
    Column("settlements", Integer, nullable=False, server_default=text("0")),
    CheckConstraint("kind IN ('one_off', 'recurring')", name="charge_kind"),
    Index("charge_customer", "customer_id"),
    Index("charge_number", "number_id"),
    Index("charge_feature", "feature_id"),
)

# Billing runs ------------------------------------------------------------------------------------------------------

billing_run = Table(
    "billing_run",
    metadata,
    Column("run_id", BigInteger, Identity(), primary_key=True),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("state", Text, nullable=False, server_default="draft"),
    Column("bill_to", Date, nullable=False),
    Column("invoice_date", Date, nullable=False),
    Column("due_date", Date),
    Column("message", Text, nullable=False, server_default=""),
    Column("cycles", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("customers", ARRAY(BigInteger)),
    Column("as_of", Date, comment="the local day of the request: statuses are those of this day"),
    Column("kind", Text, nullable=False, server_default="cycles"),
    Column("by_hand", Boolean, nullable=False, server_default=text("false"), comment=BY_HAND),
    Column("confirm_empty", Boolean, nullable=False, server_default=text("false"), comment=CONFIRM_EMPTY),
    Column("cancelling", Boolean, nullable=False, server_default=text("false"), comment=CANCELLING),
    Column("approving", Boolean, nullable=False, server_default=text("false")),
    Column("sending", Boolean, nullable=False, server_default=text("false"), comment="send what is approved next"),
    Column("problem", Text, nullable=False, server_default=""),
    Column("created_by", Text, nullable=False, server_default=""),
    created_at(),
    Column("requested_at", DateTime(timezone=True)),
    Column("started_at", DateTime(timezone=True)),
    Column("completed_at", DateTime(timezone=True)),
    CheckConstraint(
        "state IN ('draft', 'requested', 'running', 'completed', 'completed_with_errors', 'cancelled')",
        name="billing_run_state",
    ),
    CheckConstraint("kind IN ('cycles', 'list', 'manual', 'recreation')", name="billing_run_kind"),
    Index(
        "billing_run_at_work",
        "run_id",
        postgresql_where=text("state IN ('requested', 'running') OR approving OR sending OR cancelling"),
    ),
)

run_marker = Table(
    "run_marker",
    metadata,
    Column("run_id", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("partitions", Integer, nullable=False),
    PrimaryKeyConstraint("run_id", "topic", "partition"),
)

run_customer = Table(
    "run_customer",
    metadata,
    Column("run_id", BigInteger, nullable=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("close_id", BigInteger),
    Column("unpriced", Integer, nullable=False, server_default=text("0")),
    Column("invoice_id", BigInteger),
    Column("active", Boolean, nullable=False, comment="no other run may take the customer (SPEC I3)"),
    Column("resumed_in", BigInteger, comment="the run that tries the parked customer again"),
    PrimaryKeyConstraint("run_id", "customer_id"),
    CheckConstraint("state IN ('waiting', 'closed', 'drafted', 'skipped', 'parked')", name="run_customer_state"),
    Index("run_customer_active", "customer_id", unique=True, postgresql_where=text("active")),
    Index("run_customer_state_of_run", "run_id", "state", "customer_id"),
    Index("run_customer_invoice", "invoice_id", postgresql_where=text("invoice_id IS NOT NULL")),
)

usage_close = Table(
    "usage_close",
    metadata,
    Column("close_id", BigInteger, primary_key=True, autoincrement=False),
    Column("run_id", BigInteger, nullable=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("unpriced", Integer, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("net_exact", EXACT, nullable=False),
    Index("usage_close_run_customer", "run_id", "customer_id"),
)

usage_close_part = Table(
    "usage_close_part",
    metadata,
    Column("close_id", BigInteger, nullable=False),
    Column("part", Integer, nullable=False),
    Column("lines", JSONB, nullable=False, comment="contracts.closing.UsageLine"),
    PrimaryKeyConstraint("close_id", "part"),
)

# Transactions, invoices, documents ----------------------------------------------------------------------------------

transaction = Table(
    "transaction",
    metadata,
    Column("transaction_id", BigInteger, Identity(), primary_key=True),
    Column("customer_id", BigInteger, nullable=False),
    Column("invoice_id", BigInteger, comment="empty: on Unsent"),
    Column("kind", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("net", MONEY, nullable=False),
    Column("vat_rate", Text, comment="empty on Unsent where the customer's is meant"),
    Column("own_vat_rate", Boolean, nullable=False),
    Column("first_day", Date),
    Column("last_day", Date),
    Column("stands_to", Date, comment="the last day that is not refunded"),
    Column("charge_id", BigInteger),
    Column("settlement", Integer),
    Column("unit_price", EXACT),
    Column("quantity", EXACT),
    Column("every_months", Integer),
    Column("number_id", BigInteger),
    Column("number", Text),
    Column("feature_id", BigInteger),
    Column("close_id", BigInteger),
    Column("call_class", Text),
    Column("band", Text),
    Column("calls", BigInteger),
    Column("seconds", BigInteger),
    Column("units", BigInteger),
    Column("volume_bytes", BigInteger),
    Column("list_price", EXACT),
    Column("discount", EXACT),
    Column("net_exact", EXACT),
    Column("cost", EXACT),
    Column("adjustment_id", BigInteger),
    Column("adjusts", BigInteger, comment="the billed usage line that it corrects"),
    Column("plan", Text, nullable=False, server_default="", comment=PLAN),
    CheckConstraint(
        "kind IN ('one_off', 'recurring', 'usage', 'refund', 'adjustment', 'low_usage_charge')",
        name="transaction_kind",
    ),
    Index("transaction_invoice", "invoice_id"),
    Index("transaction_unsent", "customer_id", postgresql_where=text("invoice_id IS NULL")),
    Index("transaction_adjusts", "adjusts", postgresql_where=text("adjusts IS NOT NULL")),
    # These make it impossible to bill a settlement of a charge, or a line of a close, twice, or to adjust one twice.
    Index(
        "transaction_settlement", "charge_id", "settlement", unique=True, postgresql_where=text("charge_id IS NOT NULL")
    ),
    Index(
        "transaction_close_line",
        *("close_id", "number_id", "call_class", "band", "plan"),
        unique=True,
        postgresql_where=text("close_id IS NOT NULL"),
    ),
    Index("transaction_adjustment", "adjustment_id", "adjusts", unique=True),
)

invoice_series = Table(
    "invoice_series",
    metadata,
    Column("series", Text, primary_key=True),
    Column("prefix", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("scope", Text, nullable=False, server_default="company"),
    CheckConstraint("scope IN ('company', 'account')", name="invoice_series_scope"),
)

invoice = Table(
    "invoice",
    metadata,
    Column("invoice_id", BigInteger, Identity(), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("run_id", BigInteger),
    Column("close_id", BigInteger),
    Column("number", Text),
    Column("kind", Text, nullable=False),
    Column("final", Boolean, nullable=False, server_default=text("false")),
    Column("final_bill_id", BigInteger, comment="the Final Bill it was made on"),
    Column("status", Text, nullable=False),
    Column("bill_to", Date, nullable=False),
    Column("invoice_date", Date, nullable=False),
    Column("tax_point", Date, nullable=False),
    Column("due_date", Date),
    Column("currency", Text, nullable=False),
    Column("net", MONEY, nullable=False),
    Column("vat", MONEY, nullable=False),
    Column("gross", MONEY, nullable=False),
    Column("paid", MONEY, nullable=False, server_default=text("0"), comment="allocated to it; below 0: from it"),
    Column("message", Text, nullable=False),
    Column("particulars", JSONB, nullable=False, comment="customer and supplier as they are printed"),
    Column("problem", Text, nullable=False, server_default="", comment="why it could not be approved"),
    Column("approval", Integer, nullable=False, server_default=text("0"), comment=APPROVAL),
    Column("remade_by", BigInteger, comment=REMADE_BY),
    Column("unusual", Text, nullable=False, server_default="", comment="why a person has to look at it first"),
    created_at(),
    Column("approved_at", DateTime(timezone=True)),
    Column("sent_at", DateTime(timezone=True)),
    CheckConstraint("kind IN ('invoice', 'credit_note')", name="invoice_kind"),
    CheckConstraint("status IN ('draft', 'approved', 'sent', 'part_paid', 'paid', 'removed')", name="invoice_status"),
    CheckConstraint("gross = net + vat", name="invoice_gross"),
    CheckConstraint("paid BETWEEN least(gross, 0) AND greatest(gross, 0)", name="invoice_paid"),
    CheckConstraint("(status IN ('draft', 'removed')) OR number IS NOT NULL", name="invoice_numbered"),
    Index("invoice_number", "number", unique=True),
    Index("invoice_one_per_run", "run_id", "customer_id", unique=True, postgresql_where=text("status <> 'removed'")),
    Index("invoice_customer", "customer_id", "invoice_id"),
    Index("invoice_drafts", "run_id", "invoice_id", postgresql_where=text("status = 'draft'")),
    Index("invoice_final_bill", "final_bill_id", postgresql_where=text("final_bill_id IS NOT NULL")),
    Index("invoice_open", "customer_id", postgresql_where=text(OPEN)),
)

invoice_vat_line = Table(
    "invoice_vat_line",
    metadata,
    Column("invoice_id", BigInteger, nullable=False),
    Column("vat_rate", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("treatment", Text, nullable=False),
    Column("percent", EXACT, nullable=False),
    Column("net", MONEY, nullable=False),
    Column("vat", MONEY, nullable=False),
    Column("statement", Text, nullable=False),
    PrimaryKeyConstraint("invoice_id", "vat_rate"),
)

document = Table(
    "document",
    metadata,
    Column("document_id", BigInteger, Identity(), primary_key=True),
    Column("invoice_id", BigInteger, nullable=False),
    Column("approval", Integer, nullable=False, server_default=text("1")),
    Column("copy", Integer, nullable=False, server_default=text("0"), comment="0 is the original"),
    Column("customer", JSONB, comment="name and address on a copy"),
    Column("length", Text, nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("problem", Text, nullable=False, server_default=""),
    Column("sha256", Text),
    Column("bytes", LargeBinary),
    Column("rendered_at", DateTime(timezone=True)),
    CheckConstraint("(sha256 IS NULL) = (bytes IS NULL)", name="document_whole"),
    Index("document_one_per_length", "invoice_id", "approval", "copy", "length", unique=True),
    Index("document_sha256", "sha256"),
    Index("document_wanted", "document_id", postgresql_where=text("sha256 IS NULL")),
)

send_request = Table(
    "send_request",
    metadata,
    Column("request_id", BigInteger, Identity(), primary_key=True),
    Column("invoice_id", BigInteger, nullable=False),
    Column("run_id", BigInteger, comment="the run that was sent; empty where an invoice was sent by hand"),
    Column("recipients", ARRAY(Text), comment="for this time only; empty: the customer's addresses"),
    Column("not_emailed", Boolean, nullable=False, server_default=text("false")),
    Column("requested_by", Text, nullable=False, server_default=""),
    created_at(),
    Column("sent_at", DateTime(timezone=True)),
    Index("send_request_one_per_run", "run_id", "invoice_id", unique=True),
    Index("send_request_invoice", "invoice_id"),
    Index("send_request_waiting", "request_id", postgresql_where=text("sent_at IS NULL")),
)
