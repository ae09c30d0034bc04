"""Settings of the customers service."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from pydantic import Field

from service_kit.settings import ServiceSettings


class CustomersSettings(ServiceSettings):
    """The platform's settings, and how account numbers are made (SPEC C2)."""

    service: ClassVar[str] = "customers"

    account_prefix: str = Field(default="F", max_length=16)
    """What an account number made by the system begins with: `FARTHING_ACCOUNT_PREFIX`."""
    account_width: int = Field(default=6, ge=1, le=18)
    """Its least digits, filled with zeros: `FARTHING_ACCOUNT_WIDTH`."""
    annual_increases: bool = True
    """Whether customers have an annual increase profile and date (SPEC C12): `FARTHING_ANNUAL_INCREASES`."""


@lru_cache
def settings() -> CustomersSettings:
    """This process's settings, read once."""
    return CustomersSettings()
