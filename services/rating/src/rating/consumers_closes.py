"""Kafka in, for billing runs: each subscription hands its batches to one use case."""

from __future__ import annotations

from functools import partial

from contracts.billing import BillingRunRequested
from contracts.closing import UsageCloseBilled, UsageCloseReleased, UsageCloseReopened, UsageCloseRequested
from contracts.topics import BILLING, USAGE_CLOSING
from rating.service.closes import take_in_closing
from rating.service.cuts import take_in_runs
from service_kit.kafka import Subscriptions

CLOSING = (UsageCloseRequested, UsageCloseBilled, UsageCloseReleased, UsageCloseReopened)


def subscribe_closes(subscriptions: Subscriptions, kafka: str | None = None) -> None:
    """What rating reads of runs. `kafka`: brokers whose ends a cut waits for, else FARTHING_KAFKA."""
    subscriptions.on(BILLING, "rating.billing", partial(take_in_runs, kafka=kafka), types=(BillingRunRequested,))
    subscriptions.on(USAGE_CLOSING, "rating.closing", take_in_closing, types=CLOSING)
