"""What the API will do and does not yet: asked for, it says so."""

from __future__ import annotations

from typing import NoReturn

from contracts.base import Id
from service_kit.auth import scope
from service_kit.http import Router
from service_kit.problems import Problem

router = Router(tags=["not built yet"])
_RUN = [scope("billing:run")]
_WRITE = [scope("invoicing:write")]


def _not_yet(what: str) -> NoReturn:
    raise Problem(501, "not-built-yet", "Not built yet", f"{what} is not built yet")


@router.post("/billing-runs/{run_id}/cancel", dependencies=_RUN, summary="Cancel a run and remove its drafts")
async def cancel_run(run_id: Id) -> None:
    _not_yet(f"cancelling run {run_id}")


@router.post("/billing-runs/{run_id}/resume", dependencies=_RUN, summary="Try a run's parked customers again")
async def resume_run(run_id: Id) -> None:
    _not_yet(f"resuming run {run_id} by hand")


@router.post("/invoices", dependencies=_WRITE, summary="Make an invoice by hand")
async def post_invoice() -> None:
    _not_yet("an invoice by hand")


@router.post("/invoices/{invoice_id}/unapprove", dependencies=_WRITE, summary="Make an unsent invoice a draft again")
async def unapprove_invoice(invoice_id: Id) -> None:
    _not_yet(f"unapproving invoice {invoice_id}")


@router.post("/invoices/{invoice_id}/recreate", dependencies=_WRITE, summary="Make a draft again from current data")
async def recreate_invoice(invoice_id: Id) -> None:
    _not_yet(f"recreating invoice {invoice_id}")


@router.delete("/invoices/{invoice_id}", dependencies=_WRITE, summary="Remove a draft")
async def delete_invoice(invoice_id: Id) -> None:
    _not_yet(f"removing invoice {invoice_id}")
