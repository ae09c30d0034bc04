"""One use case in a process of its own, to be killed inside it: `python -m tests.invoicing.integration.step`."""

from __future__ import annotations

import asyncio
import sys

from invoicing.service.approvals import approve_next
from invoicing.service.credit import review_next
from invoicing.service.drafting import draft_next
from invoicing.service.erasing import erase_next
from invoicing.service.runs import request_run, start_run
from invoicing.service.sending import send_next
from service_kit.database import bind


async def main(dsn: str, what: str, run_id: int) -> None:
    """Do the step once, on the database of that DSN."""
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
        case "invoicing.credit":
            await review_next()
        case "invoicing.erasing":
            await erase_next(3)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
