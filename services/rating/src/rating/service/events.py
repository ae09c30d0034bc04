"""The events that say what became of one call."""

from __future__ import annotations

from datetime import date

from contracts.usage import UsageException, UsageIgnored, UsageRated, UsageSuspended, UsageUnpriced
from rating.domain.cdr import Cdr
from rating.domain.closing import pounds, with_plus
from rating.domain.judging import POUNDS, Held, Rated


def rated_event(usage_id: int, revision: int, rated: Rated, cdr: Cdr) -> UsageRated:
    """The call is charged to a customer."""
    return UsageRated.model_validate(
        {
            "usage_id": usage_id,
            "revision": revision,
            "customer_id": rated.customer_id,
            "number_id": rated.number_id,
            "number": with_plus(cdr.charged_number),
            "source": cdr.source,
            "record_id": cdr.record_id,
            "other_party": with_plus(cdr.other_party),
            "direction": cdr.direction,
            "service_type": cdr.service_type,
            "start": cdr.started,
            "local_date": cdr.local_date,
            "duration_seconds": cdr.seconds,
            "billed_seconds": rated.billed_seconds,
            "units": cdr.units,
            "volume_bytes": cdr.volume_bytes,
            "call_class": rated.call_class,
            "destination": rated.destination,
            "band": cdr.band,
            "tariff": rated.tariff,
            "step": rated.step,
            "charge": pounds(rated.charge_micro),
            "cost": None if rated.cost_micro is None else pounds(rated.cost_micro),
            "currency": POUNDS,
        }
    )


def exception_event(usage_id: int, revision: int, held: Held, cdr: Cdr, received_on: date) -> UsageException:
    """The call is held, ignored or unpriced."""
    told = {
        "usage_id": usage_id,
        "revision": revision,
        "source": cdr.source,
        "record_id": cdr.record_id,
        "charged_number": with_plus(cdr.charged_number),
        "other_party": with_plus(cdr.other_party),
        "start": cdr.started,
        "received_on": received_on,
        "reason": held.reason,
        "detail": held.detail,
    }
    if held.outcome == "unpriced":
        return UsageUnpriced.model_validate({**told, "customer_id": held.customer_id})
    return (UsageSuspended if held.outcome == "suspended" else UsageIgnored).model_validate(told)
