"""What became of the messages to customers (SPEC N1, N2)."""

from __future__ import annotations

from typing import ClassVar

from contracts import topics
from contracts.base import CustomerEvent, Id, Instant


class NotificationState(CustomerEvent):
    """A message to one recipient. `request_id` and `invoice_id` say which request it answers."""

    topic: ClassVar[str] = topics.NOTIFICATIONS

    message_id: Id
    request_id: Id | None = None
    invoice_id: Id | None = None
    occasion: str
    recipient: str
    at: Instant
    server_answer: str = ""


class NotificationSent(NotificationState):
    """The mail server took the message."""

    event_type: ClassVar[str] = "notification.sent"


class NotificationFailed(NotificationState):
    """The message failed for good."""

    event_type: ClassVar[str] = "notification.failed"


class AddressSuspended(CustomerEvent):
    """An address bounced hard and gets no more mail (SPEC N2)."""

    event_type: ClassVar[str] = "address.suspended"
    topic: ClassVar[str] = topics.NOTIFICATIONS

    address: str
    reason: str
    at: Instant
