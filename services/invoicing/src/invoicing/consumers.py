"""Kafka in: each handler calls one use case."""

from __future__ import annotations

from contracts import customers, topics
from contracts.closing import UsageAdjusted, UsageClosed, UsageUnbilled
from contracts.reference import ReferenceUpdated
from invoicing.service.closes import take_in_closes
from invoicing.service.credit import take_in_usage
from invoicing.service.readmodel import take_in_customers, take_in_reference
from service_kit.kafka import Subscriptions

CUSTOMER_EVENTS = (
    customers.CustomerCreated,
    customers.CustomerUpdated,
    customers.CustomerStatusChanged,
    customers.CustomerFinalBilled,
    customers.CustomerDropped,
    customers.CustomerReinstated,
    customers.CustomerDeletionRequested,
    customers.CustomerDeletionCancelled,
    customers.CustomerErased,
    customers.NumberCreated,
    customers.NumberUpdated,
    customers.NumberRemoved,
    customers.FeatureCreated,
    customers.FeatureUpdated,
    customers.FeatureRemoved,
    customers.RunMarker,
)
REFERENCE_EVENTS = (ReferenceUpdated, customers.ReferenceRunMarker)


def subscribe(subscriptions: Subscriptions) -> None:
    """What invoicing reads. Closes have a group of their own, so that they do not wait behind a load of customers."""
    subscriptions.on(topics.CUSTOMERS, "invoicing", take_in_customers, types=CUSTOMER_EVENTS)
    subscriptions.on(topics.REFERENCE, "invoicing", take_in_reference, types=REFERENCE_EVENTS)
    subscriptions.on(topics.USAGE_CLOSING, "invoicing.closes", take_in_closes, types=(UsageClosed, UsageAdjusted))
    subscriptions.on(topics.USAGE_CLOSING, "invoicing.credit", take_in_usage, types=(UsageUnbilled,))
