"""Approving: an invoice is numbered and locked, and its usage is billed for good (SPEC I6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from contracts.closing import UsageCloseBilled
from contracts.customers import CustomerState
from invoicing.domain.invoices import missing_details
from invoicing.domain.reference import ReferenceLists
from invoicing.domain.runs import Run
from invoicing.service import accounts
from invoicing.service.events import approved_event
from invoicing.service.numbering import numbers_for
from invoicing.service.runs import found
from invoicing.service.vat import revalue_drafts
from invoicing.store import course, documents, invoices, readmodel
from invoicing.store import runs as store
from service_kit import clock
from service_kit.database import Transaction, transaction
from service_kit.faults import crash_point
from service_kit.problems import Conflict, NotFound

GROUP = 500
ERASED = "its customer was erased"
_APPROVED = ("number", "status", "approved_at", "problem", "unusual", "approval")
_APPROVABLE = ("running", "completed", "completed_with_errors")


async def approve_run(run_id: int) -> Run:
    """Have all drafts of a run approved, in the background; drafts that could not be are tried again.

    Raises:
        NotFound: there is no such run.
        Conflict: it has no drafts yet.
    """
    async with transaction() as tx:
        run = await found(tx, run_id)
        if run.state not in _APPROVABLE:
            raise Conflict(f"run {run_id} is {run.state}: it has no drafts to approve")
        await _try_again(tx, await invoices.stuck_drafts(tx.connection, run_id))
        return await store.save(tx.connection, run_id, approving=True)


async def approve_next(run_id: int, group: int = GROUP) -> bool:
    """Approve the next drafts of a run that is being approved, in a short transaction. Several groups may be at once.

    Returns: whether anything was done.
    """
    return await _approve_group(run_id, group) or await _approve_rest(run_id, group)


async def _approve_group(run_id: int, group: int) -> bool:
    async with transaction() as tx:
        run = await store.share(tx.connection, run_id, wait=False)
        if run is None or not run.approving:
            return False
        drafts = await invoices.take_drafts(tx.connection, run_id, group)
        await _approve_locked(tx, drafts)
        return bool(drafts)


async def _approve_rest(run_id: int, group: int) -> bool:
    """Alone with the run: drafts that no group took, for their customers were busy or erased; or the end of it."""
    async with transaction() as tx:
        run = await store.lock(tx.connection, run_id, wait=False)
        if run is None or not run.approving:
            return False
        drafts = await invoices.drafts_of_run(tx.connection, run_id, group)
        await approve_in(tx, drafts, drafts.values())
        if not drafts and run.state != "running":
            await _finish(tx, run)
        return bool(drafts)


async def _finish(tx: Transaction, run: Run) -> None:
    """The run's drafts are approved; where it was to be sent meanwhile, ask for the rest."""
    if run.sending:
        await documents.request_run(tx.connection, run.run_id, "", clock.now())
    await store.save(tx.connection, run.run_id, approving=False, sending=False, problem="")


async def _try_again(tx: Transaction, stuck: Sequence[tuple[int, int]]) -> None:
    """Forget what kept these drafts from being approved, and work out their VAT again: its cause may be gone."""
    customers = [customer for _, customer in stuck]
    await readmodel.lock_customers(tx.connection, customers)
    await invoices.save(tx.connection, ["problem"], [{"invoice_id": each, "problem": ""} for each, _ in stuck])
    known = await readmodel.customers_by_id(tx.connection, customers)
    await revalue_drafts(tx, list(known.values()))


async def approve_invoice(invoice_id: int, *, unusual: bool = False) -> None:
    """Approve one draft. One that is approved already stays as it is.

    Args:
        unusual: a person has looked at it: approve it even if its figures are unusual.

    Raises:
        NotFound: there is no such invoice.
        Conflict: details are missing (SPEC Z10), or it was removed.
    """
    async with transaction() as tx:
        await approve_one_in(tx, invoice_id, unusual=unusual)


async def approve_one_in(tx: Transaction, invoice_id: int, *, unusual: bool = False) -> None:
    """The same, in the caller's transaction. Raises NotFound, Conflict."""
    invoice = await invoices.find(tx.connection, invoice_id)
    if invoice is None:
        raise NotFound(f"there is no invoice {invoice_id}")
    if invoice.status == "removed":
        raise Conflict(f"invoice {invoice_id} was removed")
    if invoice.status != "draft":
        return
    if invoice.problem:
        await _try_again(tx, [(invoice_id, invoice.customer_id)])
    if unusual and invoice.unusual:
        await invoices.save(tx.connection, ["unusual"], [{"invoice_id": invoice_id, "unusual": ""}])
    refused = await approve_in(tx, [invoice_id], [invoice.customer_id])
    if refused:
        raise Conflict(f"invoice {invoice_id} cannot be approved: {refused[invoice_id]}")


