"""The role `eraser`: erases customers step by step, and forgets the contents of files (SPEC C17)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from rating.config import settings
from rating.service.erasing import erase_next, forget_files
from service_kit import erasures
from service_kit.repeating import repeat


async def erase_step() -> bool:
    """One step. Returns whether there was anything to do."""
    return await erase_next() or await forget_files(timedelta(days=settings().cdr_files_kept_days))


async def eraser(stop: asyncio.Event) -> None:
    """The role."""
    await repeat(erase_step, stop, idle_s=erasures.IDLE_S)
