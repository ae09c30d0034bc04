"""Settings of invoicing, from the environment."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from service_kit.settings import ServiceSettings


class InvoicingSettings(ServiceSettings):
    """Beside what all services have."""

    service: ClassVar[str] = "invoicing"

    postgres_pool: int = 8
    invoicing_url: str = "http://127.0.0.1:8000"
    """Public address of this service: documents are to be had under it."""
    invoicing_render_processes: int = 2
    """Processes that render documents, beside this one."""
    invoicing_render_documents: int = 200
    """After so many documents a rendering process is replaced: its memory grows to a plateau."""
    document_fonts: Path | None = None
    """Folder with further fonts, for names in scripts that our own has not (Chinese, Tamil ...)."""
