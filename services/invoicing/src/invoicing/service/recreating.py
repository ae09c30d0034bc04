"""Drafts made again from current data, and drafts removed (SPEC I6, Z9).

A draft that is made again is emptied at once: its usage is released, what else was on it goes back to Unsent. A run of
the kind `recreation` then closes, settles and fills it, through the same course as every run; until then it cannot be
approved. Drafts that are asked for together and have the same terms share a run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Row

from contracts.billing import BillingRunRequested, InvoiceRemoved, InvoiceUpdated, VatLine
from contracts.closing import UsageCloseReleased
from invoicing.domain.runs import IN_ANOTHER_RUN, REMOVED, CustomerRunState, Run
from invoicing.domain.transactions import ZERO
from invoicing.service.events import invoice_values, run_event
from invoicing.service.marked import refuse_marked_among
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


class _Terms(NamedTuple):
    """What drafts have in common that one run can make again."""

    bill_to: date
    invoice_date: date
    due_date: date | None
    message: str
    by_hand: bool
    confirm_empty: bool


async def recreate_invoices(invoice_ids: Collection[int], by: str) -> list[Run]:
    """Have drafts made again from current data, all of them or none. Returns the runs that do it.

    Raises:
        NotFound: there is no such invoice.
        Conflict: one is no draft, or it is being made again already.
    """
    async with transaction() as tx:
        drafts = await lock_drafts(tx, invoice_ids)
        ids = [each.invoice_id for each in drafts]
        busy = await course.being_made(tx.connection, ids)
        for each in drafts:
            if each.invoice_id in busy:
                raise Conflict(f"invoice {each.invoice_id} is being made again already, by run {each.remade_by}")
        runs = await recreate_in(tx, ids, by)
        crash_point("invoicing.recreated")
        return runs


async def lock_drafts(tx: Transaction, invoice_ids: Collection[int]) -> list[Row[Any]]:
    """Drafts, and their customers, locked; in the order of their ids. Raises NotFound, Conflict."""
    owners = await invoices.owners(tx.connection, invoice_ids)
    unknown = sorted(set(invoice_ids) - owners.keys())
    if unknown:
        raise NotFound(f"there is no invoice {unknown[0]}")
    known = await readmodel.lock_customers(tx.connection, set(owners.values()))
    drafts = await invoices.lock(tx.connection, invoice_ids)
    for each in drafts:
        _check_draft(each, known)
    await refuse_marked_among(tx, known)
    return drafts


def _check_draft(invoice: Row[Any], known: Collection[int]) -> None:
    if invoice.customer_id not in known:
        raise Conflict(f"invoice {invoice.invoice_id} stays as it is: its customer was erased")
    if invoice.status != "draft":
        advice = ": unapprove it first" if invoice.status == "approved" else ""
        raise Conflict(f"invoice {invoice.invoice_id} is {invoice.status}, no draft{advice}")


async def recreate_in(tx: Transaction, invoice_ids: Collection[int], why: str) -> list[Run]:
    """Have drafts made again from current data; those that are no drafts are left alone. Their customers are locked.

    A draft that is being made again at this moment is made once more after that.

    Args:
        why: who asked for it, or what changed; kept with the runs that do it.

    Returns: those runs, one for drafts with the same terms.
    """
    drafts = [each for each in await invoices.lock(tx.connection, invoice_ids) if each.status == "draft"]
    busy = await course.being_made(tx.connection, [each.invoice_id for each in drafts])
    await course.note_changed(tx.connection, [each.customer_id for each in drafts if each.invoice_id in busy])
    again = [each for each in drafts if each.invoice_id not in busy]
    if not again:
        return []
    await _empty(tx, again)
    return await _make_again(tx, again, why)


async def recreate_drafts_of(tx: Transaction, customers: Collection[int], why: str) -> None:
    """Have every draft of these customers, who are locked, made again; also those that runs are about to make."""
    if not customers:
        return
    await course.note_changed(tx.connection, customers)
    drafts = await invoices.drafts_of_customers(tx.connection, customers)
    await recreate_in(tx, [each.invoice_id for each in drafts], why)


async def _empty(tx: Transaction, drafts: Sequence[Row[Any]]) -> None:
    """Take the lines off drafts, and release their usage."""
    await course.take_lines_off(tx.connection, [each.invoice_id for each in drafts])
    await release(tx, [each.close_id for each in drafts if each.close_id is not None])
    await credit.note(tx.connection, {each.customer_id for each in drafts})


async def release(tx: Transaction, close_ids: Collection[int]) -> None:
    """Give these closes up: their calls go to the next ones."""
    rows = await course.closes(tx.connection, close_ids)
    await tx.publish_many([UsageCloseReleased(**row._asdict()) for row in rows])


async def _make_again(tx: Transaction, drafts: Sequence[Row[Any]], why: str) -> list[Run]:
    """Runs for drafts that are empty: one for those with the same terms."""
    first = await store.by_id(tx.connection, {each.run_id for each in drafts if each.run_id is not None})
    alike: dict[_Terms, list[Row[Any]]] = defaultdict(list)
    for each in drafts:
        alike[_terms(each, first.get(each.run_id))].append(each)
    return [await _request(tx, terms, of_run, why) for terms, of_run in alike.items()]


async def _request(tx: Transaction, terms: _Terms, drafts: Sequence[Row[Any]], why: str) -> Run:
    customers = sorted(each.customer_id for each in drafts)
    values = {**terms._asdict(), "kind": "recreation", "customers": customers, "created_by": why, **requested_now()}
    run = await store.find(tx.connection, await store.create(tx.connection, values))
    assert run is not None
    await course.leave_runs(tx.connection, customers)
    await store.take_customers(tx.connection, run.run_id, customers)
    emptied = {**_EMPTY, "remade_by": run.run_id}
    rows = await invoices.save(
        tx.connection, list(emptied), [{"invoice_id": each.invoice_id, **emptied} for each in drafts]
    )
    await invoices.put_vat_lines(tx.connection, {each.invoice_id: () for each in drafts})
    await tx.publish_many([InvoiceUpdated(**invoice_values(row, ())) for row in rows])
    await tx.publish(run_event(BillingRunRequested, run))
    return run


def _terms(draft: Row[Any], first: Run | None) -> _Terms:
    by_hand, confirm_empty = (first.by_hand, first.confirm_empty) if first else (False, False)
    due_date = first.due_date if first else None
    return _Terms(draft.bill_to, draft.invoice_date, due_date, draft.message, by_hand, confirm_empty)


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


async def leave_empty(tx: Transaction, states: Mapping[int, CustomerRunState]) -> None:
    """Nothing came of making drafts again: those without a number go, those with one stay at 0.00.

    One whose customer was parked stays as it is, and can be made again when the reason is gone.

    Args:
        states: what became of their customers, by invoice id.
    """
    if not states:
        return
    drafts = await invoices.lock(tx.connection, [each for each, state in states.items() if state != "parked"])
    await remove_in(tx, [each for each in drafts if each.number is None], NOTHING_LEFT)
    numbered = [{"invoice_id": each.invoice_id} for each in drafts if each.number is not None]
    await invoices.save(tx.connection, ["remade_by"], numbered)


async def recreate_outdated(tx: Transaction, run: Run, customers: Collection[int]) -> None:
    """Make the drafts again whose customers changed after the run's request: its cut may be without the change."""
    outdated = await course.out_of_date(tx.connection, run.run_id, customers)
    if outdated:
        await recreate_in(tx, outdated, "its data changed meanwhile")


async def remove_invoice(invoice_id: int) -> None:
    """Remove a draft: its charges go back to Unsent, its usage to the next bill.

    Raises:
        NotFound: there is no such invoice.
        Conflict: it is no draft, or it has a number.
    """
    async with transaction() as tx:
        (draft,) = await lock_drafts(tx, [invoice_id])
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
