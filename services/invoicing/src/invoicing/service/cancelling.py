"""Cancelling a run: its drafts go, its customers are free; invoices that have a number stay (SPEC I3, Z14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from contracts.billing import BillingRunCancelled
from invoicing.domain.runs import CANCELLED, Run
from invoicing.service.events import run_event
from invoicing.service.recreating import release, remove_in
from invoicing.service.runs import found
from invoicing.store import course, invoices, readmodel
from invoicing.store import runs as store
from service_kit.database import Transaction, transaction
from service_kit.faults import crash_point
from service_kit.problems import Conflict

GROUP = 200


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A cancelled run, and how many of its invoices have a number and stay."""

    run: Run
    kept: int


async def cancel_run(run_id: int) -> Cancelled:
    """Cancel a run, in whatever state it is; what it made is undone in the background. Asked again, nothing changes.

    Raises:
        NotFound: there is no such run.
        Conflict: it makes drafts again; those are removed by themselves.
    """
    async with transaction() as tx:
        run = await found(tx, run_id)
        if run.kind == "recreation":
            raise Conflict(f"run {run_id} makes drafts again: remove those invoices instead")
        if run.state != CANCELLED:
            changed = {"state": CANCELLED, "approving": False, "sending": False, "problem": ""}
            asked = run.state != "draft"
            run = await store.save(tx.connection, run_id, version=run.version + 1, cancelling=asked, **changed)
        return Cancelled(run, await course.numbered(tx.connection, run_id))


async def cancel_next(run_id: int, group: int = GROUP) -> bool:
    """Undo what a cancelled run made for its next customers, or say that all is undone.

    Returns: whether anything was done.
    """
    async with transaction() as tx:
        run = await store.lock(tx.connection, run_id, wait=False)
        if run is None or not run.cancelling:
            return False
        customers = [row.customer_id for row in await course.to_cancel(tx.connection, run_id, group)]
        if customers:
            await _undo(tx, run, customers)
        else:
            run = await store.save(tx.connection, run_id, cancelling=False)
            await tx.publish(run_event(BillingRunCancelled, run, await store.progress(tx.connection, run_id)))
        crash_point("invoicing.cancelled")
        return True


async def _undo(tx: Transaction, run: Run, customers: Sequence[int]) -> None:
    await readmodel.lock_customers(tx.connection, customers)
    await release(tx, await course.skip_at_work(tx.connection, run.run_id, customers, CANCELLED))
    await remove_in(tx, await _drafts(tx, run, customers), CANCELLED)


async def _drafts(tx: Transaction, run: Run, customers: Sequence[int]) -> list[Row[Any]]:
    drafts = await invoices.drafts_of_customers(tx.connection, customers)
    return [each for each in drafts if each.run_id == run.run_id and each.number is None]
