"""Calendars that give the bands of calls: changed behind the gate (SPEC R6, Z18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import holidays
from sqlalchemy import RowMapping

from rating.service import retrying
from rating.service.tariffs import invalid
from rating.store import calendars as store
from rating.store import tariffs
from rating.store.gate import pass_alone
from service_kit.database import reading, transaction
from service_kit.logs import logger

_log = logger(__name__)


async def list_calendars() -> Sequence[RowMapping]:
    """All calendars, by code."""
    async with reading() as connection:
        return await store.list_calendars(connection)


async def save_calendar(calendar: Mapping[str, Any], actor: str) -> None:
    """Add a calendar, or change it for calls that are stored from now on; what was rated stays.

    Args:
        calendar: `code, name, country, subdivision, peak, weekend` as the table has them.

    Raises: Invalid: whose bank holidays it means is not known.
    """
    _check_holidays(calendar["country"], calendar["subdivision"])
    async with transaction() as tx:
        await tariffs.lock_tariffs(tx.connection)
        generation = await pass_alone(tx.connection)
        await store.save_calendar(tx.connection, calendar, generation)
        await retrying.request(tx, generation, everything_unpriced=True)
    _log.info("calendar saved", calendar=calendar["code"], by=actor)


def _check_holidays(country: str, subdivision: str | None) -> None:
    known = holidays.list_supported_countries(include_aliases=True)
    if country not in known:
        raise invalid("country", f"no bank holidays are known of '{country}': give a code of ISO 3166-1 like GB")
    parts = known[country]
    if subdivision is not None and subdivision not in parts:
        raise invalid(
            "subdivision", f"'{subdivision}' is no part of {country}: {', '.join(sorted(parts)) or 'it has none'}"
        )
