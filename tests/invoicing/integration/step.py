"""One use case in a process of its own, to be killed inside it: `python -m tests.invoicing.integration.step`."""

from __future__ import annotations

import asyncio
import sys
from datetime import date

from sqlalchemy import select
from tests.invoicing import made

from contracts.closing import UsageAdjusted
from invoicing.service.approvals import approve_next
from invoicing.service.closes import take_in_closes
from invoicing.service.by_hand import NewInvoice, make_by_hand
from invoicing.service.cancelling import cancel_next
from invoicing.service.credit import review_next
from invoicing.service.drafting import draft_next
from invoicing.service.erasing import erase_next
from invoicing.service.recreating import recreate_invoice
from invoicing.service.resuming import resume_run
from invoicing.service.runs import request_run, start_run
from invoicing.service.sending import send_next
from invoicing.store import adjustments
from invoicing.store.tables import invoice
from invoicing.service.unapproving import unapprove_invoice
from service_kit.database import bind, reading


async def main(dsn: str, what: str, run_id: int) -> None:
    """Do the step once, on the database of that DSN; some take the id of an invoice or a customer for that of a run."""
    database = bind(dsn)
    match what:
        case "invoicing.requested":
            await request_run(run_id)
        case "invoicing.started":
            await start_run(run_id, 3)
        case "invoicing.group":
            await draft_next(run_id, 3)
        case "invoicing.numbered":
            await approve_next(run_id, 3)
        case "invoicing.sent":
            await send_next("http://invoicing.example", 3)
        case "invoicing.adjusted":
            await take_in_closes(made.received(await taken_back(run_id)))
        case "invoicing.cancelled":
            await cancel_next(run_id, 3)
        case "invoicing.resumed":
            await resume_run(run_id, "tests")
        case "invoicing.unapproved":
            await unapprove_invoice(run_id)
        case "invoicing.recreated":
            await recreate_invoice(run_id, "tests")
        case "invoicing.by_hand":
            await make_by_hand(NewInvoice(customer_id=run_id, bill_to=date(2025, 2, 28), confirm_empty=True), "tests")
        case "invoicing.credit":
            await review_next()
        case "invoicing.erasing":
            await erase_next(3)
    await database.close()


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


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
