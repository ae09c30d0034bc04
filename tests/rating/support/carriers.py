"""A small carrier told to rating as customers would tell it, and CDRs of its numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from contracts.base import Event
from contracts.customers import AssignmentCreated, CustomerCreated, Markups, NumberCreated, StatusPeriod
from contracts.reference import NumberType, ReferenceUpdated, StatusFlags
from rating.service.readmodel import take_in_customers, take_in_reference
from service_kit import clock
from service_kit.kafka import Received

START = date(2025, 1, 1)


def in_february(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """It is 1 February 2025, for this process and those it starts: January's calls are not too old to check (R1).

    Returns: the clock's file.
    """
    file = folder / "clock.json"
    monkeypatch.setenv("FARTHING_CLOCK", str(file))
    clock.move_to(datetime(2025, 2, 1, 12, tzinfo=UTC))
    return file


def received(events: Iterable[Event]) -> list[Received]:
    """Events as they would arrive."""
    return [Received(uuid4(), each.event_type, each.topic, 0, 0, each) for each in events]


def reference() -> list[Event]:
    """The lists that judging looks at."""
    flags = {
        "active": StatusFlags(accumulates_charges=True, billed_in_runs=True),
        "dropped": StatusFlags(accumulates_charges=False, billed_in_runs=False, dropped=True),
    }
    statuses = [
        ReferenceUpdated(list="statuses", code=code, version=1, name=code, status=told) for code, told in flags.items()
    ]
    types = [
        ReferenceUpdated(
            list="number_types", code=code, version=1, name=code, number_type=NumberType(ignore_traffic=ignored)
        )
        for code, ignored in {"geographic": False, "ignore_traffic": True}.items()
    ]
    return [*statuses, *types]


def customer(customer_id: int, version: int = 1, status: str = "active", **more: Any) -> CustomerCreated:
    """A customer that has been active since the start of the year."""
    return CustomerCreated(
        customer_id=customer_id,
        version=version,
        account_number=f"T{customer_id}",
        name=f"Customer {customer_id}",
        status=status,
        status_history=(StatusPeriod(status=status, effective_from=START),),
        rating=Markups(**more),
    )


def number(number_id: int, customer_id: int, digits: str, version: int = 1, **more: Any) -> NumberCreated:
    """A number on a customer's account."""
    told = {"number_type": "geographic", "start": START, **more}
    return NumberCreated(number_id=number_id, customer_id=customer_id, number=f"+{digits}", version=version, **told)


def assignment(number_id: int, customer_id: int, digits: str, version: int = 1, **more: Any) -> AssignmentCreated:
    """The active period of the number's call plan."""
    told = {"start": START, "call_plan": "standard", **more}
    return AssignmentCreated(
        assignment_id=number_id * 10,
        number_id=number_id,
        customer_id=customer_id,
        number=f"+{digits}",
        version=version,
        **told,
    )


async def tell(*events: Event) -> None:
    """Take events of `customers` in."""
    await take_in_customers(received(events))


async def tell_reference() -> None:
    """Take the reference lists in."""
    await take_in_reference(received(reference()))


def tariff(dsn: str, rates: Iterable[tuple[str, int]], code: str = "standard") -> None:
    """A default tariff: prefix and price in micro-pounds a minute, billed by the second."""
    with psycopg.connect(dsn) as connection, connection.transaction():
        moved = connection.execute("UPDATE gate SET generation = generation + 1 RETURNING generation").fetchone()
        (generation,) = moved or (0,)
        connection.execute(
            "INSERT INTO tariff (code, version, name, currency, rounding_places, is_default, megabyte_bytes,"
            " changed_in) VALUES (%s, 1, %s, 'GBP', 4, true, 1000000, %s)",
            (code, code, generation),
        )
        made = connection.execute(
            "INSERT INTO tariff_version (tariff, version, rows, changed_in) VALUES (%s, 1, 0, %s) RETURNING version_id",
            (code, generation),
        ).fetchone()
        for prefix, price in rates:
            connection.execute(
                "INSERT INTO rate (version_id, prefix, call_class, band, price_micro, connection_micro, initial, step,"
                " minimum_micro, free) VALUES (%s, %s, '', '', %s, 0, 1, 1, 0, 0)",
                (made and made[0], prefix, price),
            )
            connection.execute(
                "INSERT INTO destination VALUES (%s, %s, 'National') ON CONFLICT DO NOTHING", (prefix, f"to {prefix}")
            )
        connection.execute("UPDATE lists_changed SET changed_in = %s WHERE what = 'destinations'", (generation,))


def cdr(source: str, record_id: str, charged: str, **more: Any) -> bytes:
    """A record of `cdr.received`: a minute to Manchester on a Wednesday morning."""
    told: dict[str, Any] = {
        "source": source,
        "record_id": record_id,
        "charged_number": f"+{charged}",
        "other_party": "+441614960123",
        "start": "2025-01-15T09:30:00Z",
        "duration_seconds": 60,
    }
    return json.dumps(told | more).encode()
