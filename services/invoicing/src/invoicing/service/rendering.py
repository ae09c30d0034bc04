"""Rendering the documents of approved invoices: once, and kept for good (SPEC I8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invoicing.documents.model import InvoiceDocument

Render = Callable[["InvoiceDocument"], Awaitable[bytes]]


async def render_next(render: Render, group: int = 16) -> bool:
    return False
