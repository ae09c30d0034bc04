"""The gate: whatever changes how a CDR is judged passes it alone, and leaves a new generation behind.

Storing a batch holds the gate shared; a change holds it exclusively. Both locks end with their transaction. Advisory
locks are fair to the writer; a row lock held shared by a stream of batches starves it.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

GATE_LOCK = 0x7261_7469_6E67  # "rating"

_EXCLUSIVE = text("SELECT pg_advisory_xact_lock(:lock)")
_SHARED = text("SELECT pg_advisory_xact_lock_shared(:lock)")
_GENERATION = text("SELECT generation FROM gate")
_NEXT = text("UPDATE gate SET generation = generation + 1 RETURNING generation")


async def pass_alone(connection: AsyncConnection) -> int:
    """Take the gate exclusively for the rest of this transaction.

    Returns: the new generation; what is judged or stored from now on has it, or a later one.
    """
    await connection.execute(_EXCLUSIVE, {"lock": GATE_LOCK})
    return int((await connection.execute(_NEXT)).scalar_one())


async def pass_shared(connection: AsyncConnection) -> int:
    """Hold the gate shared for the rest of this transaction. Returns the generation, which stays until then."""
    await connection.execute(_SHARED, {"lock": GATE_LOCK})
    return int((await connection.execute(_GENERATION)).scalar_one())


async def generation(connection: AsyncConnection) -> int:
    """The generation now; without the gate it may be another a moment later."""
    return int((await connection.execute(_GENERATION)).scalar_one())
