"""Explaining what became of a record, and what one would cost (SPEC R9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from rating import intake
from rating.domain.arithmetic import KnownTariff
from rating.domain.cdr import Cdr, record_of
from rating.domain.choosers import chooser_of_fallback, chooser_of_markup, chooser_of_tariff
from rating.domain.explaining import (
    BY_FALLBACK,
    Explanation,
    Known,
    Unread,
    explain_at_close,
    explain_duplicate,
    explain_held,
    explain_rated,
    explain_rejected,
)
from rating.domain.explaining_discounts import with_discount
from rating.domain.verdicts import Held, Rated, judge_one
from rating.service import discounting
from rating.service.pictures import pictures
from rating.store import explaining as store
from rating.store import fallback, outcomes
from service_kit.database import reading
from service_kit.http import NotFound


async def explain(usage_id: int) -> Explanation:
    """Why a record is charged what it is, or why it is not.

    Raises: NotFound: there is no record of that id.
    """
    async with reading() as connection:
        found = await store.find(connection, usage_id)
        if found is None:
            raise NotFound(f"there is no record {usage_id}: no call, and none that was held, rejected or a second copy")
        return await _explain(connection, *found)


async def explain_record(source: str, record_id: str) -> list[Explanation]:
    """What became of every copy of a record, the one that is charged or held first. Empty where it never came."""
    async with reading() as connection:
        explained = []
        for usage_id in await store.of_record(connection, source.strip(), record_id.strip()):
            found = await store.find(connection, usage_id)
            if found is not None:
                explained.append(await _explain(connection, *found))
        return explained


async def what_if(record: bytes) -> Explanation:
    """What a CDR would cost if it came now; nothing is stored, and whether it came before is not asked.

    The first question in a process that does not rate waits until it has loaded numbers, customers and tariffs.

    Args:
        record: JSON of a `CdrReceived`.
    """
    told = intake.read(record)
    if isinstance(told, intake.Unread):
        return explain_rejected(Unread(told.source, told.record_id, told.reason, told.detail, told.field))
    cdr = record_of(told, 0)
    judged = judge_one(cdr, await pictures.refresh())
    async with reading() as connection:
        return await _explain_judged(connection, cdr, judged, None)


async def _explain(connection: AsyncConnection, place: str, row: RowMapping) -> Explanation:
    usage_id = row["usage_id"]
    if place == "rejected":
        unread = Unread(row["source"], row["record_id"], row["reason"], row["detail"], row["field"])
        return explain_rejected(unread, usage_id)
    if place == "duplicate":
        return explain_duplicate(row["source"], row["record_id"], row["first_usage_id"], row["conflict"], usage_id)
    if place == "usage":
        told = await _explain_judged(connection, outcomes.cdr_of(row), store.rated_of(row), usage_id)
        return await _discounted(connection, row, told)
    return await _explain_held(connection, row)


async def _explain_held(connection: AsyncConnection, row: RowMapping) -> Explanation:
    """Why a call is held; one that has a price in an open close shows that too."""
    cdr, usage_id = outcomes.cdr_of(row), row["usage_id"]
    at_close = await fallback.priced_now(connection, usage_id)
    if at_close is None:
        return explain_held(cdr, store.held_of(row), Known(), usage_id)
    rated = fallback.rated_of(at_close)
    told = explain_at_close(cdr, rated, await _known(connection, cdr, rated), at_close["close_id"], usage_id)
    return await _discounted(connection, row, told)


async def _discounted(connection: AsyncConnection, row: RowMapping, told: Explanation) -> Explanation:
    decided = await discounting.of_call(connection, row)
    return with_discount(told, decided[1], decided[0]) if decided else told


async def _explain_judged(
    connection: AsyncConnection, cdr: Cdr, judged: Rated | Held, usage_id: int | None
) -> Explanation:
    if isinstance(judged, Held):
        return explain_held(cdr, judged, Known(), usage_id)
    return explain_rated(cdr, judged, await _known(connection, cdr, judged), usage_id)


async def _known(connection: AsyncConnection, cdr: Cdr, rated: Rated) -> Known:
    number, customer = await store.choices(connection, rated.number_id, rated.customer_id)
    found = await store.tariff(connection, rated.tariff) if rated.tariff else None
    tariff, of_tariff = found or (None, {})
    return Known(
        tariff=tariff,
        rate=await store.rate(connection, rated.rate_id) if rated.rate_id is not None else None,
        chosen_by=_chosen_by(tariff, rated, number, customer),
        markup_of=_markup_of(rated, of_tariff, number, customer),
        matched=await _matched(connection, cdr, rated),
    )


def _chosen_by(tariff: KnownTariff | None, rated: Rated, number: Mapping[str, Any], customer: Mapping[str, Any]) -> str:
    return chooser_of_tariff(tariff.code, rated.call_class, number, customer) if tariff else ""


def _markup_of(rated: Rated, tariff: Mapping[str, Any], number: Mapping[str, Any], customer: Mapping[str, Any]) -> str:
    if rated.markup is None:
        return ""
    if rated.step == BY_FALLBACK:
        return chooser_of_fallback(rated.markup, tariff, number, customer)
    return chooser_of_markup(rated.markup, rated.call_class, number, customer)


async def _matched(connection: AsyncConnection, cdr: Cdr, rated: Rated) -> str:
    if cdr.direction == "inbound":
        return await store.matched(connection, "inbound_class", cdr.charged_number, rated.call_class)
    return await store.matched(connection, "destination", cdr.other_party, rated.call_class)
