"""Unpriced calls at the close on a real Postgres: the fallback markup, billed once and never without its close."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from tests.rating.integration.closing_world import NUMBER, World, call, rows, told
from tests.rating.support.carriers import assignment, customer, number, tell, tell_reference

from contracts.closing import UsageClosed
from contracts.customers import Markups
from contracts.usage import UsageRated
from rating.service import explaining, fallback, guiding_again, retrying
from rating.service.pictures import Pictures
from rating.store import gate, held
from service_kit.database import bind, transaction

FEBRUARY = date(2025, 2, 28)
_HOLD = text(
    """
    INSERT INTO held (usage_id, revision, outcome, reason, detail, customer_id, number_id, source, record_id,
        charged_number, other_party, direction, service_type, started, local_date, band, seconds, units, volume_bytes,
        known_class, retail_micro, cdr_cost_micro, carrier_cost_micro, currency, received_on, generation)
    SELECT usage_id, 1, 'unpriced', 'no_price', 'no rate', 1, 10, 'northstar', CAST(usage_id AS text), :number,
        '441134960000', 'outbound', 'voice', local_date + interval '12 hours', local_date, 'peak', 90, 0, 0,
        'National', retail_micro, cdr_cost_micro, NULL, currency, '2025-01-11', :generation
    FROM jsonb_to_recordset(CAST(:calls AS jsonb)) AS call (
        usage_id bigint, local_date date, retail_micro bigint, cdr_cost_micro bigint, currency text)
    """
)
_COUNT = text(
    """
    INSERT INTO outcome_count (slot, source, received_on, outcome, reason, records, charge_micro)
    VALUES (1, 'northstar', '2025-01-11', 'unpriced', 'no_price', :records, 0)
    """
)
_TARIFF = text(
    """
    INSERT INTO tariff (code, version, name, currency, rounding_places, fallback_markup, is_default, megabyte_bytes,
                        changed_in)
    VALUES ('standard', 1, 'Standard', 'GBP', :places, :markup, true, 1000000, :generation)
    """
)
_VERSION = text(
    """
    INSERT INTO tariff_version (tariff, version, rows, changed_in) VALUES ('standard', 1, 1, :generation)
    RETURNING version_id
    """
)
_RATE = text(
    """
    INSERT INTO rate (version_id, prefix, call_class, band, price_micro, connection_micro, initial, step,
                      minimum_micro, free)
    VALUES (:version_id, '', 'National', '', 60000, 0, 1, 1, 0, 0)
    """
)


@pytest.fixture
async def world(
    kafka: str, service_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    database = bind(service_database("rating"))
    own = Pictures()  # the process's own may be of another test's database
    for module in (retrying, guiding_again, fallback):
        monkeypatch.setattr(module, "pictures", own)
    await tell_reference()
    yield World(kafka)
    await database.close()


async def carrier(
    tariffs: str | None = None, numbers: str | None = None, customers: str | None = None, places: int = 4
) -> None:
    """Customer 1 with number 10 and a default tariff without rates; their fallback markups in per cent."""
    await tell(
        customer(1, fallback_markup=customers),
        number(10, 1, NUMBER, rating=Markups(fallback_markup=numbers)),
        assignment(10, 1, NUMBER),
    )
    async with transaction() as tx:
        values = {"places": places, "markup": tariffs, "generation": await gate.pass_alone(tx.connection)}
        await tx.connection.execute(_TARIFF, values)
    await retry()  # what the reference lists asked for is done


async def hold(*calls: dict[str, Any]) -> None:
    """Unpriced calls of a minute and a half with a cost of 5p, as a worker holds them."""
    usual = {"local_date": "2025-01-10", "retail_micro": None, "cdr_cost_micro": 50_000, "currency": "GBP"}
    held = [{"usage_id": 1_000 + index, **usual, **each} for index, each in enumerate(calls)]
    async with transaction() as tx:
        generation = await gate.pass_shared(tx.connection)
        values = {"calls": json.dumps(held), "number": NUMBER, "generation": generation}
        await tx.connection.execute(_HOLD, values)
        await tx.connection.execute(_COUNT, {"records": len(held)})


async def add_a_rate() -> None:
    """The tariff gets a rate for the calls, 6p a minute, and what is unpriced is to be tried again."""
    async with transaction() as tx:
        generation = await gate.pass_alone(tx.connection)
        version_id = (await tx.connection.execute(_VERSION, {"generation": generation})).scalar_one()
        await tx.connection.execute(_RATE, {"version_id": version_id})
        await tx.connection.execute(text("UPDATE tariff SET changed_in = :now"), {"now": generation})
        await retrying.request(tx, generation, everything_unpriced=True)


async def retry() -> None:
    """Work every request off: of calls that are held, and of usage to be guided again."""
    while await guiding_again.guide_again_next() or await retrying.retry_next():
        pass


def net(close: UsageClosed) -> list[tuple[int, Decimal]]:
    """Calls and exact charge of each line."""
    return [(line.calls, line.net_exact) for line in close.lines]


@pytest.mark.parametrize(
    ("markups", "calls", "charge"),
    [
        ({"tariffs": "100", "numbers": "50", "customers": "10"}, {}, "0.1"),
        ({"numbers": "50", "customers": "10"}, {}, "0.075"),
        ({"customers": "10"}, {}, "0.055"),
        ({"customers": "12.5"}, {"retail_micro": 30_000}, "0.0338"),
        ({"customers": "12.5", "places": 2}, {"retail_micro": 30_000}, "0.03"),
        ({"tariffs": "0", "customers": "10"}, {}, "0.05"),
    ],
)
async def test_an_unpriced_call_is_billed_by_the_fallback_of_tariff_number_or_customer(
    world: World, markups: dict[str, Any], calls: dict[str, Any], charge: str
) -> None:
    """R5 (3), Z16, Z17: of the chosen tariff, else the number, else the customer; on the best cost."""
    await carrier(**markups)
    await hold(calls)
    (close,) = await world.close(1)
    assert net(close) == [(1, Decimal(charge))]
    assert (close.lines[0].number_id, close.lines[0].call_class, close.lines[0].band) == (10, "National", "peak")
    assert (close.lines[0].seconds, close.lines[0].cost) == (90, Decimal("0.05"))
    assert (close.totals.calls, close.totals.seconds, close.totals.net_exact) == (1, 90, Decimal(charge))
    assert close.unpriced == 0
    await world.bill(close)
    (usage,) = await rows("SELECT * FROM usage")
    told_of = (usage["step"], usage["revision"], usage["generation"], usage["billed_seconds"], usage["charge_micro"])
    assert told_of == (3, 2, close.generation, 90, int(Decimal(charge) * 10**6))


@pytest.mark.parametrize("calls", [{"cdr_cost_micro": None}, {"currency": "EUR"}])
async def test_a_call_without_a_cost_in_pounds_stays_unpriced_and_is_counted(world: World, calls: Any) -> None:
    """R5 (4), Z17: never billed at zero by accident; a cost in another currency is missing."""
    await carrier(customers="10")
    await hold(calls, {})
    (close,) = await world.close(1)
    assert (net(close), close.unpriced) == ([(1, Decimal("0.055"))], 1)
    await world.bill(close)
    assert [row["usage_id"] for row in await rows("SELECT usage_id FROM held")] == [1_000]


async def test_without_any_fallback_markup_nothing_changes(world: World) -> None:
    """R5 (4): the call stays held as unpriced."""
    await carrier()
    await hold({})
    (close,) = await world.close(1)
    assert (close.lines, close.unpriced) == ((), 1)


async def test_fallback_and_rated_calls_of_one_class_and_band_are_one_line(world: World) -> None:
    """Z2: one transaction per number, class and band, its exact sum rounded once."""
    await carrier(customers="10")
    await hold({})
    await world.store([call(micro=100_004)])
    (close,) = await world.close(1)
    assert (net(close), close.lines[0].net) == ([(2, Decimal("0.155004"))], Decimal("0.16"))


async def test_a_call_after_the_bill_to_date_has_no_fallback_yet(world: World) -> None:
    """Z3, R5 (3): at billing time only, and only what is on the bill."""
    await carrier(customers="10")
    await hold({"local_date": "2025-02-03"})
    (close,) = await world.close(1)
    assert (close.lines, close.unpriced) == ((), 0)
    await world.bill(close)
    (later,) = await world.close(2, bill_to=FEBRUARY)
    assert net(later) == [(1, Decimal("0.055"))]


async def test_asked_twice_it_answers_the_same_also_when_it_is_billed(world: World) -> None:
    """I4: asked twice without doubling anything; what was held is usage within the close's rectangle."""
    await carrier(customers="10")
    await hold({}, {})
    await world.store([call()])
    (first,) = await world.close(1)
    await world.ask(1)
    await world.answer()
    await world.bill(first)
    await world.ask(1)
    await world.answer()
    assert await world.closed(1) == [first, first, first]


