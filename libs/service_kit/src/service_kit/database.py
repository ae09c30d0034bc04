"""One Postgres database per process: transactions that carry their events, and reads."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from contracts.base import Event
from contracts.topics import BY_NAME
from service_kit import clock
from service_kit.errors import ConfigurationError, DatabaseAway, Transient, TryAgain, Unstorable
from service_kit.settings import sqlalchemy_url

LOCK_TIMEOUT_MS = 15_000
IDLE_IN_TRANSACTION_MS = 60_000
PING_AFTER_S = 1.0
"""A connection that was idle for longer is asked whether it lives before it is used: Postgres may have gone away."""
_SERVER_SETTINGS = (
    f"-c lock_timeout={LOCK_TIMEOUT_MS} -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}"
    " -c timezone=UTC -c jit=off"
)
_LOST_TO_ANOTHER = {"40001", "40P01", "55P03"}
TOMBSTONE = "tombstone"
"""The CloudEvents type of a record without value."""
_NO_TEXT = {"22021", "22P05"}
"""NUL in a text, and in a text within JSON, as the server says it; in a value of its own the driver does."""
_AWAY = {"57P01", "57P02", "57P03", "53300", "25P03"}

_COPY_EVENTS = """
    COPY outbox (id, aggregatetype, aggregateid, type, subject, partition, partition_key, time, payload) FROM STDIN
"""
_INSERT_TOMBSTONE = text(
    """
    INSERT INTO outbox (id, aggregatetype, aggregateid, type, subject, partition_key, time, payload)
    VALUES (:id, :topic, :key, :type, :key, :customer, :time, 'null')
    """
)
_TAKE_IN = text(
    """
    INSERT INTO inbox (consumer, event_id)
    SELECT :consumer, taken FROM unnest(CAST(:ids AS uuid[])) AS taken
    ON CONFLICT DO NOTHING RETURNING event_id
    """
)


class Database:
    """The process's connection pool. `outbox_written` wakes a relay in the same process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.outbox_written = asyncio.Event()

    async def close(self) -> None:
        """Close every connection; the process can bind again afterwards."""
        global _bound
        if _bound is self:
            _bound = None
        await self.engine.dispose()


_bound: Database | None = None


def bind(dsn: str, *, pool_size: int = 5) -> Database:
    """Bind this process to its database. Connects on first use.

    Args:
        dsn: `postgresql://user:password@host:port/database`.
        pool_size: the most connections this process holds.

    Raises:
        ConfigurationError: the DSN is empty or not Postgres.
    """
    global _bound
    engine = create_async_engine(
        sqlalchemy_url(dsn),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        json_deserializer=msgspec.json.decode,
        connect_args={"options": _SERVER_SETTINGS, "application_name": "farthing", "connect_timeout": 10},
    )
    _ping_after_a_rest(engine)
    _bound = Database(engine)
    return _bound


