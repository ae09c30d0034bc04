"""HTTP in: the delivery log, resending, suspended addresses."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from contracts.base import Id
from notifications.domain.delivery import MessageState
from notifications.service import messages as use
from notifications.service.messages import Message, SuspendedAddress
from service_kit.auth import scope
from service_kit.http import Router
from service_kit.problems import Problem

READ = [scope("notifications:read")]
WRITE = [scope("notifications:write")]
LATER = "not built yet"
router = Router()
T = TypeVar("T")
Cursor = TypeVar("Cursor")
Limit = Annotated[int, Query(ge=1, le=1000)]
After = Annotated[int, Query(ge=0, lt=2**63, description="the `next` of the page before")]


class Page(BaseModel, Generic[T, Cursor]):
    """A page of items; `next` is the `after` of the next one, null on the last."""

    items: list[T]
    next: Cursor | None


class Resend(BaseModel):
    """To whom, where not to the message's own recipients."""

    recipients: list[str] | None = Field(default=None, max_length=50)


@router.get("/messages", dependencies=READ, tags=["messages"], summary="Messages with their delivery log")
async def get_messages(
    invoice_id: Id | None = None,
    customer_id: Id | None = None,
    state: MessageState | None = None,
    limit: Limit = 100,
    after: After = 0,
) -> Page[Message, int]:
    items = await use.list_messages(
        invoice_id=invoice_id, customer_id=customer_id, state=state, limit=limit, after=after
    )
    return Page(items=items, next=items[-1].message_id if len(items) == limit else None)


@router.get("/messages/{message_id}", dependencies=READ, tags=["messages"], summary="A message")
async def get_message(message_id: Id) -> Message:
    return await use.get_message(message_id)


@router.post(
    "/messages/{message_id}/resend",
    dependencies=WRITE,
    status_code=202,
    tags=["messages"],
    summary="Send a message again",
    description="One that has not arrived goes on its way again under its Message-ID. One that was sent, or that goes "
    "to other recipients for this time only, becomes a new message; the answer is that one.",
)
async def resend(message_id: Id, body: Resend | None = None) -> Message:
    return await use.resend(message_id, body.recipients if body else None)


@router.get("/reports/messages", dependencies=READ, tags=["messages"], summary="How many messages are in each state")
async def report_messages() -> dict[MessageState, int]:
    return await use.count_messages()


@router.get("/suspended-addresses", dependencies=READ, tags=["addresses"], summary="Addresses that bounced")
async def get_suspended(limit: Limit = 100, after: str = "") -> Page[SuspendedAddress, str]:
    items = await use.list_suspended(limit, after)
    return Page(items=items, next=items[-1].address if len(items) == limit else None)


@router.delete(
    "/suspended-addresses/{address}",
    dependencies=WRITE,
    status_code=204,
    tags=["addresses"],
    summary="Mail to it again",
)
async def release(address: str) -> None:
    await use.release_address(address)


@router.get(
    "/templates",
    dependencies=READ,
    tags=["later"],
    operation_id="get_templates",
    summary=f"Templates per brand and occasion: {LATER}",
)
@router.get("/webhooks", dependencies=READ, tags=["later"], operation_id="get_webhooks", summary=f"Webhooks: {LATER}")
async def later() -> None:
    raise Problem(501, "not-built", "Not built yet", "templates as data and webhooks (SPEC N3, N4) are not built yet")
