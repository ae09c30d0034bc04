"""The bill: run, approve, send, and wait for the mail."""

from __future__ import annotations

from typing import Any

from examples.demo.driver.api import Api, Apis, DemoError, wait_until
from examples.demo.driver.screen import Step

FINAL_STATES = frozenset({"sent", "failed", "not_emailed", "unconfirmed"})
STATES = FINAL_STATES | {"queued", "sending", "deferred"}
DONE = ("completed", "completed_with_errors")


def run(invoicing: Api, plan: dict[str, Any], seconds: float, step: Step) -> int:
    """Bill every customer whose cycle is due. Returns the run's id when the run has completed."""
    body = {"bill_to": plan["bill_to"], "invoice_date": plan["invoice_date"], "message": "Thank you for your custom."}
    run_id = int(invoicing.post("/billing-runs", body)["run_id"])
    invoicing.post(f"/billing-runs/{run_id}/request")

    def completed() -> bool:
        state = invoicing.get(f"/billing-runs/{run_id}")
        _show(state, step)
        if state["state"] in ("cancelled", "failed"):
            raise DemoError(f"invoicing: run {run_id} is {state['state']}: {state}")
        return state["state"] in DONE

    wait_until("The billing run", completed, seconds)
    return run_id


def _show(state: dict[str, Any], step: Step) -> None:
    progress = state.get("progress") or {}
    if progress.get("customers"):
        step.total(progress["customers"])
        step.done(sum(progress.get(part, 0) for part in ("drafted", "skipped", "parked")))


def approve(invoicing: Api, run_id: int, seconds: float, step: Step) -> None:
    """Number and lock every draft of the run."""
    drafted = _drafted(invoicing, run_id)
    step.total(drafted)
    invoicing.post(f"/billing-runs/{run_id}/approve")

    def approved() -> bool:
        count = _progress(invoicing, run_id, "approved")
        step.done(count)
        return count >= drafted

    wait_until("Approving the invoices", approved, seconds)


def send(invoicing: Api, run_id: int, seconds: float, step: Step) -> None:
    """Make every document and hand the invoices over for mailing."""
    drafted = _drafted(invoicing, run_id)
    step.total(drafted)
    invoicing.post(f"/billing-runs/{run_id}/send")

    def sent() -> bool:
        count = _progress(invoicing, run_id, "sent")
        step.done(count)
        return count >= drafted

    wait_until("Sending the invoices", sent, seconds)


def _drafted(invoicing: Api, run_id: int) -> int:
    return _progress(invoicing, run_id, "drafted")


def _progress(invoicing: Api, run_id: int, part: str) -> int:
    """A count of the run; it stands with the progress, the totals or the run itself."""
    state = invoicing.get(f"/billing-runs/{run_id}")
    for holder in (state, state.get("progress") or {}, state.get("totals") or {}):
        if part in holder:
            return int(holder[part])
    raise DemoError(f"invoicing: run {run_id} does not say how many are {part}: {state}")


def wait_mailed(apis: Apis, invoices: int, seconds: float, step: Step) -> None:
    """Wait until there is a message for every sent invoice and all of them are in a final state."""
    step.total(invoices)

    def final() -> bool:
        states = message_states(apis.notifications)
        step.done(sum(count for state, count in states.items() if state in FINAL_STATES))
        return sum(states.values()) >= invoices and set(states) <= FINAL_STATES

    wait_until("Mailing the invoices", final, seconds)


def message_states(notifications: Api) -> dict[str, int]:
    """How many messages are in which state."""
    report: dict[str, Any] = notifications.get("/reports/messages")
    return {state: int(count) for state, count in report.items() if state in STATES and count}
