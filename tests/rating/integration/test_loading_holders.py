"""Customers, numbers and holders read from a real Postgres: all at once, and change by change, come to the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from tests.rating.support.carriers import START, assignment, customer, number, tariff, tell, tell_reference

from contracts.base import Event
from contracts.customers import AssignmentRemoved, CustomerUpdated, StatusPeriod
from rating.domain.calls import digits_of
from rating.domain.decks import day_of
from rating.domain.picture import Picture
from rating.service.pictures import Pictures
from rating.store import columns
from rating.store.columns import Source, read_columns
from service_kit.database import bind, reading

NUMBERS = [f"44207946000{digit}" for digit in range(8)]
DAYS = [date(2024, 12, 31), date(2025, 1, 1), date(2025, 1, 10), date(2025, 1, 11), date(2026, 1, 1)]


@pytest.fixture(autouse=True)
async def database(service_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """This process bound to a database with a tariff and the reference lists; it reads two rows at a time."""
    monkeypatch.setattr(columns, "KEYS_AT_ONCE", 2)
    dsn = service_database("rating")
    database = bind(dsn)
    tariff(dsn, [("44", 120_000)])
    await tell_reference()
    yield
    await database.close()


def gone(customer_id: int) -> Event:
    """A customer that was dropped on 11 January."""
    periods = (
        StatusPeriod(status="active", effective_from=START),
        StatusPeriod(status="dropped", effective_from=date(2025, 1, 11)),
    )
    told = customer(customer_id).model_dump() | {"version": 2, "status": "dropped", "status_history": periods}
    return CustomerUpdated.model_validate(told)


STEPS: list[list[Event]] = [
    [customer(1), customer(2, tariff="standard"), customer(3, class_markups={"National": Decimal("12.5")})],
    [number(1, 1, NUMBERS[0]), assignment(1, 1, NUMBERS[0])],
    [number(2, 2, NUMBERS[1], number_type="ignore_traffic"), assignment(2, 2, NUMBERS[1], end=date(2025, 1, 10))],
    [assignment(3, 3, NUMBERS[2]), assignment(9, 9, NUMBERS[3])],  # number and customer come later, or never
    [number(3, 3, NUMBERS[2], rating={"tariff": "standard", "class_tariffs": {"National": "no such tariff"}})],
    [gone(1), assignment(2, 2, NUMBERS[1], version=2, end=date(2025, 1, 11))],
    [number(4, 2, NUMBERS[0]), assignment(4, 2, NUMBERS[0], start=date(2025, 1, 11))],
    [assignment(1, 1, NUMBERS[0], version=2, end=date(2025, 1, 10))],
    [number(5, 2, NUMBERS[4]), assignment(5, 2, NUMBERS[4])],
    [AssignmentRemoved.model_validate(assignment(5, 2, NUMBERS[4], version=2).model_dump())],
]


async def test_all_at_once_and_change_by_change_come_to_the_same() -> None:
    """R3, C10: a worker that starts now judges as one that has been there all the time."""
    long_there = Pictures()
    for step in STEPS:
        await long_there.refresh()
        await tell(*step)
    there, new = await long_there.refresh(), await Pictures().refresh()
    assert said(there) == said(new)
    assert len({each[0] for each in said(new)}) == 5  # every reason, and none


def said(picture: Picture) -> list[tuple[int, ...]]:
    """Reason, ids, tariffs and markups of a call of each number on each day."""
    asked = [(each, day_of(day)) for each in NUMBERS for day in DAYS]
    guided = picture.holders.guide(digits_of([each for each, _ in asked]), np.array([day for _, day in asked]))
    national = np.full(len(asked), picture.classes.find("National"))
    choices = (guided.number_choices, guided.customer_choices)
    columns = [guided.reason, guided.customer_id, guided.number_id]
    columns += [picture.choices.tariff_for(each, national) for each in choices]
    columns += [picture.choices.markup_for(each, national) for each in choices]
    types = [picture.number_types.names[code] == "geographic" for code in guided.number_type.tolist()]
    return [
        (*row, kind) for row, kind in zip(zip(*(each.tolist() for each in columns), strict=True), types, strict=True)
    ]


async def test_parts_join_to_whole_columns() -> None:
    """R3: rows are read a part at a time, and none is left out or read twice."""
    await tell(*(customer(customer_id) for customer_id in (1, 2, 3, 5, 8, 13)))
    source = Source("customer", "customer_id", {"id": "customer_id", "twice": "2 * customer_id"}, where="version = 1")
    async with reading() as connection:
        told = await read_columns(connection, source)
        nothing = await read_columns(connection, Source("customer", "customer_id", {"id": "version"}, where="false"))
    assert sorted(told["id"].tolist()) == [1, 2, 3, 5, 8, 13]
    assert (told["id"] * 2 == told["twice"]).all()
    assert not len(nothing["id"])


async def test_a_column_with_a_null_is_an_error() -> None:
    """R3: columns of different lengths would give a customer another one's status."""
    await tell(customer(1), customer(2))
    source = Source("customer", "customer_id", {"id": "customer_id", "one": "nullif(customer_id, 2)"})
    async with reading() as connection:
        with pytest.raises(ValueError, match="customer differ in length"):
            await read_columns(connection, source)
