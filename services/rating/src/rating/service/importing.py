"""Importing rates and prefix tables: checked, compared with what they replace, in force without a stop (SPEC R10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import IO, Any

from rating.domain.deck_csv import Parsed, Table, read_destinations, read_inbound_classes, read_rates
from rating.domain.deck_gaps import warn_of_gaps
from rating.domain.deck_margins import CostTariff, warn_of_margins
from rating.domain.deck_rows import RateRow, RowProblem
from rating.domain.lineage import line_of
from rating.service import retrying
from rating.service.tariffs import found, get_tariff, invalid, save
from rating.sheets import table_of
from rating.store import decks, tariffs, versions
from rating.store.gate import pass_alone
from rating.store.tariffs import TariffHeader
from service_kit import clock
from service_kit.database import reading, transaction
from service_kit.http import Invalid
from service_kit.logs import logger

_log = logger(__name__)
_TOLD_IN_DETAIL = 3
Read = Callable[[Table], Parsed[Any]]
_LISTS: dict[str, Read] = {"destinations": read_destinations, "inbound_classes": read_inbound_classes}


@dataclass(frozen=True, slots=True)
class Import:
    """How a file of rates is to be taken in.

    `effective_from` is the first local day of calls that it is for, None for always. `against` names a tariff of what
    calls cost, for comparison. A `dry_run` changes nothing.
    """

    effective_from: date | None = None
    note: str = ""
    against: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: rows, different prefixes, the version that it made (None in a dry run), what was found.

    `problems` are the first of each kind; `totals` counts all of them.
    """

    rows: int
    prefixes: int
    version: int | None
    effective_from: date | None = None
    problems: tuple[RowProblem, ...] = ()
    totals: dict[str, int] = field(default_factory=dict)


async def import_rates(code: str, file: IO[bytes], how: Import, actor: str) -> Imported:
    """Add a file of rates to a tariff as a new version, for calls from a local day on or for always.

    Raises:
        NotFound: there is no such tariff.
        Invalid: the file has errors, or there is no such tariff to compare it with; nothing is changed.
    """
    tariff = await get_tariff(code)
    cost = await _cost_tariff(tariff, how.against)
    parsed: Parsed[RateRow] = await asyncio.to_thread(_parse, file, read_rates)
    if not parsed.found.refuse:
        await _warn(parsed, tariff, how, cost)
    if how.dry_run:
        return _imported(parsed, None, how.effective_from)
    _refuse_errors(parsed)
    version = await _add_version(code, parsed, how, actor)
    told = {"rows": len(parsed.rows), "version": version, "effective_from": str(how.effective_from or "always")}
    _log.info("rates imported", tariff=code, by=actor, **told)
    return _imported(parsed, version, how.effective_from)


async def _add_version(code: str, parsed: Parsed[RateRow], how: Import, actor: str) -> int:
    async with transaction() as tx:
        await tariffs.lock_tariffs(tx.connection)
        tariff = found(await tariffs.find_tariff(tx.connection, code), code)
        tariff = replace(tariff, version=tariff.version + 1)
        # The rates are written before the gate is taken: nobody sees them until the commit, and nobody has to wait.
        version_id = await versions.add_version(
            tx.connection,
            code,
            tariff.version,
            parsed.rows,
            effective_from=how.effective_from,
            report=_report(parsed),
            note=how.note,
            actor=actor,
            at=clock.now(),
        )
        generation = await pass_alone(tx.connection)
        await versions.mark_changed(tx.connection, version_id, generation)
        await save(tx, tariff, generation, how.effective_from)
        await retrying.request(tx, generation, everything_unpriced=True)
    return tariff.version


async def import_list(what: str, file: IO[bytes], actor: str) -> Imported:
    """Put a file in the place of a whole prefix table: `destinations` or `inbound_classes` (SPEC R4).

    Raises: Invalid: the file has errors; nothing is changed.
    """
    parsed = await asyncio.to_thread(_parse, file, _LISTS[what])
    _refuse_errors(parsed)
    async with transaction() as tx:
        await tariffs.lock_tariffs(tx.connection)
        await tariffs.replace_list(tx.connection, what, parsed.rows)
        generation = await pass_alone(tx.connection)
        await tariffs.mark_changed(tx.connection, what, generation)
        await retrying.request(tx, generation, everything_unpriced=True)
    _log.info("list imported", list=what, rows=len(parsed.rows), by=actor)
    return _imported(parsed, generation)


async def _cost_tariff(tariff: TariffHeader, code: str | None) -> CostTariff | None:
    """The tariff that rates are compared with, loaded with its parents. Raises Invalid."""
    if code is None:
        return None
    async with reading() as connection:
        known = {each.code: each for each in await tariffs.list_tariffs(connection)}
        if code not in known:
            raise invalid("against", f"there is no tariff '{code}' to compare with: GET /tariffs lists them")
        if known[code].currency != tariff.currency:
            raise invalid("against", f"{code} is in {known[code].currency}, {tariff.code} in {tariff.currency}")
        line = line_of(code, {each.code: each.parent for each in known.values()})
        return CostTariff(code, *await decks.load_some(connection, line))


async def _warn(parsed: Parsed[RateRow], tariff: TariffHeader, how: Import, cost: CostTariff | None) -> None:
    first_day = how.effective_from or clock.today()
    async with reading() as connection:
        before = await versions.in_force(connection, tariff.code, how.effective_from)
        keys = await versions.keys_of(connection, before["version_id"], first_day) if before else []
        later = [
            each
            for each in await versions.list_versions(connection, tariff.code)
            if each["effective_from"] and (how.effective_from is None or each["effective_from"] > how.effective_from)
        ]
    for each in sorted(later, key=lambda row: row["effective_from"])[:1]:
        told = f"it is in force until version {each['version']} takes its place on {each['effective_from']}"
        parsed.warn(-1, told, "later_version")
    name = f"version {before['version']}" if before else ""
    await asyncio.to_thread(warn_of_gaps, parsed, keys, name)
    await asyncio.to_thread(warn_of_margins, parsed, cost, first_day)


def _parse(file: IO[bytes], read: Read) -> Parsed[Any]:
    """Read a file, beside the event loop: a deck takes seconds."""
    return read(table_of(file))


def _refuse_errors(parsed: Parsed[Any]) -> None:
    """Raises Invalid with what is wrong, each with its row, where anything is."""
    if not parsed.found.refuse:
        return
    total = sum(parsed.found.totals.values())
    first = "; ".join(f"row {each.row}: {each.message}" for each in parsed.problems[:_TOLD_IN_DETAIL])
    raise Invalid(
        f"the file has {total} problems, nothing was changed: {first}",
        errors=[{"field": f"row {each.row}", "message": each.message} for each in parsed.problems],
        rows=len(parsed.rows),
        **_report(parsed),
    )


def _report(parsed: Parsed[Any]) -> dict[str, Any]:
    """What is kept with a version, as JSON."""
    problems = [asdict(each) for each in parsed.problems]
    return {"prefixes": _prefixes(parsed), "problems": problems, "totals": dict(parsed.found.totals)}


def _imported(parsed: Parsed[Any], version: int | None, effective_from: date | None = None) -> Imported:
    return Imported(
        len(parsed.rows),
        _prefixes(parsed),
        version,
        effective_from,
        tuple(parsed.problems),
        dict(parsed.found.totals),
    )


def _prefixes(parsed: Parsed[Any]) -> int:
    return len({row.prefix for row in parsed.rows if row.prefix})