async def approve_in(tx: Transaction, ids: Collection[int], customers: Collection[int]) -> dict[int, str]:
    """Number and lock these drafts, in the order of their ids; those that are no drafts any more are left alone.

    The series' row is taken last, when all is read and checked: it is what concurrent approvals wait for.

    Returns: why drafts were refused, by invoice id; they keep their state, with that reason.
    """
    if not ids:
        return {}
    await readmodel.lock_customers(tx.connection, customers)
    return await _approve_locked(tx, ids)


async def _approve_locked(tx: Transaction, ids: Collection[int]) -> dict[int, str]:
    """The same, of customers who are locked."""
    drafts = [each for each in await invoices.lock(tx.connection, ids) if each.status == "draft"]
    refused = await _refusals(tx, drafts)
    await invoices.save(tx.connection, ["problem"], [{"invoice_id": k, "problem": v} for k, v in refused.items()])
    accepted = [each for each in drafts if each.invoice_id not in refused]
    if accepted:
        await _number(tx, accepted)
    return refused


async def _refusals(tx: Transaction, drafts: Sequence[Row[Any]]) -> dict[int, str]:
    """SPEC Z10: a draft with missing details is not approved, nor one whose VAT could not be worked out."""
    customers = await readmodel.customers_by_id(tx.connection, [each.customer_id for each in drafts])
    lists = await readmodel.reference_lists(tx.connection)
    reasons = {each.invoice_id: _refusal(each, customers.get(each.customer_id), lists) for each in drafts}
    return {invoice_id: reason for invoice_id, reason in reasons.items() if reason}


def _refusal(draft: Row[Any], customer: CustomerState | None, lists: ReferenceLists) -> str:
    if customer is None:
        return ERASED
    if customer.deletion_due is not None:
        return f"its customer is to be deleted on {customer.deletion_due}: un-mark it first"
    if draft.remade_by is not None:
        return f"it is to be made again first, by run {draft.remade_by}"
    missing = missing_details(customer, lists, given_due=draft.invoice_date)
    return f"missing details: {', '.join(missing)}" if missing else str(draft.problem or draft.unusual)


async def _number(tx: Transaction, drafts: Sequence[Row[Any]]) -> None:
    """All that can be done without the numbers is done before they are taken: others wait for them until the commit."""
    ids = [each.invoice_id for each in drafts]
    vat_lines = await invoices.vat_lines(tx.connection, ids)
    await store.free_customers(tx.connection, ids)
    await documents.want(tx.connection, ids)
    owed = _by_customer(drafts)
    with_credit = await accounts.have_credit(tx, owed)
    closes = await course.closes(tx.connection, [each.close_id for each in drafts if each.close_id is not None])
    on_invoice = {each.close_id: each.invoice_id for each in drafts}
    await tx.publish_many([UsageCloseBilled(**row._asdict(), invoice_id=on_invoice[row.close_id]) for row in closes])
    await accounts.owe(tx, owed, approved=ids)
    numbers = await numbers_for(tx, [each for each in drafts if each.number is None])
    approved = await invoices.save(tx.connection, list(_APPROVED), [_approved(each, numbers) for each in drafts])
    await tx.publish_many([approved_event(row, vat_lines[row.invoice_id]) for row in approved])
    credited = {row.customer_id for row in approved if row.kind == "credit_note"}
    if with_credit or credited:
        await accounts.tell(tx, await accounts.spread(tx, with_credit | credited))
    crash_point("invoicing.numbered")


def _by_customer(drafts: Sequence[Row[Any]]) -> Mapping[int, Decimal]:
    """SPEC I9: what their approval adds to what each customer owes; a credit note lowers it."""
    amounts: dict[int, Decimal] = defaultdict(Decimal)
    for each in drafts:
        amounts[each.customer_id] += each.gross
    return amounts


def _approved(draft: Row[Any], numbers: Mapping[int, str]) -> dict[str, Any]:
    """One that has a number keeps it (SPEC I6)."""
    number = draft.number or numbers[draft.invoice_id]
    values = {"number": number, "status": "approved", "approved_at": clock.now(), "problem": "", "unusual": ""}
    return {"invoice_id": draft.invoice_id, **values, "approval": draft.approval + 1}