async def test_a_close_that_is_billed_twice_bills_each_call_once(world: World) -> None:
    """B1, R3: one row, one event with a higher revision, and the account has it as rated."""
    await carrier(customers="10")
    await hold({}, {})
    (close,) = await world.close(1)
    await world.bill(close)
    await world.bill(close)
    events = await told(UsageRated)
    assert [(each.usage_id, each.revision, each.step, each.charge) for each in events] == [
        (1_000, 2, 3, Decimal("0.055")),
        (1_001, 2, 3, Decimal("0.055")),
    ]
    counted = await rows(
        "SELECT outcome, sum(records) AS records, sum(charge_micro) AS charge FROM outcome_count GROUP BY outcome"
        " ORDER BY outcome"
    )
    assert [(row["outcome"], int(row["records"]), int(row["charge"])) for row in counted] == [
        ("rated", 2, 110_000),
        ("unpriced", 0, 0),
    ]
    assert await rows("SELECT 1 FROM held UNION ALL SELECT 1 FROM close_fallback") == []
    (later,) = await world.close(2, bill_to=FEBRUARY)
    assert later.lines == ()


async def test_a_released_close_is_as_if_it_never_was(world: World) -> None:
    """R5, Z3: after a release a rate that was added meanwhile prices the call, for the next close."""
    await carrier(customers="10")
    await hold({})
    (close,) = await world.close(1)
    await add_a_rate()
    await retry()
    assert len(await rows("SELECT 1 FROM held")) == 1
    await world.release(close)
    assert await rows("SELECT 1 FROM close_fallback") == []
    await retry()
    (again,) = await world.close(2)
    assert (net(again), again.unpriced) == ([(1, Decimal("0.09"))], 0)
    (usage,) = await rows("SELECT step, charge_micro FROM usage")
    assert (usage["step"], usage["charge_micro"]) == (1, 90_000)


