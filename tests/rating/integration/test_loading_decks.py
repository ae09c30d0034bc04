"""Tariffs read from a real Postgres: tables in, rates out, whole and after changes (SPEC R5, R6, R10, Z16)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import date
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from rating.domain.calendars import BANDS, Bands, Calendar
from rating.domain.calls import MISSING, digits_of
from rating.domain.codes import Codes
from rating.domain.decks import Tariffs, day_of
from rating.store import decks as store

NATIONAL, JANUARY = "442079460001", date(2026, 1, 15)


class Desk:
    """Tariffs as somebody changes them, and as a worker has read them."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.tariffs, self.classes = Tariffs(), Codes()
        self.bands = Bands((Calendar("england-and-wales"), Calendar("scotland", subdivision="SCT")))
        self.generation = 0

    async def run(self, statement: str, **values: Any) -> None:
        await self.connection.execute(text(statement), values | {"generation": self.generation + 1})

    async def tariff(self, code: str, parent: str | None = None, fallback: str | None = None) -> None:
        await self.run(
            """
            INSERT INTO tariff (code, version, name, currency, rounding_places, fallback_markup, is_default,
                                megabyte_bytes, changed_in, parent)
            VALUES (:code, 1, :code, 'GBP', 3, :fallback, false, 1048576, :generation, :parent)
            """,
            code=code,
            parent=parent,
            fallback=fallback,
        )

    async def version(self, code: str, number: int, *rates: dict[str, Any], since: date | None = None) -> None:
        await self.run(
            """
            INSERT INTO tariff_version (tariff, version, effective_from, rows, changed_in)
            VALUES (:code, :number, :since, :rows, :generation)
            """,
            code=code,
            number=number,
            since=since,
            rows=len(rates),
        )
        for rate in rates:
            await self._rate(code, number, rate)

    async def _rate(self, code: str, number: int, rate: dict[str, Any]) -> None:
        plain = {"prefix": "", "call_class": "", "band": "", "maximum": None, "valid_from": None, "valid_to": None}
        await self.run(
            """
            INSERT INTO rate (version_id, prefix, call_class, band, price_micro, connection_micro, initial, step,
                              minimum_micro, maximum_micro, free, valid_from, valid_to)
            SELECT version_id, :prefix, :call_class, :band, :price, 2, 60, 30, 4, :maximum, 6, :valid_from, :valid_to
            FROM tariff_version WHERE tariff = :code AND version = :number
            """,
            code=code,
            number=number,
            **(plain | rate),
        )

    async def catch_up(self) -> bool:
        changed = await store.load_tariffs(self.connection, self.tariffs, self.classes, self.bands, self.generation)
        self.generation += 1
        return changed

    def row(self, code: str, digits: str = NATIONAL, name: str = "", day: date = JANUARY, band: str = "peak") -> int:
        slot, number, call_class = self.tariffs.slot_of(code), BANDS.index(band), max(self.classes.find(name), 0)
        columns = [np.array([each], dtype=np.int64) for each in (slot, day_of(day), number, call_class)]
        found = self.tariffs.rate_for(*columns[:3], digits_of([digits]), columns[3])
        return int(found[0])

    def price(self, *asked: Any, **more: Any) -> int | None:
        row = self.row(*asked, **more)
        return int(self.tariffs.rates.price[row]) if row >= 0 else None


@pytest.fixture
async def desk(service_database: Callable[[str], str]) -> AsyncIterator[Desk]:
    engine = create_async_engine(service_database("rating").replace("postgresql://", "postgresql+psycopg://"))
    async with engine.begin() as connection:
        yield Desk(connection)
    await engine.dispose()


