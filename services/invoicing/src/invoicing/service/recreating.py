"""Drafts made again from current data, and drafts removed (SPEC I6, Z9).

A draft that is made again is emptied at once: its usage is released, what else was on it goes back to Unsent. A run of
its own then closes, settles and fills it, through the same course as every run; until then it cannot be approved.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from contracts.billing import BillingRunRequested, InvoiceRemoved, InvoiceUpdated, VatLine
from contracts.closing import UsageCloseReleased
from invoicing.domain.runs import IN_ANOTHER_RUN, REMOVED, CustomerRunState, Run
from invoicing.domain.transactions import ZERO
from invoicing.service.events import invoice_values, run_event
from invoicing.store import course, credit, invoices, readmodel
from invoicing.store import runs as store
from service_kit import clock
from service_kit.database import Transaction, transaction
from service_kit.faults import crash_point
from service_kit.problems import Conflict, NotFound

NOTHING_LEFT = "nothing was left to bill when it was made again"
_EMPTY: Mapping[str, Any] = {
    "close_id": None,
    "kind": "invoice",
    "due_date": None,
    "net": ZERO,
    "vat": ZERO,
    "gross": ZERO,
    "problem": "",
    "unusual": "",
}
_FILLED = (
    "close_id",
    "kind",
    "final",
    "final_bill_id",
    "due_date",
    "currency",
    "net",
    "vat",
    "gross",
    "problem",
    "unusual",
    "particulars",
    "remade_by",
)


async def recreate_invoice(invoice_id: int, by: str) -> None:
    """Have a draft made again from current data.

    Raises:
        NotFound: there is no such invoice.
        Conflict: it is no draft, or it is being made again already.
    """
    async with transaction() as tx:
        draft = await lock_draft(tx, invoice_id)
        if await _being_made(tx, draft):
            raise Conflict(f"invoice {invoice_id} is being made again already, by run {draft.remade_by}")
        await recreate_in(tx, [invoice_id], by)
        crash_point("invoicing.recreated")


async def lock_draft(tx: Transaction, invoice_id: int) -> Row[Any]:
    """A draft, and its customer, locked. Raises NotFound, Conflict."""
    found = await invoices.find(tx.connection, invoice_id)
    if found is None:
        raise NotFound(f"there is no invoice {invoice_id}")
    if not await readmodel.lock_customers(tx.connection, [found.customer_id]):
        raise Conflict(f"invoice {invoice_id} stays as it is: its customer was erased")
    (draft,) = await invoices.lock(tx.connection, [invoice_id])
    if draft.status != "draft":
        advice = ": unapprove it first" if draft.status == "approved" else ""
        raise Conflict(f"invoice {invoice_id} is {draft.status}, no draft{advice}")
    return draft


async def recreate_in(tx: Transaction, invoice_ids: Collection[int], why: str) -> None:
    """Have drafts made again from current data; those that are no drafts are left alone. Their customers are locked.

    A draft that is being made again at this moment is made once more after that.

    Args:
        why: who asked for it, or what changed; kept with the run that does it.
    """
    drafts = [each for each in await invoices.lock(tx.connection, invoice_ids) if each.status == "draft"]
    at_work = [each for each in drafts if await _being_made(tx, each)]
    await course.note_changed(tx.connection, [each.customer_id for each in at_work])
    again = [each for each in drafts if each not in at_work]
    await _empty(tx, again)
    for each in again:
        await _make_again(tx, each, why)


async def recreate_drafts_of(tx: Transaction, customers: Collection[int], why: str) -> None:
    """Have every draft of these customers, who are locked, made again; also those that runs are about to make."""
    if not customers:
        return
    await course.note_changed(tx.connection, customers)
    drafts = await invoices.drafts_of_customers(tx.connection, customers)
    await recreate_in(tx, [each.invoice_id for each in drafts], why)


async def _being_made(tx: Transaction, draft: Row[Any]) -> bool:
    if draft.remade_by is None:
        return False
    return await course.state_in(tx.connection, draft.remade_by, draft.customer_id) in ("waiting", "closed")


async def _empty(tx: Transaction, drafts: Sequence[Row[Any]]) -> None:
    """Take the lines off drafts, and release their usage."""
    if not drafts:
        return
    await course.take_lines_off(tx.connection, [each.invoice_id for each in drafts])
    await release(tx, [each.close_id for each in drafts if each.close_id is not None])
    await credit.note(tx.connection, {each.customer_id for each in drafts})


async def release(tx: Transaction, close_ids: Collection[int]) -> None:
    """Give these closes up: their calls go to the next ones."""
    rows = await course.closes(tx.connection, close_ids)
    await tx.publish_many([UsageCloseReleased(**row._asdict()) for row in rows])


async def _make_again(tx: Transaction, draft: Row[Any], why: str) -> None:
    """A run of its own for a draft that is empty."""
    run = await store.find(tx.connection, await store.create(tx.connection, await _run_values(tx, draft, why)))
    assert run is not None
    await course.leave_runs(tx.connection, [draft.customer_id])
    await store.take_customers(tx.connection, run.run_id, [draft.customer_id])
    values = {"invoice_id": draft.invoice_id, **_EMPTY, "remade_by": run.run_id}
    (row,) = await invoices.save(tx.connection, [name for name in values if name != "invoice_id"], [values])
    await invoices.put_vat_lines(tx.connection, {draft.invoice_id: ()})
    await tx.publish(InvoiceUpdated(**invoice_values(row, ())))
    await tx.publish(run_event(BillingRunRequested, run))


async def _run_values(tx: Transaction, draft: Row[Any], why: str) -> dict[str, Any]:
    first = None if draft.run_id is None else await store.find(tx.connection, draft.run_id)
    return {
        "kind": "recreation",
        "remakes": draft.invoice_id,
        "by_hand": first is not None and first.by_hand,
        "confirm_empty": first is not None and first.confirm_empty,
        "bill_to": draft.bill_to,
        "invoice_date": draft.invoice_date,
        "due_date": first.due_date if first else None,
        "message": draft.message,
        "customers": [draft.customer_id],
        "created_by": why,
        **requested_now(),
    }


def requested_now() -> dict[str, Any]:
    """What a run has that is requested as it is made."""
    now = clock.now()
    return {"state": "requested", "version": 1, "created_at": now, "requested_at": now, "as_of": clock.today()}


def in_another_run(customer_id: int, run_id: int | None = None) -> Conflict:
    """SPEC Z10: the refusal that names the run, if it is known."""
    named = "one that started at this moment" if run_id is None else f"run {run_id}"
    return Conflict(f"customer {customer_id} is {IN_ANOTHER_RUN}: {named}; approve or cancel that first")


async def fill_again(tx: Transaction, rows: Sequence[Mapping[str, Any]], vat_lines: Mapping[int, Any]) -> None:
    """Fill the draft that a run makes again: its id, number and first run stay."""
    filled = [{"invoice_id": row["invoice_id"], **{name: row.get(name) for name in _FILLED}} for row in rows]
    saved = await invoices.save(tx.connection, _FILLED, filled)
    await invoices.put_vat_lines(tx.connection, vat_lines)
    await tx.publish_many(InvoiceUpdated(**invoice_values(row, vat_lines[row.invoice_id])) for row in saved)


async def leave_empty(tx: Transaction, run: Run, state: CustomerRunState) -> None:
    """Nothing came of making a draft again: without a number it goes, with one it stays at 0.00.

    One whose customer was parked stays as it is, and can be made again when the reason is gone.
    """
    assert run.remakes is not None
    (draft,) = await invoices.lock(tx.connection, [run.remakes])
    if state == "parked":
        return
    if draft.number is None:
        await remove_in(tx, [draft], NOTHING_LEFT)
    else:
        await invoices.save(tx.connection, ["remade_by"], [{"invoice_id": draft.invoice_id}])


async def recreate_outdated(tx: Transaction, run: Run, customers: Collection[int]) -> None:
    """Make the drafts again whose customers changed after the run's request: its cut may be without the change."""
    outdated = await course.out_of_date(tx.connection, run.run_id, customers)
    if outdated:
        await recreate_in(tx, outdated, "its data changed meanwhile")


