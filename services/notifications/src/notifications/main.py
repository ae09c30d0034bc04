"""The notifications service: its parts put together."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI

from contracts.erasures import ErasureConfirmed
from contracts.notifications import AddressSuspended, NotificationFailed, NotificationSent
from notifications import worker
from notifications.api import router
from notifications.config import NotificationsSettings
from notifications.consumers import subscribe
from service_kit.host import Service, run
from service_kit.http import create_app

SCHEMA_REVISION = "0003"
PUBLISHES = (NotificationSent, NotificationFailed, AddressSuspended, ErasureConfirmed)


def make_app() -> FastAPI:
    """The HTTP app."""
    return create_app(
        "notifications",
        title="Farthing: notifications",
        description="Emails to customers, their delivery log, suspended addresses.",
        routers=[router],
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Host the roles named on the command line: api, consumers, relay, sender, eraser."""
    service = Service(
        name="notifications",
        settings=NotificationsSettings,
        schema_revision=SCHEMA_REVISION,
        app=make_app,
        subscribe=subscribe,
        workers={"sender": worker.sender, "eraser": worker.eraser},
        publishes=PUBLISHES,
    )
    run(service, arguments)
