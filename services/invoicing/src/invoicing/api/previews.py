"""What an action on a customer would come to, over HTTP (SPEC C18)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Body
from pydantic import AfterValidator, BaseModel, Field

from contracts.base import Amount, Id, Money
from contracts.billing import VatLine
from invoicing.asking import usage_after
from invoicing.domain.previews import Action, Preview, Proposal, Reopen, UsageAfter
from invoicing.domain.transactions import ZERO, Transaction
from invoicing.service import previews
from service_kit import clock
from service_kit.auth import scope
from service_kit.http import Router, repeatable

router = Router(tags=["previews"])
_READ = [scope("invoicing:read"), repeatable("nothing is changed")]
MOST_LINES = 1000
EARLIEST, LATEST = date(1990, 1, 1), date(2199, 12, 31)


def _in_range(day: date) -> date:
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"give a day from {EARLIEST} to {LATEST}")
    return day


Day = Annotated[date, AfterValidator(_in_range)]
_AWAY: dict[int | str, dict[str, Any]] = {503: {"description": "rating cannot be asked now: try again"}}


class PreviewBody(BaseModel):
    """An action that may be taken."""

    action: Action
    date: Day
    reopen_dropped_on: Day | None = Field(
        default=None,
        description="of a reinstatement: open again is what ended on that day; null: nothing; left out: all that ended",
    )
    bill_to: Day | None = Field(
        default=None, description="of a reinstatement: the last day of the bill it is worked out to; without it, today"
    )

    def proposal(self) -> Proposal:
        """What is asked for."""
        asked = "reopen_dropped_on" in self.model_fields_set
        reopen: Reopen = (self.reopen_dropped_on or "none") if asked else "all"
        return Proposal(self.action, self.date, self.bill_to or clock.today(), reopen)


class PreviewLine(BaseModel):
    """A charge, or below zero a refund, that would go on Unsent."""

    kind: str
    description: str
    net: Money
    first_day: Day | None
    last_day: Day | None
    charge_id: int | None
    number_id: int | None
    number: str | None
    feature_id: int | None
    calls: int | None


class UsageView(BaseModel):
    """Usage after the date. What is on no approved invoice leaves no line; what is billed is refunded in the lines."""

    reversed_calls: int
    reversed_seconds: int
    reversed_net_exact: Amount
    refunded_calls: int
    refunded_net: Money


class PreviewView(BaseModel):
    """What the action would put on the customer's next bill."""

    customer_id: int
    action: Action
    date: Day
    charges: Money = Field(description="net of the lines above zero")
    refunds: Money = Field(description="net of the lines below zero")
    net: Money
    vat: Money = Field(description="at the percentages of today; the invoice takes those of its date")
    gross: Money
    vat_lines: list[VatLine]
    usage: UsageView | None = Field(description="null for a reinstatement: it takes nothing back")
    line_count: int
    lines: list[PreviewLine] = Field(description=f"the first {MOST_LINES:,}")


@router.post(
    "/customers/{customer_id}/previews",
    dependencies=_READ,
    responses=_AWAY,
    summary="What Final Bill, Drop or Reinstate would charge and refund",
)
async def post_preview(
    customer_id: Id,
    body: Annotated[PreviewBody, Body(examples=[{"action": "final_bill", "date": "2025-01-31"}])],
) -> PreviewView:
    """Nothing is changed. Which numbers and features end is answered by the action itself, with `dry_run`."""
    proposal = body.proposal()

    async def ask(about: Proposal) -> UsageAfter:
        return await usage_after(customer_id, about)

    return _view(customer_id, proposal, await previews.preview(customer_id, proposal, ask))


def _view(customer_id: int, proposal: Proposal, found: Preview) -> PreviewView:
    return PreviewView(
        customer_id=customer_id,
        action=proposal.action,
        date=proposal.on,
        charges=sum((line.net for line in found.lines if line.net > 0), ZERO),
        refunds=sum((line.net for line in found.lines if line.net < 0), ZERO),
        net=found.totals.net,
        vat=found.totals.vat,
        gross=found.totals.gross,
        vat_lines=list(found.totals.vat_lines),
        usage=None if found.usage is None else _usage(found.usage, found.lines),
        line_count=len(found.lines),
        lines=[_line(line) for line in found.lines[:MOST_LINES]],
    )


def _usage(usage: UsageAfter, lines: tuple[Transaction, ...]) -> UsageView:
    refunded = [line for line in lines if line.adjusts is not None]
    return UsageView(
        reversed_calls=usage.calls,
        reversed_seconds=usage.seconds,
        reversed_net_exact=usage.net_exact,
        refunded_calls=sum(line.calls or 0 for line in refunded),
        refunded_net=sum((line.net for line in refunded), Decimal("0.00")),
    )


def _line(line: Transaction) -> PreviewLine:
    return PreviewLine(**{name: getattr(line, name) for name in PreviewLine.model_fields})
