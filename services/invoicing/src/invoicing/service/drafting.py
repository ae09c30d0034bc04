"""Making the drafts of a run, in groups; one customer that fails is parked and the run goes on (SPEC I3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.billing import CustomerSettled, InvoiceCreated
from contracts.closing import UsageCloseReleased
from contracts.customers import CustomerState
from invoicing.domain.final_bill import NO_ACCOUNT, SETTLED, FinalAccount
from invoicing.domain.invoices import Case, Totals, Verdict, judge, rate_of
from invoicing.domain.particulars import particulars
from invoicing.domain.reference import ReferenceLists, leaving
from invoicing.domain.runs import Run
from invoicing.domain.transactions import ZERO
from invoicing.domain.transactions import Transaction as Line
from invoicing.service.bounds import unusual_drafts
from invoicing.service.events import INVOICE_FIELDS
from invoicing.service.recreating import fill_again, leave_empty, recreate_outdated
from invoicing.store import balances, closes, invoices, readmodel, runs, transactions
from service_kit import clock
from service_kit.database import Transaction, reading, transaction
from service_kit.errors import Transient
from service_kit.faults import crash_point
from service_kit.logs import logger

_log = logger(__name__)
GROUP = 200


@dataclass(frozen=True, slots=True)
class Judged:
    """A customer's case and what was decided on it.

    `again` is the draft that is made again, `invoice_id` is there where there is an invoice.
    """

    case: Case
    verdict: Verdict
    again: int | None = None
    invoice_id: int | None = None


async def draft_next(run_id: int, group: int = GROUP) -> bool:
    """Draft the next customers of a run whose usage has come. Several groups of a run may be drafted at once.

    Returns: whether there were any that nobody else has.

    Raises:
        Transient: the database is away; nothing was done.
    """
    try:
        return await _draft_group(run_id, group)
    except Transient:
        raise
    except Exception as error:
        _log.warning("a group failed, its customers are drafted one by one", run_id=run_id, error=repr(error))
    for customer_id in await _next_closed(run_id, group):
        await _draft_alone(run_id, customer_id)
    return True


async def _draft_group(run_id: int, group: int) -> bool:
    async with transaction() as tx:
        run = await runs.share(tx.connection, run_id, wait=False)
        if run is None or run.state != "running":
            return False
        customers = await runs.take_closed(tx.connection, run_id, group)
        if not customers:
            return False
        await _draft(tx, run, customers)
        crash_point("invoicing.group")
    crash_point("invoicing.drafted")
    return True


async def _next_closed(run_id: int, group: int) -> list[int]:
    async with reading() as connection:
        return await runs.next_closed(connection, run_id, group)


async def _draft_alone(run_id: int, customer_id: int) -> None:
    try:
        async with transaction() as tx:
            run = await runs.share(tx.connection, run_id)
            if run is not None and run.state == "running":
                await readmodel.lock_customers(tx.connection, [customer_id])
                await _draft(tx, run, [customer_id])
    except Transient:
        raise
    except Exception as error:
        _log.error("parked", run_id=run_id, customer_id=customer_id, exc_info=error)
        await _park(run_id, customer_id, f"failed: {type(error).__name__}: {error}"[:500])


async def _park(run_id: int, customer_id: int, reason: str) -> None:
    async with transaction() as tx:
        run = await runs.share(tx.connection, run_id)
        await readmodel.lock_customers(tx.connection, [customer_id])
        closed = await runs.lock_closed(tx.connection, run_id, [customer_id])
        if run is not None and closed:
            again = (await _again(tx, run, [customer_id])).get(customer_id)
            await runs.save_verdicts(tx.connection, run_id, [_outcome(customer_id, Verdict("parked", reason), again)])
            await tx.publish_many(_releases(run_id, closed))


async def _draft(tx: Transaction, run: Run, customers: Sequence[int]) -> None:
    """Draft, skip or park those of these customers, who are locked, whose usage has come."""
    closed = await runs.lock_closed(tx.connection, run.run_id, customers)
    if not closed:
        return
    lists = await readmodel.reference_lists(tx.connection)
    cases = await _cases(tx, closed, lists)
    again = await _again(tx, run, closed)
    judged = [Judged(case, _verdict(case, run, lists), again.get(case.customer.customer_id)) for case in cases]
    judged = await _with_ids(tx, judged)
    await _keep_transactions(tx, judged)
    await _keep_invoices(tx, run, lists, [each for each in judged if each.invoice_id is not None])
    await runs.save_verdicts(tx.connection, run.run_id, [_verdict_row(each) for each in judged])
    left = [each.case.customer.customer_id for each in judged if each.invoice_id is None]
    await tx.publish_many(_releases(run.run_id, {customer: closed[customer] for customer in left}))
    await tx.publish_many(_settled(run, [each.case.customer for each in judged if each.verdict.reason == SETTLED]))
    await leave_empty(
        tx, {each.again: each.verdict.state for each in judged if each.again is not None and each.invoice_id is None}
    )
    await recreate_outdated(tx, run, closed)


async def _again(tx: Transaction, run: Run, customers: Collection[int]) -> dict[int, int]:
    """The drafts that the run makes again, by customer."""
    return await invoices.made_again_by(tx.connection, run.run_id, customers) if run.kind == "recreation" else {}


async def _with_ids(tx: Transaction, judged: Sequence[Judged]) -> list[Judged]:
    """Those that get an invoice with its id: that of the draft that is made again, else a new one."""
    new = [each for each in judged if each.verdict.totals is not None and each.again is None]
    ids = iter(await invoices.new_ids(tx.connection, len(new)))
    return [
        replace(each, invoice_id=each.again or next(ids)) if each.verdict.totals is not None else each
        for each in judged
    ]


async def _cases(tx: Transaction, closed: Mapping[int, int], lists: ReferenceLists) -> list[Case]:
    """What each customer's draft is made from, in the order of their ids."""
    customers = await readmodel.customers_by_id(tx.connection, closed)
    charges = await readmodel.unsettled_charges(tx.connection, closed)
    overcharged = [each.charge_id for of_one in charges.values() for each in of_one if each.overcharged]
    standing = await transactions.standing(tx.connection, overcharged) if overcharged else {}
    unsent = await transactions.unsent(tx.connection, closed)
    usage = await closes.closes_by_customer(tx.connection, closed.values())
    final = await final_accounts(
        tx.connection, [each for each in customers.values() if leaving(each, lists) == "final_bill"]
    )
    return [
        Case(
            customers[each],
            charges.get(each, ()),
            standing,
            unsent.get(each, ()),
            usage[each],
            final.get(each, NO_ACCOUNT),
        )
        for each in sorted(closed)
    ]


