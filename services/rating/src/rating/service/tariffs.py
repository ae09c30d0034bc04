"""Tariffs and the tables beside them: each change is one version behind the gate (SPEC R5, R6, R10)."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any

from sqlalchemy import RowMapping

from contracts.reference import TariffUpdated
from rating.domain.deck_csv import Parsed, RowProblem, parse_destinations, parse_inbound_classes, parse_rates
from rating.service import retrying
from rating.store import tariffs as store
from rating.store.gate import pass_alone
from rating.store.tariffs import TariffHeader
from service_kit.database import Transaction, reading, transaction
from service_kit.http import Conflict, Invalid, NotFound
from service_kit.logs import logger

_log = logger(__name__)
_TOLD_IN_DETAIL = 3
Parse = Callable[[Iterable[str]], Parsed[Any]]
_LISTS: dict[str, Parse] = {"destinations": parse_destinations, "inbound_classes": parse_inbound_classes}


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: rows, different prefixes, and the version that it made."""

    rows: int
    prefixes: int
    version: int
    problems: tuple[RowProblem, ...] = ()


async def create_tariff(tariff: TariffHeader, actor: str) -> TariffHeader:
    """Add a tariff without rates; where it is the default, the one that was is it no longer.

    Raises: Conflict: there is a tariff of that code.
    """
    async with transaction() as tx:
        await store.lock_tariffs(tx.connection)
        if await store.find_tariff(tx.connection, tariff.code):
            raise Conflict(f"there is a tariff '{tariff.code}' already: import its rates, or choose another code")
        generation = await pass_alone(tx.connection)
        if tariff.is_default:
            await _end_default(tx, generation)
        await _save(tx, tariff, generation)
        await retrying.request(tx, generation, everything_unpriced=True)
    _log.info("tariff added", tariff=tariff.code, by=actor)
    return tariff


async def _end_default(tx: Transaction, generation: int) -> None:
    for other in await store.list_tariffs(tx.connection):
        if other.is_default:
            await _save(tx, replace(other, is_default=False, version=other.version + 1), generation)


async def _save(tx: Transaction, tariff: TariffHeader, generation: int) -> None:
    await store.save_tariff(tx.connection, tariff, generation)
    await tx.publish(
        TariffUpdated(
            code=tariff.code,
            version=tariff.version,
            name=tariff.name,
            currency=tariff.currency,
            rounding_places=tariff.rounding_places,
            is_default=tariff.is_default,
        )
    )


async def list_tariffs() -> list[TariffHeader]:
    """All tariffs, by code."""
    async with reading() as connection:
        return await store.list_tariffs(connection)


async def get_tariff(code: str) -> TariffHeader:
    """A tariff. Raises NotFound."""
    async with reading() as connection:
        return _found(await store.find_tariff(connection, code), code)


async def list_rates(code: str, *, after: int, limit: int) -> Sequence[RowMapping]:
    """A page of a tariff's rates. Raises NotFound."""
    async with reading() as connection:
        _found(await store.find_tariff(connection, code), code)
        return await store.list_rates(connection, code, after=after, limit=limit)


def _found(tariff: TariffHeader | None, code: str) -> TariffHeader:
    if tariff is None:
        raise NotFound(f"there is no tariff '{code}'")
    return tariff


async def import_rates(code: str, file: IO[bytes], actor: str) -> Imported:
    """Put a CSV file of rates in the place of all rates of a tariff, as one new version (SPEC R10).

    Raises:
        NotFound: there is no such tariff.
        Invalid: the file has problems; nothing is changed.
    """
    await get_tariff(code)
    parsed = await _read(file, parse_rates)
    async with transaction() as tx:
        await store.lock_tariffs(tx.connection)
        tariff = _found(await store.find_tariff(tx.connection, code), code)
        # The rates are written before the gate is taken: nobody sees them until the commit, and nobody has to wait.
        await store.replace_rates(tx.connection, code, parsed.rows)
        tariff = replace(tariff, version=tariff.version + 1)
        generation = await pass_alone(tx.connection)
        await _save(tx, tariff, generation)
        await retrying.request(tx, generation, everything_unpriced=True)
    _log.info("rates imported", tariff=code, rows=len(parsed.rows), version=tariff.version, by=actor)
    return _imported(parsed, tariff.version)


async def import_list(what: str, file: IO[bytes], actor: str) -> Imported:
    """Put a CSV file in the place of a whole prefix table: `destinations` or `inbound_classes` (SPEC R4).

    Raises: Invalid: the file has problems; nothing is changed.
    """
    parsed = await _read(file, _LISTS[what])
    async with transaction() as tx:
        await store.lock_tariffs(tx.connection)
        await store.replace_list(tx.connection, what, parsed.rows)
        generation = await pass_alone(tx.connection)
        await store.mark_changed(tx.connection, what, generation)
        await retrying.request(tx, generation, everything_unpriced=True)
    _log.info("list imported", list=what, rows=len(parsed.rows), by=actor)
    return _imported(parsed, generation)


async def set_default_tariff(source: str, number_type: str, tariff: str, actor: str) -> None:
    """The default tariff of a number type, of a source, or of both (SPEC R5). Raises Invalid."""
    if not source and not number_type:
        raise _invalid("number_type", "name a source or a number type: the system's default is a tariff's is_default")
    async with transaction() as tx:
        await store.lock_tariffs(tx.connection)
        if await store.find_tariff(tx.connection, tariff) is None:
            raise _invalid("tariff", f"there is no tariff '{tariff}'")
        generation = await pass_alone(tx.connection)
        await store.set_default_tariff(tx.connection, source, number_type, tariff)
        await store.mark_changed(tx.connection, "default_tariffs", generation)
        await retrying.request(tx, generation, everything_unpriced=True)
    _log.info("default tariff set", source=source, number_type=number_type, tariff=tariff, by=actor)


async def list_default_tariffs() -> Sequence[RowMapping]:
    """All default tariffs but the system's."""
    async with reading() as connection:
        return await store.list_default_tariffs(connection)


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}", errors=[{"field": field, "message": message}])


async def _read(file: IO[bytes], parse: Parse) -> Parsed[Any]:
    """Parse beside the event loop: a deck takes a second. Raises Invalid with every problem and its row."""
    parsed = await asyncio.to_thread(_parse, file, parse)
    if parsed.problems:
        first = "; ".join(f"row {each.row}: {each.message}" for each in parsed.problems[:_TOLD_IN_DETAIL])
        raise Invalid(
            f"the file has {len(parsed.problems)} problems, nothing was changed: {first}",
            errors=[{"field": f"row {each.row}", "message": each.message} for each in parsed.problems],
            problems=[{"row": each.row, "message": each.message} for each in parsed.problems],
            rows=len(parsed.rows),
        )
    return parsed


def _parse(file: IO[bytes], parse: Parse) -> Parsed[Any]:
    lines = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        return parse(lines)
    finally:
        lines.detach()


def _imported(parsed: Parsed[Any], version: int) -> Imported:
    return Imported(len(parsed.rows), len({row.prefix for row in parsed.rows if row.prefix}), version)
