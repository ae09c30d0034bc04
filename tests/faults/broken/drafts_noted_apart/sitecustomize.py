"""Python reads this before anything else of a process: it commits drafts first, and then that they are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from invoicing.service import drafting
from invoicing.store import runs
from service_kit.database import transaction
from service_kit.faults import crash_point

_draft_group, _save_verdicts = drafting._draft_group, runs.save_verdicts
_verdicts: list[tuple[int, Sequence[Any]]] = []


async def _keep_for_later(connection: AsyncConnection, run_id: int, rows: Sequence[Any]) -> None:
    _verdicts.append((run_id, rows))


async def _draft_then_note(run_id: int, group: int) -> bool:
    drafted = await _draft_group(run_id, group)
    if drafted:
        crash_point("drafts-noted-apart")
    async with transaction() as tx:
        while _verdicts:
            await _save_verdicts(tx.connection, *_verdicts.pop())
    return drafted


runs.save_verdicts = _keep_for_later
drafting._draft_group = _draft_then_note
