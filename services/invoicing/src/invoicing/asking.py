"""Asks rating over HTTP, with the token for calls between services."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

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
    settings = InvoicingSettings()
    if not settings.rating_url:
        raise RatingAway("FARTHING_RATING_URL is not set")
    url = f"{settings.rating_url.rstrip('/')}/customers/{customer_id}/usage-after"
    try:
        headers = {"Authorization": f"Bearer {settings.bearer()}"}
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
            response = await client.get(url, params={"date": proposal.on.isoformat()}, headers=headers)
        response.raise_for_status()
        return _understood(_Answer.model_validate_json(response.content))
    except (ConfigurationError, httpx.HTTPError, httpx.InvalidURL, ValidationError) as error:
        raise RatingAway(f"{url}: {error or type(error).__name__}") from error


def _understood(answer: _Answer) -> UsageAfter:
    unbilled = answer.unbilled
    billed = tuple((each.close_id, _line(each)) for each in answer.billed)
    return UsageAfter(unbilled.calls, unbilled.seconds, unbilled.net_exact, billed)


def _line(billed: _Billed) -> UsageLine:
    exact: Decimal = billed.net_exact
    values: dict[str, Any] = billed.model_dump(exclude={"close_id", "net_exact"})
    return UsageLine(**values, list_price=exact, net_exact=exact, net=to_pennies(exact))
