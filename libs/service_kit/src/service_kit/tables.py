"""The tables that service_kit keeps in every service's own database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB


@dataclass(frozen=True)
class KitTables:
    """The outbox, the inbox and the answered requests of one service's metadata."""

    outbox: Table
    inbox: Table
    request_key: Table


def kit_tables(metadata: MetaData) -> KitTables:
    """Add the kit's tables to a service's metadata.

    The outbox's first columns are named as Debezium's outbox event router expects, so that a change data capture can
    take the relay's place.
    """
    return KitTables(_outbox(metadata), _inbox(metadata), _request_key(metadata))


def _outbox(metadata: MetaData) -> Table:
    table = Table(
        "outbox",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("aggregatetype", Text, nullable=False, comment="the topic"),
        Column("aggregateid", Text, nullable=False, comment="the record key"),
        Column("type", Text, nullable=False, comment="the CloudEvents type"),
        Column("payload", JSONB, nullable=False),
        Column("subject", Text, nullable=False),
        Column("seq", BigInteger, Identity(), nullable=False),
        Column("partition", Integer, comment="set where the sender chooses the partition itself"),
        Column("partition_key", Text, comment="the customer id, where its partition is to be taken"),
        Column("time", DateTime(timezone=True), nullable=False, comment="business time"),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("sent_at", DateTime(timezone=True)),
    )
    Index("outbox_unsent", table.c.seq, postgresql_where=text("sent_at IS NULL"))
    Index("outbox_sent", table.c.sent_at, postgresql_where=text("sent_at IS NOT NULL"))
    return table


def _inbox(metadata: MetaData) -> Table:
    table = Table(
        "inbox",
        metadata,
        Column("consumer", Text, nullable=False),
        Column("event_id", Uuid, nullable=False),
        Column("taken_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        PrimaryKeyConstraint("consumer", "event_id"),
    )
    Index("inbox_taken_at", table.c.taken_at, postgresql_using="brin")
    return table


def _request_key(metadata: MetaData) -> Table:
    table = Table(
        "request_key",
        metadata,
        Column("principal", Text, nullable=False, comment="the subject of the caller's token"),
        Column("key", Text, nullable=False),
        Column("method", Text, nullable=False),
        Column("target", Text, nullable=False, comment="path and query"),
        Column("body_sha256", LargeBinary, nullable=False, comment="of what was asked"),
        Column("status", Integer, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("body", LargeBinary, nullable=False, comment="what was answered"),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        PrimaryKeyConstraint("principal", "key"),
    )
    Index("request_key_created_at", table.c.created_at, postgresql_using="brin")
    return table


def erasure_table(metadata: MetaData) -> Table:
    """Add the table of erased customers to a service's metadata; `service_kit.migrations.create_erasures` makes it."""
    table = Table(
        "erasure",
        metadata,
        Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
        Column("erased_at", DateTime(timezone=True), nullable=False, comment="when customers said so, business time"),
        Column("confirmed_at", DateTime(timezone=True), comment="when nothing was left here"),
    )
    Index("erasure_open", table.c.customer_id, postgresql_where=table.c.confirmed_at.is_(None))
    return table
