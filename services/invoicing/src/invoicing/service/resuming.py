"""Trying the parked customers of a run again, in a run of their own: its cut has what was corrected (SPEC I3)."""

from __future__ import annotations

from contracts.billing import BillingRunRequested
from invoicing.domain.runs import CANCELLED, Run
from invoicing.service.events import run_event
from invoicing.service.recreating import requested_now
from invoicing.service.runs import found
from invoicing.store import course
from invoicing.store import runs as store
from service_kit.database import Transaction, transaction
from service_kit.faults import crash_point
from service_kit.problems import Conflict

_COPIED = ("bill_to", "invoice_date", "due_date", "message")


async def resume_run(run_id: int, by: str) -> Run:
    """Request a run of those customers of a run that are parked, with the same dates.

    Asked again, when nobody was parked since, it is the run made before.

    Returns: that run.

    Raises:
        NotFound: there is no such run.
        Conflict: nobody is parked, it is cancelled, or it makes one invoice, which can be asked for again itself.
    """
    async with transaction() as tx:
        run = await found(tx, run_id)
        _check(run)
        again = await store.create(tx.connection, _values(run, by))
        parked = await course.take_parked(tx.connection, run_id, again)
        if not parked:
            await course.delete_run(tx.connection, again)
            return await _before(tx, run_id)
        resumed = await store.save(tx.connection, again, customers=parked)
        await tx.publish(run_event(BillingRunRequested, resumed))
        crash_point("invoicing.resumed")
        return resumed


def _check(run: Run) -> None:
    if run.state == CANCELLED:
        raise Conflict(f"run {run.run_id} is cancelled: make a new one")
    if run.kind == "recreation":
        raise Conflict(f"run {run.run_id} makes drafts again: ask for those invoices to be made again")
    if run.kind == "manual":
        raise Conflict(f"run {run.run_id} makes one invoice by hand: ask for that invoice anew")


def _values(run: Run, by: str) -> dict[str, object]:
    copied = {name: getattr(run, name) for name in _COPIED}
    return {**copied, "kind": "list", "customers": [], "created_by": by, **requested_now()}


async def _before(tx: Transaction, run_id: int) -> Run:
    before = await course.resumed_in(tx.connection, run_id)
    run = None if before is None else await store.find(tx.connection, before)
    if run is None:
        raise Conflict(f"nobody is parked in run {run_id}")
    return run
