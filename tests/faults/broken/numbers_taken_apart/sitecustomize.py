"""Python reads this before anything else of a process: its approvals take numbers in a transaction of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from invoicing.service import approvals
from service_kit.database import Transaction, transaction

_numbers_for = approvals.numbers_for


async def _taken_apart(tx: Transaction, drafts: Sequence[Row[Any]]) -> dict[int, str]:
    async with transaction() as apart:
        return await _numbers_for(apart, drafts)


approvals.numbers_for = _taken_apart
