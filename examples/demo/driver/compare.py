"""Holds what the platform reports against the sums that must hold and against the slow reference, to the penny."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from examples.demo.driver.figures import OUTCOMES, Figures
from tests.support.reference import ReferenceResult

_ZERO = Decimal(0)


def own_sums(figures: Figures, records: int) -> Iterator[str]:
    """What does not add up in the platform's own figures; nothing where all is well.

    Args:
        records: how many records were sent in.
    """
    counted = sum(figures.total(outcome) for outcome in OUTCOMES)
    if not records == figures.received == counted:
        yield f"{records:,} records sent, {figures.received:,} received, {counted:,} with an outcome"
    unbilled = sum(figures.unbilled().values(), _ZERO)
    if figures.rated != figures.billed + unbilled:
        yield f"charges rated {figures.rated}, but billed {figures.billed} and unbilled {unbilled}"
    if figures.unbilled().get("unexplained"):
        yield f"charges of {figures.unbilled()['unexplained']} are on no invoice and nothing says why"
    for account, invoice in figures.invoices.items():
        closed = figures.charges[account].closed if account in figures.charges else _ZERO
        if invoice.usage_exact != closed:
            yield f"{account}: calls of {closed} were closed, calls of {invoice.usage_exact} are on its invoice"
        if invoice.gross != invoice.net + invoice.vat:
            yield f"{account}: net {invoice.net} and VAT {invoice.vat} are not gross {invoice.gross}"
        if invoice.status != "sent":
            yield f"{account}: invoice {invoice.number or invoice.invoice_id} is {invoice.status}, not sent"


def with_reference(figures: Figures, reference: ReferenceResult) -> Iterator[str]:
    """Every difference from the reference; nothing where there is none."""
    for source in sorted(figures.outcomes.keys() | reference.outcomes.keys()):
        ours, theirs = figures.outcomes.get(source, {}), reference.outcomes.get(source, {})
        yield from _different(f"source {source}", _counts(ours), _counts(theirs))
    yield from _different("charges", {"rated": figures.rated}, {"rated": reference.rated_charge})
    ours_unbilled = {reason: amount for reason, amount in figures.unbilled().items() if amount}
    theirs_unbilled = {reason: amount for reason, amount in reference.unbilled.items() if amount}
    yield from _different("unbilled", ours_unbilled, theirs_unbilled)
    yield from _invoices(figures, reference)
    yield from _charges(figures, reference)


def _counts(outcomes: Mapping[str, int]) -> dict[str, int]:
    return {outcome: outcomes.get(outcome, 0) for outcome in OUTCOMES}


def _invoices(figures: Figures, reference: ReferenceResult) -> Iterator[str]:
    for account in sorted(figures.invoices.keys() | reference.invoices.keys()):
        ours, theirs = figures.invoices.get(account), reference.invoices.get(account)
        if ours is None or theirs is None:
            where = "the reference" if ours is None else "the platform"
            reason = figures.reasons.get(account, "no reason")
            yield f"invoice of {account}: only {where} has one (the platform says: {reason})"
            continue
        names = ("usage_net", "net", "vat", "gross")
        yield from _different(
            f"invoice of {account}",
            {name: getattr(ours, name) for name in names},
            {name: getattr(theirs, name) for name in names},
        )


def _charges(figures: Figures, reference: ReferenceResult) -> Iterator[str]:
    for account in sorted(figures.charges.keys() | reference.charges_by_customer.keys()):
        ours = figures.charges[account].rated if account in figures.charges else _ZERO
        yield from _different(
            f"charges of {account}",
            {"rated": ours},
            {"rated": reference.charges_by_customer.get(account, _ZERO)},
        )


def _different(what: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys((*ours, *theirs)):
        if ours.get(name, 0) != theirs.get(name, 0):
            yield f"{what}: {name} is {ours.get(name, 0)}, by the reference {theirs.get(name, 0)}"
