"""Whether a run has billed everything once: what rating holds and what stands on invoices, compared."""

from __future__ import annotations

from typing import Any

from bench.billing.options import Sizes
from bench.billing.world import World

_CHARGED = "SELECT count(*), sum(charge_micro) FROM usage"
_BILLED = "SELECT sum(calls), sum(net_exact) * 1000000 FROM transaction WHERE kind = 'usage' AND invoice_id IS NOT NULL"
_INVOICES = "SELECT count(*), count(DISTINCT customer_id), count(number) FROM invoice WHERE status <> 'removed'"
_NUMBERED = "SELECT last FROM invoice_series WHERE series = 'company'"
_CHARGES = "SELECT count(*) FROM transaction WHERE kind = 'recurring' AND invoice_id IS NOT NULL"
_DUE = "SELECT count(*) FROM charge WHERE settlements > 1"


def wrong(world: World, sizes: Sizes) -> list[str]:
    """What is not as it must be after all was approved, in words; nothing, if all is well."""
    found = {
        "calls and their charges": (_one(world, "rating", _CHARGED), _one(world, "invoicing", _BILLED)),
        "invoices": (_one(world, "invoicing", _INVOICES), (sizes.all_customers,) * 3),
        "invoice numbers": (_one(world, "invoicing", _NUMBERED), (sizes.all_customers,)),
        "recurring charges": (_one(world, "invoicing", _CHARGES), _one(world, "invoicing", _DUE)),
    }
    return [f"{what}: {one} is not {other}" for what, (one, other) in found.items() if one != other]


def _one(world: World, service: str, statement: str) -> tuple[Any, ...]:
    with world.connect(service) as connection:
        row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return tuple(int(each) for each in row)