def _ping_after_a_rest(engine: AsyncEngine) -> None:
    """As SQLAlchemy's `pool_pre_ping`, without its round trip where a connection was in use a moment ago."""

    def checked_in(_: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    def checked_out(connection: Any, record: Any, _: Any) -> None:
        if time.monotonic() - record.info.pop("idle_since", time.monotonic()) > PING_AFTER_S and not _lives(connection):
            raise InvalidatePoolError

    def _lives(connection: Any) -> bool:
        try:
            return engine.dialect.do_ping(connection)
        except psycopg.Error:
            return False

    event.listen(engine.sync_engine, "checkin", checked_in)
    event.listen(engine.sync_engine, "checkout", checked_out)


def bound() -> Database:
    """The database this process is bound to.

    Raises:
        ConfigurationError: `bind` has not been called.
    """
    if _bound is None:
        raise ConfigurationError("no database: call service_kit.database.bind(dsn) first")
    return _bound


class Transaction:
    """One Postgres transaction and the events that become true with it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.published = 0

    async def publish(self, event: Event, *, partition: int | None = None) -> UUID:
        """Write an event to the outbox; it is sent after the commit, and only then.

        Args:
            event: what happened, with its whole state.
            partition: the partition to send it to, where not the customer's or the key's.

        Returns: the event's id.
        """
        return (await self.publish_many([event], partition=partition))[0]

    async def publish_many(self, events: Iterable[Event], *, partition: int | None = None) -> list[UUID]:
        """Write events to the outbox, in their order, by COPY. As `publish`."""
        now = clock.now()
        told = list(events)
        rows = [_outbox_row(id, event, partition, now) for id, event in zip(_new_ids(len(told)), told, strict=True)]
        if rows:
            raw = (await self.connection.get_raw_connection()).driver_connection
            assert raw is not None
            async with raw.cursor() as cursor, cursor.copy(_COPY_EVENTS) as copy:
                for row in rows:
                    await copy.write_row(row)
            self.published += len(rows)
        return [row[0] for row in rows]

    async def tombstone(self, topic: str, key: str, customer_id: int) -> UUID:
        """Write a record without value to the outbox: a compacted topic then forgets what it holds under the key.

        Readers pass over it. It goes to the customer's partition, behind whatever was published of the customer before.

        Args:
            topic: a compacted topic (SPEC C17).
            key: the record key of the entity, as its events say it.
            customer_id: whose it is.

        Returns: the record's id.

        Raises:
            ConfigurationError: the topic is in contracts' table and is not compacted: a tombstone would do nothing.
        """
        if topic in BY_NAME and not BY_NAME[topic].compacted:
            raise ConfigurationError(f"{topic} is not compacted: its records go with its retention, not by a tombstone")
        row = {"topic": topic, "key": key, "customer": str(customer_id), "time": clock.now()}
        id = uuid4()
        await self.connection.execute(_INSERT_TOMBSTONE, {**row, "id": id, "type": TOMBSTONE})
        self.published += 1
        return id

    async def take_in(self, consumer: str, event_ids: Sequence[UUID]) -> set[UUID]:
        """Record that these events were taken in by this transaction.

        Args:
            consumer: who takes them in; each consumer has its own memory.
            event_ids: ids of the batch, in any order, repeats allowed.

        Returns: the ids never seen before; only these are to be acted on.
        """
        if not event_ids:
            return set()
        ids = sorted(set(event_ids))  # sorted: two workers with the same events wait instead of deadlocking
        result = await self.connection.execute(_TAKE_IN, {"consumer": consumer, "ids": ids})
        return set(result.scalars())


def _new_ids(count: int) -> list[UUID]:
    """As many `uuid4`: the system is asked once, for it takes longer to answer than all the rest."""
    drawn = os.urandom(16 * count)
    return [UUID(bytes=drawn[start : start + 16], version=4) for start in range(0, len(drawn), 16)]


def _outbox_row(id: UUID, event: Event, partition: int | None, now: datetime) -> tuple[UUID, *tuple[object, ...]]:
    """A row as `_COPY_EVENTS` has its columns."""
    customer = event.customer_key()
    return (
        id,
        event.topic,
        event.key(),
        event.event_type,
        event.subject(),
        partition,
        None if customer is None else str(customer),
        now,
        event.model_dump_json(),
    )


_ambient: ContextVar[Transaction | None] = ContextVar("ambient transaction", default=None)


@asynccontextmanager
async def ambient() -> AsyncIterator[Transaction]:
    """One Postgres transaction around use cases: each `transaction()` of the block is a savepoint in it, each
    `reading()` sees what it has done so far. All of it is committed when the block ends, or nothing is.

    A use case that fails undoes its own part only, and may be tried again. The block has one connection: what it calls
    must not read or write in tasks of its own.

    Raises: as `transaction`.
    """
    async with transaction() as tx:
        token = _ambient.set(tx)
        try:
            yield tx
        finally:
            _ambient.reset(token)


@asynccontextmanager
async def transaction() -> AsyncIterator[Transaction]:
    """One Postgres transaction: committed when the block ends, rolled back when it raises.

    Raises:
        DatabaseAway: the database cannot be reached, or went away; what was done may or may not be committed.
        TryAgain: a deadlock, or a lock that was not free in time; nothing was committed.
    """
    outer = _around()
    if outer is not None:
        async with _savepoint(outer) as tx:
            yield tx
        return
    database = bound()
    with told_apart():
        async with database.engine.begin() as connection:
            tx = Transaction(connection)
            yield tx
    if tx.published:
        database.outbox_written.set()


@asynccontextmanager
async def reading() -> AsyncIterator[AsyncConnection]:
    """A connection in a read-only transaction. Errors as `transaction`."""
    outer = _around()
    if outer is not None:
        async with _savepoint(outer) as tx:
            yield tx.connection
        return
    with told_apart():
        async with bound().engine.connect() as connection:
            await connection.execution_options(postgresql_readonly=True)  # goes with the BEGIN, without a round trip
            async with connection.begin():
                yield connection


def _around() -> Transaction | None:
    """The transaction that this code runs in; a task that outlives it has none."""
    outer = _ambient.get()
    return None if outer is None or outer.connection.closed else outer


@asynccontextmanager
async def _savepoint(outer: Transaction) -> AsyncIterator[Transaction]:
    with told_apart():
        async with outer.connection.begin_nested():
            tx = Transaction(outer.connection)
            yield tx
    outer.published += tx.published


@contextmanager
def told_apart() -> Iterator[None]:
    """Turn the driver's errors that pass by themselves into `Transient` ones, and those about NUL into `Unstorable`."""
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseAway("every database connection of this process is busy") from error
    except (DBAPIError, psycopg.Error) as error:
        told = _told(error)
        if told is None:
            raise
        raise told from error


def _told(error: DBAPIError | psycopg.Error) -> Transient | Unstorable | None:
    """What kind of trouble it is, from SQLAlchemy or from the driver used directly; None where it is of neither."""
    driver = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(driver, "sqlstate", None) or ""
    if state in _LOST_TO_ANOTHER:
        return TryAgain(str(driver))
    if state in _NO_TEXT or (isinstance(driver, psycopg.DataError) and not state and "NUL" in str(driver)):
        return Unstorable(str(driver))
    invalidated = isinstance(error, DBAPIError) and error.connection_invalidated
    lost = invalidated or (isinstance(driver, psycopg.OperationalError) and not state)
    if lost or state in _AWAY or state.startswith("08"):
        return DatabaseAway(str(driver))
    return None