def verdict_row(
    run: Run, customer_id: int, state: CustomerRunState, reason: str, invoice_id: int | None = None
) -> dict[str, Any]:
    """What became of a customer; while there is a draft, no other run may take it."""
    draft = invoice_id or run.remakes
    return {
        "customer_id": customer_id,
        "state": state,
        "reason": reason,
        "invoice_id": draft,
        "active": draft is not None,
    }


async def remove_invoice(invoice_id: int) -> None:
    """Remove a draft: its charges go back to Unsent, its usage to the next bill.

    Raises:
        NotFound: there is no such invoice.
        Conflict: it is no draft, or it has a number.
    """
    async with transaction() as tx:
        draft = await lock_draft(tx, invoice_id)
        if draft.number is not None:
            raise Conflict(f"invoice {invoice_id} has the number {draft.number}, which stays: make it again instead")
        await remove_in(tx, [draft], REMOVED)


async def remove_in(tx: Transaction, drafts: Sequence[Row[Any]], reason: str) -> None:
    """Remove drafts without a number. Their customers are locked."""
    if not drafts:
        return
    await _empty(tx, drafts)
    ids = [each.invoice_id for each in drafts]
    await course.skip(tx.connection, ids, [each.customer_id for each in drafts], reason)
    gone = [{"invoice_id": each, "status": "removed"} for each in ids]
    removed = await invoices.save(tx.connection, ["status", "remade_by"], gone)
    vat_lines: Mapping[int, Sequence[VatLine]] = await invoices.vat_lines(tx.connection, ids)
    await tx.publish_many([InvoiceRemoved(**invoice_values(row, vat_lines[row.invoice_id])) for row in removed])