async def test_released_and_closed_again_it_has_the_fallback_again(world: World) -> None:
    """Z3: recreate is release and close again."""
    await carrier(customers="10")
    await hold({})
    (close,) = await world.close(1)
    await world.release(close)
    await retry()
    (again,) = await world.close(2)
    assert (net(again), again.unpriced) == (net(close), 0)


async def test_a_tariff_that_is_added_while_the_close_is_open_changes_nothing(world: World) -> None:
    """R5 (3): what the draft says is what is billed; no retry takes the call away from under it."""
    await carrier(customers="10")
    await hold({})
    (close,) = await world.close(1)
    await add_a_rate()
    await retry()
    await world.bill(close)
    await retry()
    (usage,) = await rows("SELECT step, charge_micro, generation FROM usage")
    assert (usage["step"], usage["charge_micro"], usage["generation"]) == (3, 55_000, close.generation)
    await world.ask(1)
    await world.answer()
    assert await world.closed(1) == [close, close]


async def test_a_fallback_charge_is_explained_before_and_after_it_is_billed(world: World) -> None:
    """R9: which markup, whose, on which cost; held until the close is billed."""
    await carrier(numbers="50")
    await hold({})
    (close,) = await world.close(1)
    markup = (
        "No rate answers, so the fallback markup of the number applies: 50 % on the cost on the record of £0.05 = "
        "£0.075."
    )
    told = await explaining.explain(1_000)
    assert (told.outcome, told.charge_micro, told.agrees) == ("unpriced", 75_000, True)
    assert told.steps[-1].facts["close_id"] == close.close_id
    assert markup in [step.sentence for step in told.steps]
    await world.bill(close)
    told = await explaining.explain(1_000)
    assert (told.outcome, told.step, told.charge_micro, told.agrees) == ("rated", 3, 75_000, True)
    assert markup in [step.sentence for step in told.steps]


async def test_many_unpriced_calls_are_priced_and_billed_in_batches(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I4: however many, each once."""
    monkeypatch.setattr(fallback, "BATCH", 3)
    await carrier(customers="10")
    await hold(*[{} for _ in range(10)])
    (close,) = await world.close(1)
    assert net(close) == [(10, Decimal("0.55"))]
    await world.bill(close)
    (found,) = await rows("SELECT count(*) AS calls, sum(charge_micro) AS micro FROM usage")
    assert (found["calls"], int(found["micro"])) == (10, 550_000)


async def test_a_close_waits_for_a_retry_that_is_taking_the_call_away(world: World) -> None:
    """B1: a call that a retry makes usage is not charged by the close as well."""
    await carrier(customers="10")
    await hold({})
    await world.cut(1)
    await world.ask(1)
    async with transaction() as retry_of_call:
        assert await held.only_one(retry_of_call.connection)
        closing = asyncio.create_task(world.answer())
        await _until_somebody_waits()
        await held.remove(retry_of_call.connection, [1_000])
    await closing
    (close,) = await world.closed(1)
    assert close.lines == ()
    assert await rows("SELECT 1 FROM close_fallback") == []


async def _until_somebody_waits() -> None:
    waiting = """
        SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """
    async with asyncio.timeout(20):
        while not await rows(waiting):  # noqa: ASYNC110  (only Postgres knows)
            await asyncio.sleep(0.02)
