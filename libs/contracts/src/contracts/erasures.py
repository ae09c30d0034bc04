"""Confirmations that a customer's data is erased (SPEC C17)."""

from __future__ import annotations

from typing import ClassVar

from contracts import topics
from contracts.base import CustomerEvent, Instant


class ErasureConfirmed(CustomerEvent):
    """A service has erased all data of the customer."""

    event_type: ClassVar[str] = "erasure.confirmed"
    topic: ClassVar[str] = topics.ERASURES

    service: str
    confirmed_at: Instant
