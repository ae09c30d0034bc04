"""What customers have on no bill, told once a minute for those that have changed (SPEC C13, DESIGN "A billing run").

Nothing is counted as calls are stored: the role `unbilled` adds up what was stored since, by generations. A draft is no
bill yet. Prices are those before discount plans, which are decided when the bill is made.
"""

from __future__ import annotations

from contracts.closing import UsageUnbilled
from rating.domain.closing import pounds
from rating.store import gate
from rating.store import unbilled as store
from service_kit import clock
from service_kit.database import transaction
from service_kit.faults import crash_point

TOLD_AT_ONCE = 2_000


async def fold_next(every_s: float) -> bool:
    """Bring the totals up to date where that was not done for so long. Returns whether it was done now."""
    async with transaction() as tx:
        if not await gate.only_one(tx.connection, store.UNBILLED_LOCK):
            return False
        if not await store.is_due(tx.connection, every_s):
            return False
        generation = await gate.pass_alone(tx.connection) - 1
    async with transaction() as tx:
        await store.one_snapshot(tx.connection)
        if not await gate.only_one(tx.connection, store.UNBILLED_LOCK):
            return False
        await store.fold(tx.connection, generation)
        crash_point("rating.folded")
        return True


async def tell_next(limit: int = TOLD_AT_ONCE) -> bool:
    """Tell the next totals that have changed. Returns whether there were any."""
    async with transaction() as tx:
        if not await gate.only_one(tx.connection, store.UNBILLED_LOCK):
            return False
        totals = await store.untold(tx.connection, limit)
        await tx.publish_many([_unbilled(each) for each in totals])
        crash_point("rating.unbilled-told")
        return bool(totals)


def _unbilled(total: store.Total) -> UsageUnbilled:
    return UsageUnbilled(
        customer_id=total.customer_id,
        version=total.version,
        as_of=clock.now(),
        calls=total.calls,
        net_exact=pounds(total.net_micro),
    )
