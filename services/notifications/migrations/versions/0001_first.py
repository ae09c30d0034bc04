"""Messages, recipients, the delivery log, suspended addresses, outbox and inbox."""

from __future__ import annotations

from alembic import op

from service_kit.migrations import create_kit_tables, drop_kit_tables

revision = "0001"
down_revision = None

MADE = (
    "CREATE SEQUENCE message_id",
    "CREATE SEQUENCE sender_id",
    """
    CREATE TABLE message (
        message_id bigint PRIMARY KEY,
        request_id bigint,
        resend_of bigint,
        customer_id bigint NOT NULL,
        invoice_id bigint,
        occasion text NOT NULL,
        about jsonb NOT NULL,
        message_id_header text NOT NULL,
        state text NOT NULL,
        reason text NOT NULL DEFAULT '',
        tries integer NOT NULL DEFAULT 0,
        next_try_at timestamptz NOT NULL,
        sender_id bigint,
        created_at timestamptz NOT NULL,
        CONSTRAINT message_request UNIQUE (request_id)
    )
    """,
    "COMMENT ON COLUMN message.request_id IS 'one message per request; null where sent again by hand'",
    "COMMENT ON COLUMN message.about IS 'the event that asked for it'",
    "COMMENT ON COLUMN message.next_try_at IS 'wall time, as all instants here'",
    "COMMENT ON COLUMN message.sender_id IS 'the sender that has it in hand'",
    "CREATE INDEX message_due ON message (next_try_at) WHERE state IN ('queued', 'deferred') AND sender_id IS NULL",
    "CREATE INDEX message_in_hand ON message (sender_id) WHERE sender_id IS NOT NULL",
    "CREATE INDEX message_invoice ON message (invoice_id)",
    "CREATE INDEX message_customer ON message (customer_id)",
    "CREATE INDEX message_state ON message (state, message_id)",
    """
    CREATE TABLE recipient (
        message_id bigint NOT NULL REFERENCES message ON DELETE CASCADE,
        position smallint NOT NULL,
        address text NOT NULL,
        state text NOT NULL,
        PRIMARY KEY (message_id, position)
    )
    """,
    "COMMENT ON COLUMN recipient.state IS 'waiting, sent or failed'",
    """
    CREATE TABLE attempt (
        attempt_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        message_id bigint NOT NULL REFERENCES message ON DELETE CASCADE,
        at timestamptz NOT NULL,
        recipient text NOT NULL,
        outcome text NOT NULL,
        server_answer text NOT NULL,
        next_try_at timestamptz
    )
    """,
    "CREATE INDEX attempt_message ON attempt (message_id, attempt_id)",
    """
    CREATE TABLE suspended_address (
        address text PRIMARY KEY,
        customer_id bigint NOT NULL,
        reason text NOT NULL,
        since timestamptz NOT NULL
    )
    """,
    "COMMENT ON COLUMN suspended_address.address IS 'lower case'",
    "COMMENT ON COLUMN suspended_address.customer_id IS 'whose message bounced'",
)
TABLES = ("suspended_address", "attempt", "recipient", "message")


def upgrade() -> None:
    create_kit_tables(op)
    for statement in MADE:
        op.execute(statement)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP SEQUENCE sender_id, message_id")
    drop_kit_tables(op)
