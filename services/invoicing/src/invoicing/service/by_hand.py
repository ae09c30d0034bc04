"""Invoices by hand: a run of one customer through the same course as every run (SPEC I10, Z11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from contracts.billing import BillingRunRequested
from invoicing.domain.reference import ReferenceLists
from invoicing.domain.runs import Run
from invoicing.domain.transactions import Transaction as Line
from invoicing.service.events import run_event
from invoicing.service.marked import refuse_marked
from invoicing.service.recreating import in_another_run, requested_now
from invoicing.store import readmodel, transactions
from invoicing.store import runs as store
from service_kit import clock
from service_kit.database import Transaction, transaction
from service_kit.faults import crash_point
from service_kit.problems import Invalid, NotFound


@dataclass(frozen=True, slots=True)
class NewLine:
    """A one-off line, net in pounds; without a VAT rate it has the customer's."""

    description: str
    net: Decimal
    vat_rate: str | None = None


@dataclass(frozen=True, kw_only=True)
class NewInvoice:
    """What an invoice by hand is asked to be: all that is not billed up to a day, and these lines.

    Without an invoice date it has today's; with `confirm_empty` it is made even if there is nothing to bill.
    """

    customer_id: int
    bill_to: date
    invoice_date: date | None = None
    due_date: date | None = None
    message: str = ""
    lines: tuple[NewLine, ...] = ()
    confirm_empty: bool = False


async def make_by_hand(new: NewInvoice, by: str) -> Run:
    """Request a run that makes one invoice. The lines are charged at once: they are on Unsent until it is made.

    Raises:
        NotFound: there is no such customer.
        Invalid: the due date lies before the invoice date, or a VAT rate is not in the reference list.
        Conflict: the customer is in another active run, or is to be deleted.
    """
    async with transaction() as tx:
        await _check(tx, new)
        run = await store.find(tx.connection, await store.create(tx.connection, _run_values(new, by)))
        assert run is not None
        if not await store.take_customers(tx.connection, run.run_id, [new.customer_id]):
            busy = await store.active_run_of(tx.connection, [new.customer_id])
            raise in_another_run(new.customer_id, busy.get(new.customer_id))
        await transactions.add(tx.connection, [_line(new, each) for each in new.lines])
        await tx.publish(run_event(BillingRunRequested, run))
        crash_point("invoicing.by_hand")
        return run


async def _check(tx: Transaction, new: NewInvoice) -> None:
    await readmodel.lock_customers(tx.connection, [new.customer_id])
    customer = (await readmodel.customers_by_id(tx.connection, [new.customer_id])).get(new.customer_id)
    if customer is None:
        raise NotFound(f"there is no customer {new.customer_id}")
    refuse_marked(customer)
    if new.due_date is not None and new.due_date < _invoice_date(new):
        raise _wrong("due_date", f"lies before the invoice date {_invoice_date(new)}")
    _check_rates(new, await readmodel.reference_lists(tx.connection))


def _check_rates(new: NewInvoice, lists: ReferenceLists) -> None:
    for place, line in enumerate(new.lines):
        if line.vat_rate is not None and lists.entry("vat_rates", line.vat_rate) is None:
            raise _wrong(f"lines.{place}.vat_rate", f"no VAT rate {line.vat_rate} in the reference list")


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}", errors=[{"field": field, "message": message}])


def _invoice_date(new: NewInvoice) -> date:
    return new.invoice_date or clock.today()


def _run_values(new: NewInvoice, by: str) -> dict[str, Any]:
    return {
        "kind": "manual",
        "by_hand": True,
        "confirm_empty": new.confirm_empty,
        "bill_to": new.bill_to,
        "invoice_date": _invoice_date(new),
        "due_date": new.due_date,
        "message": new.message,
        "customers": [new.customer_id],
        "created_by": by,
        **requested_now(),
    }


def _line(new: NewInvoice, line: NewLine) -> Line:
    return Line(
        customer_id=new.customer_id,
        kind="one_off",
        description=line.description,
        net=line.net,
        vat_rate=line.vat_rate,
        own_vat_rate=line.vat_rate is not None,
        first_day=_invoice_date(new),
        last_day=_invoice_date(new),
    )
