"""Settings of the rating service."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from pydantic import Field

from service_kit.settings import ServiceSettings


class RatingSettings(ServiceSettings):
    """The platform's settings, and how files are published."""

    service: ClassVar[str] = "rating"

    postgres_pool: int = Field(default=18, ge=4)
    """Partitions that are stored side by side, closes, retries, files, five consumers and the API each hold one."""

    file_batch_rows: int = Field(default=5_000, ge=100, le=50_000)
    """Rows of a CDR file in one Kafka transaction: `FARTHING_FILE_BATCH_ROWS`."""

    unbilled_every_s: float = Field(default=60, ge=1)
    """How often customers' unbilled usage is told, at most: `FARTHING_UNBILLED_EVERY_S` (SPEC C13)."""

    cdr_files_kept_days: int = Field(default=90, ge=1, le=3_650)
    """How long the contents of a published file are kept: `FARTHING_CDR_FILES_KEPT_DAYS` (SPEC C17)."""

    record_ids_kept_months: int = Field(default=13, ge=13, le=1_200)
    """How long record ids are kept: a call that began before is held as too old to check (SPEC R1)."""


@lru_cache
def settings() -> RatingSettings:
    """This process's settings, read once."""
    return RatingSettings()
