"""Rating's own domain over a carrier folder, for comparison: its parsers, its facts, its judging; no database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.rating.support.plain import Facts, Tariff

from rating.domain import deck_csv
from rating.domain.calls import Calls
from rating.domain.choices import Choices
from rating.domain.facts import Assignment, Customer, Number, Status
from rating.domain.mapped_rows import RowReader
from rating.domain.numbers import normalise
from rating.domain.rows import FileRows
from rating.domain.tariffs import Rate
from rating.intake import read_batch
from rating.service.mappings import shipped

STATUSES = {
    "active": Status(True, False),
    "active_do_not_bill": Status(True, False),
    "final_bill": Status(True, False),
    "dropped": Status(False, True),
}


def facts_of(folder: Path) -> Facts:
    """What rating would know of the carrier, customers numbered in the order of their lines."""
    plan = json.loads((folder / "plan.json").read_text())
    facts = Facts(statuses=dict(STATUSES), ignored_types=frozenset({"ignore_traffic"}))
    _add_tables(facts, folder, plan)
    for customer_id, line in enumerate((folder / "customers.jsonl").read_text().splitlines(), start=1):
        _add_customer(facts, customer_id, json.loads(line))
    return facts


def _add_tables(facts: Facts, folder: Path, plan: dict[str, Any]) -> None:
    destinations = deck_csv.parse_destinations(_lines(folder / "destinations.csv"))
    inbound = deck_csv.parse_inbound_classes(_lines(folder / "inbound-classes.csv"))
    facts.destinations = {row.prefix: (row.destination, row.call_class) for row in destinations.rows}
    facts.inbound_classes = {row.prefix: row.call_class for row in inbound.rows}
    for entry in plan["tariffs"]:
        parsed = deck_csv.parse_rates(_lines(folder / "tariffs" / f"{entry['code']}.csv"))
        assert not parsed.problems
        facts.tariffs[entry["code"]] = _tariff(entry, parsed.rows)
        if entry["is_default"]:
            facts.system_default = entry["code"]
    for each in plan["default_tariffs"]:
        facts.default_tariffs[each.get("source", ""), each.get("number_type", "")] = each["tariff"]


def _tariff(entry: dict[str, Any], rows: Iterable[deck_csv.RateRow]) -> Tariff:
    by_prefix: dict[str, tuple[Rate, ...]] = {}
    by_class: dict[str, tuple[Rate, ...]] = {}
    for row in rows:
        table, key = (by_prefix, row.prefix) if row.prefix else (by_class, row.call_class)
        rate = Rate(
            row.price_micro,
            row.connection_micro,
            row.initial,
            row.step,
            row.minimum_micro,
            row.maximum_micro,
            row.free,
            row.band,
            row.valid_from,
            row.valid_to,
        )
        table[key] = (*table.get(key, ()), rate)
    return Tariff(entry["code"], by_prefix, by_class, entry["rounding_places"])


def _add_customer(facts: Facts, customer_id: int, row: dict[str, Any]) -> None:
    history = row.get("status_history") or [{"status": row["status"], "effective_from": row["status_from"]}]
    entries = tuple((date.fromisoformat(each["effective_from"]), each["status"]) for each in history)
    facts.customers[customer_id] = Customer(customer_id, row["status"], entries, _choices(row))
    for entry in row["numbers"]:
        number_id = len(facts.numbers) + 1
        facts.numbers[number_id] = Number(number_id, customer_id, entry["number_type"], _choices(entry))
        end = date.fromisoformat(entry["end"]) if entry.get("end") else None
        held = Assignment(number_id, number_id, customer_id, date.fromisoformat(entry["start"]), end)
        digits = normalise(entry["number"])
        facts.assignments[digits] = (*facts.assignments.get(digits, ()), held)


def _choices(told: dict[str, Any]) -> Choices:
    markups = {name: Decimal(percent) for name, percent in told.get("class_markups", {}).items()}
    fallback = told.get("fallback_markup")
    return Choices(
        told.get("tariff"), told.get("class_tariffs", {}), markups, None if fallback is None else Decimal(fallback)
    )


def calls_of(folder: Path) -> tuple[Calls, list[int | None]]:
    """All records of the folder as rating reads them, files through their published values; and the row of each, None
    where it is rejected.
    """
    values = list(_values(folder))
    batch = read_batch(values)
    rows: list[int | None] = [None] * len(values)
    for row, place in enumerate(batch.rows.tolist()):
        rows[place] = row
    return batch.calls, rows


def _values(folder: Path) -> Iterator[bytes]:
    for number, entry in enumerate(json.loads((folder / "cdr-files.json").read_text()), start=1):
        reader = FileRows(RowReader(shipped(entry["mapping"])), entry["source"], number)
        for row, line in enumerate(_lines(folder / entry["file"])):
            record = reader.record(line, row) if row else None
            if record is not None:
                yield json.dumps(record.value).encode()
    yield from (folder / "stream.jsonl").read_bytes().splitlines()


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
