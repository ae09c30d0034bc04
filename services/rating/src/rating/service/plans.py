"""Discount plans as data (SPEC R7, C20).

They judge no call, so nothing is behind the gate: closes made from now on draw by what a plan says then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping

from contracts.reference import DiscountPlanUpdated
from rating.store import plans as store
from service_kit.database import reading, transaction
from service_kit.http import NotFound, PreconditionFailed, Problem
from service_kit.logs import logger

ANY = 0
"""An expected version that every version is."""
_log = logger(__name__)


async def list_plans(after: str, limit: int, *, with_retired: bool) -> Sequence[RowMapping]:
    """Plans by code: `code`, `version`, `plan` and `retired`."""
    async with reading() as connection:
        return await store.page(connection, after, limit, with_retired=with_retired)


async def get_plan(code: str) -> RowMapping:
    """A plan. Raises NotFound."""
    async with reading() as connection:
        found = await store.find(connection, code)
    if found is None:
        raise NotFound(f"there is no discount plan '{code}': PUT /discount-plans/{code} adds it")
    return found


async def unknown_plans() -> Sequence[RowMapping]:
    """Plans that customers, numbers or features have and that there are not: their calls are billed without."""
    async with reading() as connection:
        return await store.unknown(connection)


async def save_plan(code: str, plan: dict[str, Any], *, retired: bool, expected: int | None, actor: str) -> int:
    """Add a plan, or change it. One that is retired stays with who has it.

    Args:
        plan: as it is kept: `name`, `pools`, `monthly_cap`, `prorated`.
        expected: the version that was seen, ANY where it does not matter; None only for a new plan.

    Returns: its version.

    Raises:
        PreconditionFailed: somebody else changed it.
        Problem: 428, it is there already and no version was named.
    """
    async with transaction() as tx:
        await store.lock(tx.connection)
        known = await store.find(tx.connection, code)
        version = known["version"] if known else 0
        _check_expected(code, version, expected)
        whole = {"code": code, **plan}
        if known and (known["plan"], known["retired"]) == (whole, retired):
            return version
        await store.save(tx.connection, code, version + 1, whole, retired)
        await tx.publish(DiscountPlanUpdated(version=version + 1, retired=retired, **whole))
    _log.info("discount plan saved", plan=code, version=version + 1, by=actor)
    return version + 1


def _check_expected(code: str, version: int, expected: int | None) -> None:
    if expected is None and version:
        detail = f"the plan '{code}' is there already: name the version that you changed in If-Match, or \"*\""
        raise Problem(428, "version-needed", "Which version?", detail)
    if expected not in (None, ANY, version):
        raise PreconditionFailed(f"the plan '{code}' has version {version}, not {expected}: reload it, and change that")
