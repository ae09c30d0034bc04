"""The rating service: its parts put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI

from contracts.cdrs import CdrReceived
from contracts.closing import UsageAdjusted, UsageClosed, UsageUnbilled
from contracts.erasures import ErasureConfirmed
from contracts.reference import DiscountPlanUpdated, TariffUpdated
from contracts.usage import UsageIgnored, UsageRated, UsageRejected, UsageReversed, UsageSuspended, UsageUnpriced
from rating.api import ROUTERS
from rating.closer import closer, retry, sealer, unbilled
from rating.config import RatingSettings
from rating.consumers import subscribe
from rating.eraser import eraser
from rating.files import files
from rating.service.cdrs import stop_sending
from rating.service.mappings import seed_mappings
from rating.worker import worker
from service_kit.host import Role, Service, run
from service_kit.http import create_app
from service_kit.logs import logger

SCHEMA_REVISION = "0007"
PUBLISHES = (
    CdrReceived,
    UsageRated,
    UsageSuspended,
    UsageIgnored,
    UsageUnpriced,
    UsageRejected,
    UsageClosed,
    UsageAdjusted,
    UsageUnbilled,
    UsageReversed,
    TariffUpdated,
    DiscountPlanUpdated,
    ErasureConfirmed,
)
WORKERS: dict[str, Role] = {
    "worker": worker,
    "files": files,
    "closer": closer,
    "retry": retry,
    "sealer": sealer,
    "unbilled": unbilled,
    "eraser": eraser,
}
_log = logger(__name__)


def app() -> FastAPI:
    """The HTTP app."""
    made = create_app(
        "rating",
        title="Farthing: rating",
        description="Tariffs, CDR files and batches, usage, suspense, and the account of every record.",
        routers=ROUTERS,
    )
    made.router.lifespan_context = _running
    return made


@asynccontextmanager
async def _running(_: FastAPI) -> AsyncIterator[None]:
    """Before the first request: a new installation gets the mappings that ship with it."""
    added = await seed_mappings()
    if added:
        _log.info("mappings seeded", mappings=added)
    yield
    await stop_sending()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the service; see service_kit.host for its arguments."""
    run(Service("rating", RatingSettings, SCHEMA_REVISION, app, subscribe, WORKERS, PUBLISHES), arguments)
