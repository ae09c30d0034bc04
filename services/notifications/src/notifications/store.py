"""The tables of notifications and every query on them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Row,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    cast,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy import Sequence as Series
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service_kit.tables import erasure_table, kit_tables

metadata = MetaData()
kit = kit_tables(metadata)
erasure = erasure_table(metadata)
message_id = Series("message_id", metadata=metadata)
sender_id = Series("sender_id", metadata=metadata)

SENDER_LOCK = 0x6D61696C  # "mail": the first half of the advisory lock that a living sender holds
Found = Row[Any]

message = Table(
    "message",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("request_id", BigInteger, comment="one message per request; null where sent again by hand"),
    Column("resend_of", BigInteger),
    Column("customer_id", BigInteger, nullable=False),
    Column("invoice_id", BigInteger),
    Column("occasion", Text, nullable=False),
    Column("about", JSONB, nullable=False, comment="the event that asked for it"),
    Column("message_id_header", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("next_try_at", DateTime(timezone=True), nullable=False, comment="wall time, as all instants here"),
    Column("sender_id", BigInteger, comment="the sender that has it in hand"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("request_id", name="message_request"),
)
Index(
    "message_due", message.c.next_try_at, postgresql_where=text("state IN ('queued', 'deferred') AND sender_id IS NULL")
)
Index("message_in_hand", message.c.sender_id, postgresql_where=text("sender_id IS NOT NULL"))
Index("message_invoice", message.c.invoice_id)
Index("message_customer", message.c.customer_id)
Index("message_state", message.c.state, message.c.message_id)

recipient = Table(
    "recipient",
    metadata,
    Column("message_id", BigInteger, ForeignKey("message.message_id", ondelete="CASCADE"), primary_key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("address", Text, nullable=False),
    Column("state", Text, nullable=False, comment="waiting, sent or failed"),
)
attempt = Table(
    "attempt",
    metadata,
    Column("attempt_id", BigInteger, Identity(always=True), primary_key=True),
    Column("message_id", BigInteger, ForeignKey("message.message_id", ondelete="CASCADE"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("server_answer", Text, nullable=False),
    Column("next_try_at", DateTime(timezone=True)),
)
Index("attempt_message", attempt.c.message_id, attempt.c.attempt_id)

suspended_address = Table(
    "suspended_address",
    metadata,
    Column("address", Text, primary_key=True, comment="lower case"),
    Column("customer_id", BigInteger, nullable=False, comment="whose message bounced"),
    Column("reason", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
)
Index("suspended_address_customer", suspended_address.c.customer_id)

DUE_STATES = ("queued", "deferred")


async def new_ids(connection: AsyncConnection, count: int) -> list[int]:
    """So many new message ids."""
    series = func.generate_series(1, count).table_valued("each")
    return list(await connection.scalars(select(message_id.next_value()).select_from(series)))


async def add_messages(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> set[int]:
    """Add messages; one whose request has a message already is left out. Returns the ids of those added."""
    if not rows:
        return set()
    statement = insert(message).on_conflict_do_nothing(constraint="message_request").returning(message.c.message_id)
    return set((await connection.execute(statement, rows)).scalars())


async def add_recipients(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add recipients of new messages."""
    if rows:
        await connection.execute(insert(recipient), rows)


