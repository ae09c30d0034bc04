"""The gate: whatever changes how a CDR is judged passes it alone, and leaves a new generation behind.

Storing a batch holds the gate shared; a change holds it exclusively. Both locks end with their transaction. Advisory
locks are fair to the writer; a row lock held shared by a stream of batches starves it.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.segments import first_generation, leaf, segment_of
from service_kit.errors import TryAgain

GATE_LOCK = 0x7261_7469_6E67  # "rating"

_EXCLUSIVE = text("SELECT pg_advisory_xact_lock(:lock)")
_SHARED = text("SELECT pg_advisory_xact_lock_shared(:lock)")
_ONLY_ONE = text("SELECT pg_try_advisory_xact_lock(:lock)")
_GENERATION = text("SELECT generation FROM gate")
_MOVE = text("UPDATE gate SET generation = :generation")
# Nothing is stored in an earlier segment any more once the gate has left it.
_LEAVE = text("UPDATE segment SET sealed = true WHERE segment < :segment AND NOT sealed")
_IS_AHEAD = text("SELECT EXISTS (SELECT FROM segment WHERE segment = :segment)")


class NoSegmentAhead(TryAgain):
    """The segment that is to be started has no table yet; the role `sealer` makes it."""


async def pass_alone(connection: AsyncConnection) -> int:
    """Take the gate exclusively for the rest of this transaction.

    Returns: the new generation; what is judged or stored from now on has it, or a later one.

    Raises: NoSegmentAhead: the segment's generations are used up; nothing was changed.
    """
    before = await _alone(connection)
    return await _move(connection, before, before + 1)


async def start_segment(connection: AsyncConnection, segment: int) -> int:
    """Pass the gate alone, as `pass_alone`, and jump to a segment, unless somebody has begun it meanwhile.

    Raises: NoSegmentAhead: nothing was changed.
    """
    before = await _alone(connection)
    return await _move(connection, before, max(before + 1, first_generation(segment)))


async def _alone(connection: AsyncConnection) -> int:
    await connection.execute(_EXCLUSIVE, {"lock": GATE_LOCK})
    return await generation(connection)


async def _move(connection: AsyncConnection, before: int, after: int) -> int:
    if segment_of(after) != segment_of(before):
        await _enter(connection, segment_of(after))
    await connection.execute(_MOVE, {"generation": after})
    return after


async def _enter(connection: AsyncConnection, segment: int) -> None:
    if not (await connection.execute(_IS_AHEAD, {"segment": segment})).scalar_one():
        raise NoSegmentAhead(f"{leaf(segment)} does not exist yet: is the role `sealer` running?")
    await connection.execute(_LEAVE, {"segment": segment})


async def pass_shared(connection: AsyncConnection) -> int:
    """Hold the gate shared for the rest of this transaction. Returns the generation, which stays until then."""
    await connection.execute(_SHARED, {"lock": GATE_LOCK})
    return await generation(connection)


async def generation(connection: AsyncConnection) -> int:
    """The generation now; without the gate it may be another a moment later."""
    return int((await connection.execute(_GENERATION)).scalar_one())


async def only_one(connection: AsyncConnection, lock: int) -> bool:
    """Whether this transaction is the only one that holds a lock now, until it ends; it does not wait for it."""
    return bool((await connection.execute(_ONLY_ONE, {"lock": lock})).scalar_one())