async def final_accounts(connection: AsyncConnection, customers: Sequence[CustomerState]) -> dict[int, FinalAccount]:
    """What decides on the bills of these Final Bill customers, by customer."""
    if not customers:
        return {}
    balance = await balances.of_customers(connection, [each.customer_id for each in customers])
    final_bills = [each.final_bill_id for each in customers if each.final_bill_id is not None]
    invoiced = await invoices.final_bills_invoiced(connection, final_bills)
    return {
        each.customer_id: FinalAccount(balance.get(each.customer_id, ZERO), each.final_bill_id in invoiced)
        for each in customers
    }


def _verdict(case: Case, run: Run, lists: ReferenceLists) -> Verdict:
    try:
        return judge(case, run, lists)
    except ValueError as error:
        return Verdict("parked", str(error))


async def _keep_transactions(tx: Transaction, judged: list[Judged]) -> None:
    """Store what settling and usage came to, on the invoice where there is one, else on Unsent."""
    new: list[transactions.Placed] = []
    moves: dict[int, tuple[int, str | None]] = {}
    for each in judged:
        settled = [line for settlement in each.verdict.settlements for line in settlement.transactions]
        new += [_placed(line, each) for line in (*settled, *each.verdict.new)]
        if each.invoice_id is not None:
            for line in each.case.unsent:
                assert line.transaction_id is not None
                moves[line.transaction_id] = (each.invoice_id, rate_of(line, each.case.customer))
    await transactions.add_placed(tx.connection, new)
    await transactions.move_to_invoices(tx.connection, moves)
    settlements = [settlement for each in judged for settlement in each.verdict.settlements]
    await transactions.set_stands_to(tx.connection, [stand for each in settlements for stand in each.stands])
    before = {id(charge) for each in judged for charge in each.case.charges}
    changed = [each.charge for each in settlements if id(each.charge) not in before]
    await readmodel.save_settled(tx.connection, changed)


