"""Settings of the notifications service."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar, Literal

from pydantic import Field

from service_kit.settings import ServiceSettings


class NotificationsSettings(ServiceSettings):
    """The platform's settings, and how mail is sent. `smtp` is `smtp://[user:password@]host:port`, or `smtps://`."""

    service: ClassVar[str] = "notifications"

    postgres_pool: int = 8
    """The relay and the sender's lock hold one connection each."""
    unconfirmed: Literal["hold", "resend"] = "hold"
    """What becomes of a message whose process died while the mail server had it: held for a person, or sent again
    under the same Message-ID, where the server recognises one. See docs/decisions/0005."""
    mail_connections: int = Field(default=4, ge=1, le=64)
    """SMTP connections of one process; each stays open and sends one message after another."""
    mail_timeout_seconds: int = Field(default=60, ge=1)
    """The longest wait for an answer of the mail server."""
    mail_retry_first_seconds: int = Field(default=60, ge=1)
    """The pause after the first answer of 4xx; it doubles from try to try."""
    mail_retry_longest_seconds: int = Field(default=3600, ge=1)
    mail_give_up_hours: int = Field(default=72, ge=1)
    """A recipient that was put off for so long has failed."""


@lru_cache
def settings() -> NotificationsSettings:
    """This process's settings, read once."""
    return NotificationsSettings()
