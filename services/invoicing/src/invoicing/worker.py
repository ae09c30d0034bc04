"""The roles that work by themselves: `runner` takes billing runs on, `documents` renders and sends, `credit` looks at
figures that changed, `eraser` erases customers.

All ask the database what is to be done and do one step of it, so a crash at any point needs no care: the next
process goes on from what was committed. Several processes may play a role: a step locks what it works on.
"""

from __future__ import annotations

import asyncio
import time

from contracts.topics import USAGE_CLOSING
from invoicing.config import InvoicingSettings
from invoicing.domain.runs import Run
from invoicing.rendering import Renderer
from invoicing.service.approvals import approve_next
from invoicing.service.cancelling import cancel_next
from invoicing.service.credit import review_next
from invoicing.service.drafting import draft_next
from invoicing.service.erasing import erase_next
from invoicing.service.rendering import render_next
from invoicing.service.runs import complete_run, note_problem, runs_at_work, start_run
from invoicing.service.sending import send_next
from service_kit import erasures
from service_kit.errors import Transient
from service_kit.kafka import partitions_of
from service_kit.logs import bind_context, logger
from service_kit.repeating import repeat

_log = logger(__name__)
IDLE_S = 0.2
HANDS = 2
"""Steps of runs at once: while Postgres works for one, Python works for the other."""
CREDIT_IDLE_S = 0.5
_FAILED_S = 5.0


async def take_on(run: Run, kafka: str | None) -> bool:
    """Do the next step of a run. Returns whether there was one to do."""
    if run.cancelling:
        return await cancel_next(run.run_id)
    if run.state == "requested":
        return await start_run(run.run_id, await partitions_of(USAGE_CLOSING, kafka=kafka))
    return await draft_next(run.run_id) or await complete_run(run.run_id) or await approve_next(run.run_id)


class Runner:
    """Takes the runs on, one step of each in turn; a run whose step fails is left for some seconds, others go on.

    Several hands may use it at once: each takes a group of a run that no other has.
    """

    def __init__(self, kafka: str | None = None) -> None:
        self._kafka = kafka
        self._not_before: dict[int, float] = {}

    async def step(self) -> bool:
        """One step of every run that has one. Returns whether there was any."""
        return any([await self._step_of(run) for run in await runs_at_work() if self._may_be_tried(run)])

    def _may_be_tried(self, run: Run) -> bool:
        return self._not_before.get(run.run_id, 0) <= time.monotonic()

    async def _step_of(self, run: Run) -> bool:
        with bind_context(run_id=run.run_id):
            try:
                return await take_on(run, self._kafka)
            except Transient:
                raise
            except Exception as error:
                _log.error("a step of a run failed", exc_info=error)
                self._not_before[run.run_id] = time.monotonic() + _FAILED_S
                await note_problem(run.run_id, f"{type(error).__name__}: {error}"[:500])
                return False


async def runner(stop: asyncio.Event) -> None:
    """The role `runner`."""
    work = Runner(InvoicingSettings().kafka)
    await asyncio.gather(*(repeat(work.step, stop, idle_s=IDLE_S) for _ in range(HANDS)))


async def documents(stop: asyncio.Event) -> None:
    """The role `documents`."""
    settings = InvoicingSettings()
    renderer = Renderer(settings.invoicing_render_processes, settings.invoicing_render_documents)

    async def step() -> bool:
        sent = await send_next(settings.invoicing_url)
        return await render_next(renderer.render) or sent

    try:
        await repeat(step, stop, idle_s=IDLE_S)
    finally:
        renderer.close()


async def credit(stop: asyncio.Event) -> None:
    """The role `credit` (SPEC C13)."""
    await repeat(review_next, stop, idle_s=CREDIT_IDLE_S)


async def eraser(stop: asyncio.Event) -> None:
    """The role `eraser` (SPEC C17)."""
    await repeat(erase_next, stop, idle_s=erasures.IDLE_S)
