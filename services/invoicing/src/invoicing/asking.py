"""Asks rating over HTTP, with the token for calls between services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, Field, ValidationError

from contracts.base import Amount
from contracts.closing import UsageLine
from invoicing.config import InvoicingSettings
from invoicing.domain.previews import Proposal, UsageAfter
from money.rounding import to_pennies
from service_kit.errors import ConfigurationError
from service_kit.problems import Problem

_TIMEOUT_S = 20
_Model = TypeVar("_Model", bound=BaseModel)


class _Unbilled(BaseModel):
    calls: int
    seconds: int
    net_exact: Amount


class _Billed(BaseModel):
    close_id: int
    number_id: int
    number: str
    call_class: str
    band: str
    plan: str = ""
    calls: int
    seconds: int
    net_exact: Amount


class _Answer(BaseModel):
    unbilled: _Unbilled
    billed: list[_Billed] = Field(default=[])


class _Held(BaseModel):
    suspended: int = 0
    unpriced: int = 0


class _Outcomes(BaseModel):
    total: _Held


class _Position(BaseModel):
    position: int
    end: int


class _Positions(BaseModel):
    items: list[_Position]


class _Plan(BaseModel):
    plan: str


class _Plans(BaseModel):
    items: list[_Plan]


@dataclass(frozen=True, slots=True)
class NotRated:
    """Calls held in suspense, calls without a price, records that have come and are not stored yet, and discount plans
    that customers have and rating does not.
    """

    suspended: int
    unpriced: int
    lag: int
    unknown_plans: tuple[str, ...]


class NotAnswered(Exception):
    """Rating does not answer, or not what is understood; says why."""


class RatingAway(Problem):
    """503: rating cannot be asked now, so what is billed beyond the date is not known."""

    def __init__(self, why: str) -> None:
        super().__init__(
            503,
            "rating-away",
            "Rating cannot be asked",
            f"what was used after the date is not known: {why}. Try again; the action itself does not need this",
            headers={"Retry-After": "5"},
        )


async def usage_after(customer_id: int, proposal: Proposal) -> UsageAfter:
    """What a customer used after the proposal's date.

    Raises:
        RatingAway: rating does not answer, or not what is understood.
    """
    path = f"/customers/{customer_id}/usage-after"
    try:
        return _understood(await _asked(path, {"date": proposal.on.isoformat()}, _Answer))
    except NotAnswered as error:
        raise RatingAway(str(error)) from error


async def not_rated() -> NotRated:
    """What rating holds and has not stored yet. Raises NotAnswered."""
    outcomes = await _asked("/reports/outcomes", {"group": "all"}, _Outcomes)
    positions = await _asked("/positions", {}, _Positions)
    lag = sum(max(0, each.end - each.position) for each in positions.items)
    plans = await _asked("/reports/unknown-plans", {}, _Plans)
    unknown = tuple(each.plan for each in plans.items)
    return NotRated(outcomes.total.suspended, outcomes.total.unpriced, lag, unknown)


async def _asked(path: str, params: Mapping[str, str], answer: type[_Model]) -> _Model:
    """What rating answers. Raises NotAnswered."""
    settings = InvoicingSettings()
    if not settings.rating_url:
        raise NotAnswered("FARTHING_RATING_URL is not set")
    url = f"{settings.rating_url.rstrip('/')}{path}"
    try:
        headers = {"Authorization": f"Bearer {settings.bearer()}"}
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
            response = await client.get(url, params=params, headers=headers)
        response.raise_for_status()
        return answer.model_validate_json(response.content)
    except (ConfigurationError, httpx.HTTPError, httpx.InvalidURL, ValidationError) as error:
        raise NotAnswered(f"{url}: {error or type(error).__name__}") from error


def _understood(answer: _Answer) -> UsageAfter:
    unbilled = answer.unbilled
    billed = tuple((each.close_id, _line(each)) for each in answer.billed)
    return UsageAfter(unbilled.calls, unbilled.seconds, unbilled.net_exact, billed)


def _line(billed: _Billed) -> UsageLine:
    exact: Decimal = billed.net_exact
    values: dict[str, Any] = billed.model_dump(exclude={"close_id", "net_exact"})
    return UsageLine(**values, list_price=exact, net_exact=exact, net=to_pennies(exact))
