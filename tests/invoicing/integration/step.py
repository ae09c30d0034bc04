"""One use case in a process of its own, to be killed inside it: `python -m tests.invoicing.integration.step`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial

from sqlalchemy import select
from tests.invoicing import made

from contracts.closing import UsageAdjusted
from invoicing.service.approvals import approve_next
from invoicing.service.by_hand import NewInvoice, make_by_hand
from invoicing.service.cancelling import cancel_next
from invoicing.service.closes import take_in_closes
from invoicing.service.credit import review_next
from invoicing.service.drafting import draft_next
from invoicing.service.erasing import erase_next
from invoicing.service.recreating import recreate_invoices
from invoicing.service.resuming import resume_run
from invoicing.service.runs import request_run, start_run
from invoicing.service.sending import send_next
from invoicing.service.unapproving import unapprove_invoice
from invoicing.store import adjustments
from invoicing.store.tables import invoice
from service_kit.database import bind, reading

Step = Callable[[int], Awaitable[object]]


async def main(dsn: str, what: str, about: int) -> None:
    """Do the step once, on the database of that DSN, about the run, invoice or customer of that id."""
    database = bind(dsn)
    await STEPS[what](about)
    await database.close()


async def _give_back(run_id: int) -> None:
    await take_in_closes(made.received(await taken_back(run_id)))


async def _by_hand(customer_id: int) -> None:
    await make_by_hand(NewInvoice(customer_id=customer_id, bill_to=date(2025, 2, 28), confirm_empty=True), "tests")


async def taken_back(run_id: int) -> UsageAdjusted:
    """Rating takes 1.00 off the first line of a run's only invoice."""
    async with reading() as connection:
        billed = (await connection.execute(select(invoice).where(invoice.c.run_id == run_id))).one()
        close = await adjustments.billed_close(connection, billed.close_id)
    assert close is not None
    number_id = close.lines[0].line.number_id
    line = made.usage_line("-1.00", calls=1, number_id=number_id)
    return UsageAdjusted(
        customer_id=billed.customer_id,
        adjustment_id=1,
        close_id=billed.close_id,
        invoice_id=billed.invoice_id,
        part=1,
        parts=1,
        lines=(line,),
        totals=made.totals(line),
        reason="dropped",
    )


STEPS: dict[str, Step] = {
    "invoicing.requested": request_run,
    "invoicing.started": partial(start_run, partitions=3),
    "invoicing.group": partial(draft_next, group=3),
    "invoicing.numbered": partial(approve_next, group=3),
    "invoicing.sent": lambda _: send_next("http://invoicing.example", 3),
    "invoicing.adjusted": _give_back,
    "invoicing.cancelled": partial(cancel_next, group=3),
    "invoicing.resumed": partial(resume_run, by="tests"),
    "invoicing.unapproved": unapprove_invoice,
    "invoicing.recreated": lambda invoice_id: recreate_invoices([invoice_id], "tests"),
    "invoicing.by_hand": _by_hand,
    "invoicing.credit": lambda _: review_next(),
    "invoicing.erasing": lambda _: erase_next(3),
}


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
