"""Versions of a tariff: listed, read, exported, and taken back before they are in force (SPEC R10)."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.deck_rows import MICRO_PLACES, RATE_COLUMNS, RateRow
from rating.service import retrying
from rating.service.tariffs import found, save
from rating.store import tariffs
from rating.store import versions as store
from rating.store.gate import pass_alone
from service_kit import clock
from service_kit.database import reading, transaction
from service_kit.http import Conflict, NotFound
from service_kit.logs import logger

_log = logger(__name__)
_ROWS_AT_ONCE = 5_000
_IS_MONEY = [name.endswith("_micro") for name in RateRow._fields]


async def list_versions(code: str) -> Sequence[RowMapping]:
    """A tariff's versions, the oldest first. Raises NotFound."""
    async with reading() as connection:
        found(await tariffs.find_tariff(connection, code), code)
        return await store.list_versions(connection, code)


async def get_version(code: str, version: int) -> RowMapping:
    """A version with the report of its import. Raises NotFound."""
    async with reading() as connection:
        return await _version(connection, code, version)


async def delete_version(code: str, version: int, actor: str) -> None:
    """Take back a version that is not in force yet; what it was to take the place of stays in force.

    Raises:
        NotFound: there is no such version.
        Conflict: it is in force already, or was.
    """
    async with transaction() as tx:
        await tariffs.lock_tariffs(tx.connection)
        told = await _version(tx.connection, code, version)
        _refuse_begun(told)
        tariff = found(await tariffs.find_tariff(tx.connection, code), code)
        await store.delete_version(tx.connection, told["version_id"])
        generation = await pass_alone(tx.connection)
        await save(tx, replace(tariff, version=tariff.version + 1), generation)
        await retrying.request(tx, generation, everything_unpriced=True)
    _log.info("version taken back", tariff=code, version=version, by=actor)


def _refuse_begun(version: RowMapping) -> None:
    first_day = version["effective_from"]
    if first_day is None or first_day <= clock.today():
        raise Conflict(
            f"version {version['version']} of {version['tariff']} is in force since {first_day or 'always'}, and calls "
            "may have been rated by it: import the rates that are to be in force instead"
        )


async def list_rates(
    code: str, *, version: int | None, on: date | None, after: int, limit: int
) -> Sequence[RowMapping]:
    """A page of a tariff's own rates: of a version, or of the one in force on a local day, today's where none is told.

    Raises: NotFound.
    """
    async with reading() as connection:
        told = await _chosen(connection, code, version, on)
        return [] if told is None else await store.list_rates(connection, told["version_id"], after=after, limit=limit)


async def export_rates(code: str, *, version: int | None, on: date | None) -> AsyncIterator[str]:
    """The rates of a version as CSV, in the columns of the import, some thousand rows at a time; see `list_rates`.

    Raises: NotFound, before anything is sent.
    """
    async with reading() as connection:
        told = await _chosen(connection, code, version, on)
    return _csv(told)


async def _csv(version: RowMapping | None) -> AsyncIterator[str]:
    yield _lines([RATE_COLUMNS])
    after, left = 0, version["rows"] if version else 0
    while version and left > 0:
        async with reading() as connection:
            rows = await store.list_rates(connection, version["version_id"], after=after, limit=_ROWS_AT_ONCE)
        if not rows:
            raise NotFound(f"version {version['version']} was taken back while it was being sent")
        yield _lines(_cells(row) for row in rows)
        after, left = rows[-1]["rate_id"], left - len(rows)


def _lines(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cells(row: RowMapping) -> list[str]:
    """A rate in the order of `RATE_COLUMNS`, which is that of its fields."""
    values: list[Any] = list(row.values())[1:]
    return [
        "" if value is None else _pounds(value) if money else str(value)
        for value, money in zip(values, _IS_MONEY, strict=True)
    ]


def _pounds(micro: int) -> str:
    whole, places = divmod(micro, 10**MICRO_PLACES)
    return f"{whole}.{places:06d}"


async def _chosen(connection: AsyncConnection, code: str, version: int | None, on: date | None) -> RowMapping | None:
    if version is not None:
        return await _version(connection, code, version)
    found(await tariffs.find_tariff(connection, code), code)
    return await store.in_force(connection, code, on or clock.today())


async def _version(connection: AsyncConnection, code: str, version: int) -> RowMapping:
    told = await store.find_version(connection, code, version)
    if told is None:
        found(await tariffs.find_tariff(connection, code), code)
        raise NotFound(f"tariff {code} has no version {version}: GET /tariffs/{code}/versions lists them")
    return told
