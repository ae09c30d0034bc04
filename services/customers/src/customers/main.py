"""The customers service: its parts put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI

from contracts import customers as told
from contracts.base import Event
from contracts.erasures import ErasureConfirmed
from contracts.reference import ReferenceUpdated
from customers import worker
from customers.api import ROUTERS
from customers.api.about import ABOUT
from customers.config import CustomersSettings
from customers.consumers import subscribe
from customers.service.reference import seed_defaults
from service_kit.host import Service, run
from service_kit.http import create_app
from service_kit.logs import logger

SCHEMA_REVISION = "0007"
PUBLISHES: tuple[type[Event], ...] = (
    told.CustomerCreated,
    told.CustomerUpdated,
    told.CustomerStatusChanged,
    told.CustomerFinalBilled,
    told.CustomerDropped,
    told.CustomerReinstated,
    told.CustomerDeletionRequested,
    told.CustomerDeletionCancelled,
    told.CustomerErased,
    told.NumberCreated,
    told.NumberUpdated,
    told.NumberRemoved,
    told.AssignmentCreated,
    told.AssignmentUpdated,
    told.AssignmentRemoved,
    told.FeatureCreated,
    told.FeatureUpdated,
    told.FeatureRemoved,
    told.RunMarker,
    told.ReferenceRunMarker,
    ReferenceUpdated,
    ErasureConfirmed,
)
_log = logger(__name__)


def app() -> FastAPI:
    """The HTTP app."""
    made = create_app(
        "customers",
        title="Farthing: customers",
        description="Customers, their numbers and features, status history and reference lists.",
        routers=ROUTERS,
        about=ABOUT,
    )
    made.router.lifespan_context = _start
    return made


@asynccontextmanager
async def _start(_: FastAPI) -> AsyncIterator[None]:
    """Before the first request: a new installation gets its reference lists, without which no customer is valid."""
    added = await seed_defaults()
    if added:
        _log.info("reference lists seeded", entries=len(added))
    yield


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the service; see service_kit.host for its arguments."""
    service = Service(
        "customers",
        CustomersSettings,
        SCHEMA_REVISION,
        app,
        subscribe,
        workers={"prices": worker.prices, "lifecycle": worker.lifecycle},
        publishes=PUBLISHES,
    )
    run(service, arguments)
