"""Erasing a customer from this database (SPEC C17), and the record of it, which names nobody."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import RowMapping, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.erasing import Erasure
from customers.domain.search import correctable, words_of
from customers.store.accounts import account, known_invoice, known_payment
from customers.store.lifecycle_tables import erasure, erasure_confirmation, retired_account_number
from customers.store.tables import audit, customer, kit

_KEYS = text(
    """
    SELECT DISTINCT entity, CAST(entity_id AS bigint) FROM audit
    WHERE customer_id = :customer_id AND entity IN ('number', 'feature', 'assignment')
    UNION SELECT 'number', number_id FROM number WHERE customer_id = :customer_id
    UNION SELECT 'feature', feature_id FROM feature WHERE customer_id = :customer_id
    UNION SELECT 'assignment', assignment_id FROM assignment WHERE customer_id = :customer_id
    """
)
_NAMES = text(
    """
    SELECT name FROM customer WHERE customer_id = :customer_id
    UNION SELECT company_name FROM customer WHERE customer_id = :customer_id
    UNION SELECT v.value #>> '{}' FROM audit AS a CROSS JOIN LATERAL (VALUES (a.old), (a.new)) AS v (value)
        WHERE a.customer_id = :customer_id AND a.entity = 'customer' AND a.field IN ('name', 'company_name')
    UNION SELECT v.name FROM audit AS a
        CROSS JOIN LATERAL (VALUES (a.new ->> 'name'), (a.new ->> 'company_name')) AS v (name)
        WHERE a.customer_id = :customer_id AND a.entity = 'customer' AND a.field = 'created'
    """
)
_FORGET_WORDS = text(
    """
    DELETE FROM search_word AS w WHERE w.word = ANY(:words)
        AND NOT EXISTS (SELECT FROM customer_search AS s WHERE s.words @> ARRAY[w.word])
    """
)
_ACCOUNTS = text(
    """
    SELECT account_number FROM customer WHERE customer_id = :customer_id
    UNION SELECT v.value #>> '{}' FROM audit AS a CROSS JOIN LATERAL (VALUES (a.old), (a.new)) AS v (value)
        WHERE a.customer_id = :customer_id AND a.entity = 'customer' AND a.field = 'account_number'
    """
)


async def next_due(connection: AsyncConnection, today: date) -> int | None:
    """A customer whose mark is due, locked; one that another process is at is passed over."""
    due = select(customer.c.customer_id).where(customer.c.deletion_due <= today)
    statement = due.order_by(customer.c.deletion_due, customer.c.customer_id).limit(1)
    found: int | None = await connection.scalar(statement.with_for_update(skip_locked=True))
    return found


async def keys_told(connection: AsyncConnection, customer_id: int) -> list[str]:
    """The keys of all that was ever told of what a customer had, on the compacted topic; its own key aside."""
    rows = await connection.execute(_KEYS, {"customer_id": customer_id})
    return sorted(f"{customer_id}/{entity}/{entity_id}" for entity, entity_id in rows)


async def erase_customer(connection: AsyncConnection, customer_id: int) -> None:
    """Delete all that this database has of a customer. Its account numbers stay taken, as digests that name nobody."""
    asked = {"customer_id": customer_id}
    names = [name for name in (await connection.execute(_NAMES, asked)).scalars() if name]
    accounts = [each for each in (await connection.execute(_ACCOUNTS, asked)).scalars() if each]
    await connection.execute(
        insert(retired_account_number).on_conflict_do_nothing(), [{"digest": digest(each)} for each in accounts]
    )
    for table in (audit, account, known_invoice, known_payment, customer):
        await connection.execute(delete(table).where(table.c.customer_id == customer_id))
    # What was not sent yet goes too: readers are about to be told to erase it.
    await connection.execute(delete(kit.outbox).where(kit.outbox.c.partition_key == str(customer_id)))
    await connection.execute(_FORGET_WORDS, {"words": _words(names)})


def _words(names: Iterable[str]) -> list[str]:
    return sorted({word for name in names for word in words_of(name) if correctable(word)})


def digest(account_number: str) -> bytes:
    """An account number, whatever its case, as it is kept when its customer is erased."""
    return hashlib.sha256(account_number.strip().lower().encode()).digest()


async def retired_among(connection: AsyncConnection, account_numbers: Sequence[str]) -> set[str]:
    """SPEC C2: those of these account numbers that an erased customer had, in lower case."""
    digests = {digest(each): each.strip().lower() for each in account_numbers}
    column = retired_account_number.c.digest
    found = await connection.execute(select(column).where(column == func.any(list(digests))))
    return {digests[bytes(each)] for each in found.scalars()}


async def confirm(connection: AsyncConnection, customer_id: int, service: str, at: datetime) -> None:
    """Keep that a service has erased a customer; said twice it is kept once."""
    values = {"customer_id": customer_id, "service": service, "confirmed_at": at}
    await connection.execute(insert(erasure_confirmation).values(**values).on_conflict_do_nothing())


async def list_erasures(
    connection: AsyncConnection, *, after: int, limit: int, customer_id: int | None = None
) -> list[Erasure]:
    """Erasures by customer id, after one; or that of one."""
    statement = select(erasure).where(erasure.c.customer_id > after).order_by(erasure.c.customer_id).limit(limit)
    if customer_id is not None:
        statement = statement.where(erasure.c.customer_id == customer_id)
    rows = (await connection.execute(statement)).mappings().all()
    ids = [row["customer_id"] for row in rows]
    confirmed = select(erasure_confirmation).where(erasure_confirmation.c.customer_id == func.any(ids))
    said: dict[int, dict[str, datetime]] = {}
    for each in (await connection.execute(confirmed)).mappings():
        said.setdefault(each["customer_id"], {})[each["service"]] = each["confirmed_at"]
    return [_erasure(row, said.get(row["customer_id"], {})) for row in rows]


def _erasure(row: RowMapping, confirmed: dict[str, datetime]) -> Erasure:
    return Erasure(row["customer_id"], row["erased_at"], dict(sorted(confirmed.items())))
