"""Erasing customers (SPEC C17): in bounded steps, remembered by id, so that what is told of them later is dropped.

A service keeps a row of `erasure` for each erased customer: its id and two instants, nothing that names anybody.

* Its handler of `customers` calls `begin` for `customer.erased`: from that commit on the customer counts as erased.
* Its other handlers ask `admitted` before they keep anything of a customer. They hold the erasure off until their own
  transaction ends, so nothing slips in behind it.
* Its role `eraser` calls `erase_next` again and again. A step is one transaction that looks at what is left: killed
  anywhere, the next one goes on. When nothing is left, `erasure.confirmed` is told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import TypeAlias

from sqlalchemy import MetaData, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.customers import CustomerErased
from contracts.erasures import ErasureConfirmed
from service_kit import clock
from service_kit.database import Transaction, transaction
from service_kit.faults import crash_point
from service_kit.idempotency import forget_answers
from service_kit.logs import logger
from service_kit.tables import erasure_table

ROWS = 5_000
"""Rows that one step erases, about."""
IDLE_S = 1.0
Part: TypeAlias = Callable[[Transaction, int, int], Awaitable[int]]
"""One kind of data: (transaction, customer id, rows at most) to how many rows it erased; 0 says that none is left."""

_log = logger(__name__)
_NAMESPACE = 0x6572_6173  # "eras"
_BUCKETS = 64  # few locks whatever the batch: the table of locks has an end
_LOCK = text(
    "SELECT pg_advisory_xact_lock(:namespace, bucket) FROM unnest(CAST(:buckets AS int[])) AS bucket ORDER BY bucket"
)
_LOCK_SHARED = text(str(_LOCK).replace("xact_lock", "xact_lock_shared"))


_erasure = erasure_table(MetaData())


async def begin(connection: AsyncConnection, events: Iterable[CustomerErased]) -> set[int]:
    """From this transaction's commit on these customers are erased. Returns the ids of those that were not before."""
    rows = {each.customer_id: {"customer_id": each.customer_id, "erased_at": each.erased_at} for each in events}
    if not rows:
        return set()
    await connection.execute(_LOCK, _buckets(rows))
    statement = insert(_erasure).values([rows[each] for each in sorted(rows)]).on_conflict_do_nothing()
    return set(await connection.scalars(statement.returning(_erasure.c.customer_id)))


async def erased_among(connection: AsyncConnection, customers: Collection[int]) -> set[int]:
    """Those of these customers who are erased."""
    if not customers:
        return set()
    statement = select(_erasure.c.customer_id).where(_erasure.c.customer_id == func.any(list(customers)))
    return set(await connection.scalars(statement))


async def admitted(connection: AsyncConnection, customers: Collection[int]) -> set[int]:
    """Those of these customers who are not erased, and will not be before this transaction ends."""
    if not customers:
        return set()
    await connection.execute(_LOCK_SHARED, _buckets(customers))
    return set(customers) - await erased_among(connection, customers)


def _buckets(customers: Iterable[int]) -> dict[str, object]:
    return {"namespace": _NAMESPACE, "buckets": sorted({each % _BUCKETS for each in customers})}


async def erase_next(service: str, parts: Sequence[Part], rows: int = ROWS) -> bool:
    """Erase some of the next customer that is to be erased; when nothing is left of it, confirm.

    Args:
        service: who confirms.
        parts: all that the service keeps of a customer, in the order in which it goes.
        rows: how many rows to erase in this step, about.

    Returns: whether there was a customer to be erased.
    """
    async with transaction() as tx:
        customer_id = await _next(tx.connection)
        if customer_id is None:
            return False
        if not await _erase_some(tx, customer_id, parts, rows):
            await forget_answers(tx.connection, customer_id)
            await _confirm(tx, customer_id, service)
        crash_point(f"{service}.erasing")
        return True


async def _next(connection: AsyncConnection) -> int | None:
    """The next customer to be erased, locked; one that another process is at is passed over."""
    open_ones = select(_erasure.c.customer_id).where(_erasure.c.confirmed_at.is_(None))
    next_one = open_ones.order_by(_erasure.c.customer_id).limit(1).with_for_update(skip_locked=True)
    found: int | None = await connection.scalar(next_one)
    return found


async def _erase_some(tx: Transaction, customer_id: int, parts: Sequence[Part], rows: int) -> bool:
    """Returns whether there may be more."""
    left = rows
    for part in parts:
        left -= await part(tx, customer_id, left)
        if left <= 0:
            return True
    return False


async def _confirm(tx: Transaction, customer_id: int, service: str) -> None:
    now = clock.now()
    done = _erasure.update().where(_erasure.c.customer_id == customer_id).values(confirmed_at=now)
    await tx.connection.execute(done)
    await tx.publish(ErasureConfirmed(customer_id=customer_id, service=service, confirmed_at=now))
    _log.info("erased", customer_id=customer_id)