async def add_attempts(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the delivery log (SPEC N2)."""
    if rows:
        await connection.execute(insert(attempt), rows)


async def claim(connection: AsyncConnection, sender: int, now: datetime) -> Found | None:
    """The next message that is due, now in this sender's hands; those that others are taking are passed over."""
    due = (
        select(message.c.message_id)
        .where(message.c.state.in_(DUE_STATES), message.c.sender_id.is_(None), message.c.next_try_at <= now)
        .order_by(message.c.next_try_at, message.c.message_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(message)
        .where(message.c.message_id.in_(due.scalar_subquery()))
        .values(sender_id=sender)
        .returning(message)
    )
    return (await connection.execute(statement)).one_or_none()


async def change_in_hand(connection: AsyncConnection, wanted: int, sender: int, **values: Any) -> bool:
    """Change a message that this sender has in hand. Returns whether it still has."""
    mine = (message.c.message_id == wanted, message.c.sender_id == sender)
    statement = update(message).where(*mine).values(**values)
    return bool((await connection.execute(statement)).rowcount)


async def change(connection: AsyncConnection, wanted: int, **values: Any) -> Found:
    """Change a message, whoever has it. Returns it."""
    statement = update(message).where(message.c.message_id == wanted).values(**values).returning(message)
    return (await connection.execute(statement)).one()


async def lock(connection: AsyncConnection, wanted: int) -> Found | None:
    """A message, locked."""
    statement = select(message).where(message.c.message_id == wanted).with_for_update()
    return (await connection.execute(statement)).one_or_none()


async def recipients_of(connection: AsyncConnection, messages: Collection[int]) -> Sequence[Found]:
    """The recipients of messages, in their order."""
    statement = select(recipient).where(recipient.c.message_id.in_(messages))
    return (await connection.execute(statement.order_by(recipient.c.message_id, recipient.c.position))).all()


async def attempts_of(connection: AsyncConnection, messages: Collection[int]) -> Sequence[Found]:
    """The delivery log of messages, oldest first."""
    statement = select(attempt).where(attempt.c.message_id.in_(messages)).order_by(attempt.c.attempt_id)
    return (await connection.execute(statement)).all()


async def save_recipients(connection: AsyncConnection, wanted: int, states: Mapping[str, str]) -> None:
    """Set the states of a message's recipients, by address."""
    for address, state in states.items():
        statement = update(recipient).where(recipient.c.message_id == wanted, recipient.c.address == address)
        await connection.execute(statement.values(state=state))


async def suspended_among(connection: AsyncConnection, addresses: Collection[str]) -> dict[str, str]:
    """Which of these addresses get no mail, with the reason; by address in lower case."""
    wanted = [each.lower() for each in addresses]
    statement = select(suspended_address.c.address, suspended_address.c.reason)
    rows = await connection.execute(statement.where(suspended_address.c.address.in_(wanted)))
    return {row.address: row.reason for row in rows}


async def suspend(connection: AsyncConnection, address: str, customer_id: int, reason: str, since: datetime) -> bool:
    """No more mail to an address. Returns whether that is new."""
    values = {"address": address.lower(), "customer_id": customer_id, "reason": reason, "since": since}
    statement = insert(suspended_address).values(values).on_conflict_do_nothing().returning(suspended_address.c.address)
    return (await connection.scalar(statement)) is not None


async def suspended(connection: AsyncConnection, limit: int, after: str) -> Sequence[Found]:
    """The addresses that get no mail, by name."""
    statement = select(suspended_address).where(suspended_address.c.address > after)
    return (await connection.execute(statement.order_by(suspended_address.c.address).limit(limit))).all()


async def release_address(connection: AsyncConnection, address: str) -> bool:
    """Mail to an address again. Returns whether it was suspended."""
    statement = delete(suspended_address).where(suspended_address.c.address == address.lower())
    return bool((await connection.execute(statement)).rowcount)


async def messages(connection: AsyncConnection, filters: Mapping[str, Any], limit: int, after: int) -> Sequence[Found]:
    """Messages by id, those that fit the filters (column and value; None is no filter)."""
    statement = select(message).where(message.c.message_id > after)
    for column, value in filters.items():
        if value is not None:
            statement = statement.where(message.c[column] == value)
    return (await connection.execute(statement.order_by(message.c.message_id).limit(limit))).all()


async def message_by_id(connection: AsyncConnection, wanted: int) -> Found | None:
    """A message."""
    return (await connection.execute(select(message).where(message.c.message_id == wanted))).one_or_none()


async def counts_by_state(connection: AsyncConnection) -> dict[str, int]:
    """How many messages are in which state."""
    rows = await connection.execute(select(message.c.state, func.count().label("messages")).group_by(message.c.state))
    return {row.state: row.messages for row in rows}


async def erase_messages(connection: AsyncConnection, customer_id: int, limit: int) -> int:
    """Remove messages of a customer, with their recipients and their log. Returns how many."""
    some = select(message.c.message_id).where(message.c.customer_id == customer_id).limit(limit)
    return (await connection.execute(delete(message).where(message.c.message_id.in_(some)))).rowcount


async def erase_addresses(connection: AsyncConnection, customer_id: int, limit: int) -> int:
    """Forget addresses that bounced messages of a customer. Returns how many."""
    some = select(suspended_address.c.address).where(suspended_address.c.customer_id == customer_id).limit(limit)
    statement = delete(suspended_address).where(suspended_address.c.address.in_(some))
    return (await connection.execute(statement)).rowcount


async def in_other_hands(connection: AsyncConnection, mine: int) -> list[int]:
    """Senders, living or not, that have messages in hand, without this one."""
    statement = select(message.c.sender_id).where(message.c.sender_id.is_not(None), message.c.sender_id != mine)
    return list(await connection.scalars(statement.distinct()))


async def sender_is_dead(connection: AsyncConnection, sender: int) -> bool:
    """Whether a sender's lock is free; then it is held to the end of this transaction."""
    statement = select(func.pg_try_advisory_xact_lock(cast(SENDER_LOCK, Integer), _half(sender)))
    return bool(await connection.scalar(statement))


async def take_from(connection: AsyncConnection, sender: int) -> Sequence[Found]:
    """The messages that a dead sender had in hand, locked."""
    statement = select(message).where(message.c.sender_id == sender).order_by(message.c.message_id).with_for_update()
    return (await connection.execute(statement)).all()


@asynccontextmanager
async def living_sender(engine: AsyncEngine) -> AsyncIterator[tuple[int, AsyncConnection]]:
    """A new sender's id; its lock is held while the connection lives, so a dead sender is known by a free lock."""
    async with engine.connect() as pooled:
        connection = await pooled.execution_options(isolation_level="AUTOCOMMIT")
        sender = (await connection.execute(select(sender_id.next_value()))).scalar_one()
        await connection.execute(select(func.pg_advisory_lock(cast(SENDER_LOCK, Integer), _half(sender))))
        try:
            yield sender, connection
        finally:
            await pooled.invalidate()  # ends the session, and the lock with it


def _half(sender: int) -> ColumnElement[int]:
    """An advisory lock of two keys takes 32 bits of each."""
    return cast(sender % 2**31, Integer)