async def test_a_rate_is_read_with_all_that_it_has(desk: Desk) -> None:
    """R6: price, connection, increments, minimum, maximum, free-below, band and validity, of a prefix or a class."""
    await desk.tariff("retail", fallback="12.5")
    first, last = date(2026, 1, 10), date(2026, 1, 20)
    await desk.version(
        "retail",
        1,
        {"prefix": "4420", "price": 100, "band": "peak", "maximum": 900, "valid_from": first, "valid_to": last},
        {"call_class": "SMS", "price": 7},
        {"prefix": "007", "price": 8},
    )
    assert await desk.catch_up()
    rates, row = desk.tariffs.rates, desk.row("retail")
    told = [int(getattr(rates, name)[row]) for name in ("price", "connection", "initial", "step", "minimum", "maximum")]
    assert told == [100, 2, 60, 30, 4, 900]
    assert (int(rates.free[row]), rates.prefix[row], int(rates.valid_from[row])) == (6, "4420", day_of(first))
    assert (int(rates.valid_to[row]), BANDS[int(rates.band[row])]) == (day_of(last), "peak")
    text_row = desk.row("retail", "", "SMS")
    assert (int(rates.price[text_row]), int(rates.maximum[text_row]), rates.prefix[text_row]) == (7, MISSING, "")
    assert (desk.price("retail", "00712"), desk.price("retail", "712")) == (8, None)  # zeros in front are digits
    assert (desk.price("retail", band="weekend"), desk.price("retail", day=date(2026, 1, 21))) == (None, None)


async def test_a_header_is_read_with_what_it_says_of_rounding_and_markup(desk: Desk) -> None:
    """R5 (3), Z17, Z18: places, megabyte, fallback markup in millionths of a percent, calendar."""
    await desk.tariff("retail", fallback="12.5")
    await desk.tariff("plain")
    await desk.catch_up()
    assert [list(each) for each in (desk.tariffs.places, desk.tariffs.megabyte)] == [[3, 3], [1048576, 1048576]]
    by_code = dict(zip(desk.tariffs.codes, desk.tariffs.fallback.tolist(), strict=True))
    assert by_code == {"retail": 12_500_000, "plain": MISSING}


async def test_versions_take_turns_and_a_corrected_one_is_not_even_read(desk: Desk) -> None:
    """R10: the version of the day; of those from one day on the last."""
    await desk.tariff("retail")
    await desk.version("retail", 1, {"prefix": "44", "price": 1})
    await desk.version("retail", 2, {"prefix": "44", "price": 2}, since=date(2026, 1, 15))
    await desk.version("retail", 3, {"prefix": "44", "price": 3})
    await desk.catch_up()
    assert [desk.price("retail", day=date(2026, 1, day)) for day in (14, 15, 16)] == [3, 2, 2]
    assert len(desk.tariffs.rates) == 2


async def test_what_is_new_is_read_and_what_is_known_is_kept(desk: Desk) -> None:
    """R10: an import takes effect without reading any other deck again."""
    await desk.tariff("retail")
    await desk.tariff("other")
    await desk.version("retail", 1, {"prefix": "44", "price": 1})
    await desk.version("other", 1, {"prefix": "44", "price": 5})
    await desk.catch_up()
    before = {code: desk.tariffs[desk.tariffs.slot_of(code)].versions[0].deck for code in ("retail", "other")}
    assert not await desk.catch_up()
    desk.generation = 0  # as after a change of calendars: all headers, but no rates
    assert await desk.catch_up()
    desk.generation += 1
    await desk.version("retail", 2, {"prefix": "44", "price": 2}, since=JANUARY)
    assert await desk.catch_up()
    assert (desk.price("retail"), desk.price("other")) == (2, 5)
    assert desk.tariffs[desk.tariffs.slot_of("other")].versions[0].deck is before["other"]
    now = desk.tariffs[desk.tariffs.slot_of("retail")].versions
    assert [each.deck is before["retail"] for each in now] in ([True, False], [False, True])


