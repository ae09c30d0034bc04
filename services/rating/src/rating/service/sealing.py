"""Segments of usage: a new one is begun when the open one has grown, and the old one gets its indexes at once.

Rows are copied into a leaf without an index, for keeping one row by row costs as much as all else of storing. What is
read from the open leaf is read from end to end, so it is sealed before it is large, and before a run is closed.
"""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from rating.domain.segments import segment_of
from rating.store import gate
from rating.store import segments as store
from service_kit.database import Transaction, bound, transaction
from service_kit.faults import crash_point
from service_kit.logs import logger

_log = logger(__name__)
ROW_BYTES = 320
"""What a row takes, about."""
SEAL_BYTES = 1_000_000 * ROW_BYTES
CUT_BYTES = 100_000 * ROW_BYTES
"""A leaf that is smaller is read from end to end in no time."""
_unsound: set[int] = set()
"""Segments that this process found to hold a usage id twice: it goes on without them, and a restart looks again."""
_vacuumed: set[int] = set()
"""Segments that this process has vacuumed; where an old transaction took the effect away, it is not repeated."""


async def seal_step(seal_bytes: int = SEAL_BYTES) -> bool:
    """Do one step that is due: index a sealed leaf, make the next, vacuum, or begin one. Returns whether one was."""
    if await _index_next() or await _keep_one_ahead() or await _vacuum_next():
        return True
    async with transaction() as tx:
        if not await store.only_one(tx.connection):
            return False
        return await begin_segment(tx, seal_bytes) is not None


async def begin_segment(tx: Transaction, least_bytes: int) -> int | None:
    """Begin the next segment if the open one is so large already and the next one's leaf is there.

    Args:
        tx: it passes the gate alone, and the segment begins with its commit.

    Returns: the last generation that is not the new segment's; None where none was begun.
    """
    open_one = segment_of(await gate.generation(tx.connection))
    if await store.size_bytes(tx.connection, open_one) < least_bytes:
        return None
    if await store.newest(tx.connection) <= open_one:
        return None
    now = await gate.start_segment(tx.connection, open_one + 1)
    crash_point("rating.sealing")
    return now - 1


async def index_sealed() -> None:
    """Give every sealed leaf its indexes; where another process is about it, wait for that."""
    while await _index_next(wait=True):
        pass


async def _index_next(*, wait: bool = False) -> bool:
    async with transaction() as tx:
        if not await store.only_one(tx.connection, wait=wait):
            return False
        open_one = segment_of(await gate.generation(tx.connection))
        segment = await store.next_to_index(tx.connection, open_one, _unsound)
        if segment is None:
            return False
        await store.let_no_usage_go(tx.connection)
        await _index(tx, segment)
        crash_point("rating.sealed")
        return True


async def _index(tx: Transaction, segment: int) -> None:
    await store.index_customers(tx.connection, segment)
    try:
        async with tx.connection.begin_nested():
            await store.index_usage_ids(tx.connection, segment)
    except IntegrityError as error:
        _unsound.add(segment)
        _log.critical("a segment holds a usage id twice: it is not sealed", segment=segment, error=str(error.orig))


async def _vacuum_next() -> bool:
    async with bound().engine.connect() as pooled:
        connection = await pooled.execution_options(isolation_level="AUTOCOMMIT")
        segment = await store.next_to_vacuum(connection, _vacuumed)
        if segment is None:
            return False
        _vacuumed.add(segment)
        await store.vacuum(connection, segment)
        return True


async def _keep_one_ahead() -> bool:
    async with transaction() as tx:
        if not await store.only_one(tx.connection):
            return False
        open_one, newest = segment_of(await gate.generation(tx.connection)), await store.newest(tx.connection)
        if newest > open_one:
            return False
        await store.add(tx.connection, newest + 1)
        crash_point("rating.segment-added")
        return True
