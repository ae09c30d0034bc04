"""What is stored of one record and of what priced it (SPEC R9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.arithmetic import KnownRate, KnownTariff
from rating.domain.calendars import MINUTES_AN_HOUR, Calendar, PeakHours
from rating.domain.recordkeys import as_signed, find_in_chunk, key_of
from rating.domain.verdicts import Held, Rated
from rating.store import keys

PLACES = ("usage", "held", "rejected", "duplicate")
_BY_ID = {place: text(f"SELECT * FROM {place} WHERE usage_id = :usage_id") for place in PLACES}
_COPIES = text(
    """
    SELECT usage_id FROM duplicate WHERE source = :source AND record_id = :record_id
    UNION ALL
    SELECT usage_id FROM rejected WHERE source = :source AND record_id = :record_id
    ORDER BY usage_id
    """
)
_BLOCKS_WITH = text("SELECT keys FROM key_block WHERE position(CAST(:hash AS bytea) IN keys) > 0")
_HASH_BYTES = 16
"""How much of a key, at its beginning, is the hash of the record id."""
_RATE = text(
    """
    SELECT rate.*, tariff.code AS tariff, tariff.name AS tariff_name, tariff_version.version,
           tariff_version.effective_from
    FROM rate JOIN tariff_version USING (version_id) JOIN tariff ON tariff.code = tariff_version.tariff
    WHERE rate_id = :rate_id
    """
)
_TARIFF = text(
    """
    SELECT tariff.code, tariff.name, rounding_places, megabyte_bytes, fallback_markup, calendar.code AS calendar,
           calendar.name AS calendar_name, country, subdivision, peak, weekend
    FROM tariff JOIN calendar ON calendar.code = tariff.calendar WHERE tariff.code = :code
    """
)
_CHOICES = text(
    """
    SELECT (SELECT rating FROM number WHERE number_id = :number_id) AS number,
           (SELECT rating FROM customer WHERE customer_id = :customer_id) AS customer
    """
)
_MATCHED = """
    SELECT prefix FROM {table} WHERE prefix = ANY(:prefixes) AND call_class = :call_class
    ORDER BY length(prefix) DESC LIMIT 1
"""
_MATCHED_IN = {table: text(_MATCHED.format(table=table)) for table in ("destination", "inbound_class")}
_LONGEST_PREFIX = 15


async def find(connection: AsyncConnection, usage_id: int) -> tuple[str, RowMapping] | None:
    """The row of a record and the table it is in.

    The open segment of `usage` has no index: there it is looked for from end to end.
    """
    for place, statement in _BY_ID.items():
        row = await _first(connection, statement, usage_id=usage_id)
        if row is not None:
            return place, row
    return None


async def of_record(connection: AsyncConnection, source: str, record_id: str) -> list[int]:
    """The usage ids of a record, what is charged or held first, then its other copies and what was rejected.

    Those are looked for among all of the source: these tables are small beside the calls.
    """
    holder = await _holder(connection, source, record_id)
    copies = await connection.execute(_COPIES, {"source": source, "record_id": record_id})
    return [*([] if holder is None else [holder]), *copies.scalars()]


async def _holder(connection: AsyncConnection, source: str, record_id: str) -> int | None:
    """Who has a record id, without a ledger in memory: blocks are searched by Postgres, each run is asked for a chunk.

    Blocks come first: what is sealed or merged meanwhile is met again in its new place.
    """
    (key,) = key_of(source, record_id, await keys.seed(connection))
    blocks = await connection.execute(_BLOCKS_WITH, {"hash": key.tobytes()[:_HASH_BYTES]})
    chunks = [bytes(each) for each in blocks.scalars()] or await _chunks_for(connection, key)
    found = (find_in_chunk(chunk, key) for chunk in chunks)
    return next((int(each["usage_id"]) for each in found if each is not None), None)


async def _chunks_for(connection: AsyncConnection, key: np.void) -> list[bytes]:
    """The chunk of each run that might hold a key; asked again where a run was merged away meanwhile."""
    while True:
        runs = [each.run for each in await keys.runs(connection)]
        firsts = as_signed(np.array([key["h1"]])).tolist() * len(runs)
        told = [each async for each in keys.chunks(connection, range(len(runs)), runs, firsts)]
        if all(is_there for _, is_there, _ in told):
            return [chunk for _, _, chunk in told if chunk is not None]


async def rate(connection: AsyncConnection, rate_id: int) -> KnownRate | None:
    """A rate with the version of the tariff that it belongs to."""
    row = await _first(connection, _RATE, rate_id=rate_id)
    return None if row is None else _rate_of(row)


def _rate_of(row: RowMapping) -> KnownRate:
    return KnownRate(
        rate_id=row["rate_id"],
        tariff=row["tariff"],
        tariff_name=row["tariff_name"],
        version=row["version"],
        effective_from=row["effective_from"],
        prefix=row["prefix"],
        call_class=row["call_class"],
        band=row["band"],
        price=row["price_micro"],
        connection=row["connection_micro"],
        initial=row["initial"],
        step=row["step"],
        minimum=row["minimum_micro"],
        maximum=row["maximum_micro"],
        free=row["free"],
    )


async def tariff(connection: AsyncConnection, code: str) -> tuple[KnownTariff, Mapping[str, Any]] | None:
    """A tariff with its calendar, and its choices in the shape of a number's: a fallback markup."""
    row = await _first(connection, _TARIFF, code=code)
    if row is None:
        return None
    calendar = Calendar(
        row["calendar"],
        row["country"],
        row["subdivision"],
        tuple(_peak_hours(each) for each in row["peak"]),
        tuple(row["weekend"]),
    )
    found = KnownTariff(
        row["code"], row["name"], row["rounding_places"], row["megabyte_bytes"], calendar, row["calendar_name"]
    )
    return found, {"fallback_markup": row["fallback_markup"]}


def _peak_hours(told: Mapping[str, Any]) -> PeakHours:
    return PeakHours(tuple(told["days"]), _minute(told["from"]), _minute(told["to"]))


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * MINUTES_AN_HOUR + int(minutes)


async def choices(
    connection: AsyncConnection, number_id: int, customer_id: int
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What a number and its customer say of their rating now (SPEC C10), as they are stored."""
    row = await _first(connection, _CHOICES, number_id=number_id, customer_id=customer_id)
    assert row is not None
    return row["number"] or {}, row["customer"] or {}


async def matched(connection: AsyncConnection, table: str, digits: str, call_class: str) -> str:
    """The longest prefix of a number that has a class in `destination` or `inbound_class` now; empty where none."""
    prefixes = [digits[:length] for length in range(1, min(len(digits), _LONGEST_PREFIX) + 1)]
    row = await _first(connection, _MATCHED_IN[table], prefixes=prefixes, call_class=call_class)
    return "" if row is None else str(row["prefix"])


def rated_of(row: RowMapping) -> Rated:
    """A row of `usage` as it was judged; rows of before prefixes were kept have none."""
    told = {name: row[name] for name in Rated.__slots__}
    return Rated(**{**told, "prefix": told["prefix"] or ""})


def held_of(row: RowMapping) -> Held:
    """A row of `held` as it was judged."""
    return Held(**{name: row[name] for name in Held.__slots__})


async def _first(connection: AsyncConnection, statement: TextClause, **values: int | str | Sequence[str]) -> Any:
    return (await connection.execute(statement, values)).mappings().first()