async def test_a_version_that_is_taken_back_and_given_again_is_read_again(desk: Desk) -> None:
    """R10: the number of a version is not its identity."""
    await desk.tariff("retail")
    await desk.version("retail", 1, {"prefix": "44", "price": 1}, since=date(2026, 1, 1))
    await desk.catch_up()
    await desk.run("DELETE FROM rate")
    await desk.run("DELETE FROM tariff_version")
    await desk.version("retail", 1, {"prefix": "44", "price": 9}, since=date(2026, 1, 1))
    await desk.catch_up()
    assert desk.price("retail") == 9


async def test_a_taken_back_version_is_forgotten_when_the_header_moves(desk: Desk) -> None:
    """R10: a version that was to come and is deleted takes no effect."""
    await desk.tariff("retail")
    await desk.version("retail", 1, {"prefix": "44", "price": 1})
    await desk.version("retail", 2, {"prefix": "44", "price": 2}, since=JANUARY)
    await desk.catch_up()
    await desk.run("DELETE FROM rate WHERE price_micro = 2")
    await desk.run("DELETE FROM tariff_version WHERE version = 2")
    await desk.run("UPDATE tariff SET changed_in = :generation")
    await desk.catch_up()
    assert desk.price("retail") == 1


async def test_parents_and_calendars_follow_the_header(desk: Desk) -> None:
    """R5, Z18: rates are inherited; a tariff may name the bank holidays of others."""
    await desk.tariff("base")
    await desk.version("base", 1, {"prefix": "44", "price": 1}, {"call_class": "SMS", "price": 2})
    await desk.tariff("child")
    await desk.catch_up()
    assert desk.price("child") is None
    await desk.run(
        """
        INSERT INTO calendar VALUES ('scotland', 'Scotland', 'GB', 'SCT', '[]', '[6, 7]', :generation)
        """
    )
    await desk.run(
        "UPDATE tariff SET parent = 'base', calendar = 'scotland', changed_in = :generation WHERE code = 'child'"
    )
    await desk.catch_up()
    assert (desk.price("child"), desk.price("child", "", "SMS")) == (1, 2)
    assert desk.tariffs.calendar[desk.tariffs.slot_of("child")] == desk.bands.index("scotland") == 1


async def test_more_rates_than_are_read_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """R10: the portions in which rates are read change nothing."""
    monkeypatch.setattr(store, "RATES_AT_ONCE", 3)
    for number in range(5):
        await desk.tariff(f"t{number}")
        own = [{"prefix": f"44{each}", "price": 10 * number + each} for each in range(number)]
        await desk.version(f"t{number}", 1, *own, {"call_class": f"Class {number}", "price": 100 + number})
    await desk.catch_up()
    for number in range(5):
        assert desk.price(f"t{number}", "", f"Class {number}") == 100 + number
        assert [desk.price(f"t{number}", f"44{each}") for each in range(number)] == [
            10 * number + each for each in range(number)
        ]


async def test_lists_defaults_and_classes_are_read(desk: Desk) -> None:
    """R4, R5 (1): destinations, inbound classes, default tariffs, and the classes that occur."""
    await desk.tariff("retail")
    await desk.version("retail", 1, {"call_class": "Fax", "price": 1})
    await desk.run("INSERT INTO destination VALUES ('4420', 'London', 'National')")
    await desk.run("INSERT INTO inbound_class VALUES ('44808', 'Freephone')")
    await desk.run("INSERT INTO default_tariff VALUES ('wholesaler', '', 'retail')")
    assert await store.load_destinations(desk.connection) == {"4420": ("London", "National")}
    assert await store.load_inbound_classes(desk.connection) == {"44808": "Freephone"}
    assert await store.load_defaults(desk.connection) == ({("wholesaler", ""): "retail"}, None)
    await desk.run("UPDATE tariff SET is_default = true")
    assert (await store.load_defaults(desk.connection))[1] == "retail"
    assert await store.load_call_classes(desk.connection) == {"National", "Freephone", "Fax"}