def _placed(line: Line, judged: Judged) -> transactions.Placed:
    if judged.invoice_id is None:
        return line, None, line.vat_rate
    return line, judged.invoice_id, rate_of(line, judged.case.customer)


async def _keep_invoices(tx: Transaction, run: Run, lists: ReferenceLists, drafted: list[Judged]) -> None:
    unusual = await unusual_drafts(tx, {each.case.customer.customer_id: _totals(each) for each in drafted})
    rows = [_invoice_row(run, lists, each, unusual) for each in drafted]
    vat_lines = {each.invoice_id: _totals(each).vat_lines for each in drafted if each.invoice_id is not None}
    if run.kind == "recreation":
        await fill_again(tx, rows, vat_lines)
        return
    await invoices.add(tx.connection, rows)
    await invoices.put_vat_lines(tx.connection, vat_lines)
    await tx.publish_many(
        InvoiceCreated(**{name: row[name] for name in INVOICE_FIELDS}, vat_lines=vat_lines[row["invoice_id"]])
        for row in rows
    )


def _totals(judged: Judged) -> Totals:
    assert judged.verdict.totals is not None
    return judged.verdict.totals


def _invoice_row(run: Run, lists: ReferenceLists, judged: Judged, unusual: Mapping[int, str]) -> dict[str, Any]:
    totals = _totals(judged)
    customer = judged.case.customer
    style = lists.bill_style(customer.bill_style)
    assert style is not None
    final = leaving(customer, lists) == "final_bill"
    return {
        "invoice_id": judged.invoice_id,
        "version": 1,
        "customer_id": customer.customer_id,
        "run_id": run.run_id,
        "close_id": judged.case.close.close_id if judged.case.close else None,
        "number": None,
        "kind": totals.kind,
        "final": final,
        "final_bill_id": customer.final_bill_id if final else None,
        "status": "draft",
        "bill_to": run.bill_to,
        "invoice_date": run.invoice_date,
        "tax_point": run.invoice_date,
        "due_date": judged.verdict.due,
        "currency": style.currency,
        "net": totals.net,
        "vat": totals.vat,
        "gross": totals.gross,
        "paid": ZERO,
        "message": run.message,
        "problem": unusual.get(customer.customer_id, ""),
        "unusual": unusual.get(customer.customer_id, ""),
        "particulars": particulars(customer, lists),
        "created_at": clock.now(),
    }


def _verdict_row(judged: Judged) -> dict[str, Any]:
    return _outcome(judged.case.customer.customer_id, judged.verdict, judged.invoice_id or judged.again)


def _outcome(customer_id: int, verdict: Verdict, draft: int | None) -> dict[str, Any]:
    """What became of a customer; while there is a draft, no other run may take it."""
    return {
        "customer_id": customer_id,
        "state": verdict.state,
        "reason": verdict.reason,
        "invoice_id": draft,
        "active": draft is not None,
    }


def _releases(run_id: int, closed: Mapping[int, int]) -> list[UsageCloseReleased]:
    """Usage that is not billed now goes to the next close."""
    return [
        UsageCloseReleased(run_id=run_id, customer_id=customer, close_id=close_id)
        for customer, close_id in sorted(closed.items())
    ]


def _settled(run: Run, customers: Sequence[CustomerState]) -> list[CustomerSettled]:
    """SPEC C14: customers drops those that are as they were here."""
    return [
        CustomerSettled(
            run_id=run.run_id, customer_id=each.customer_id, customer_version=each.version, bill_to=run.bill_to
        )
        for each in customers
    ]
