"""Filling the databases of three services with what is there before a billing run; only this knows their tables.

Customers are 1, 2, 3 ...; a number belongs to customer 1 + number modulo customers, as in the benchmark of rating.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
from bench.billing.options import Sizes
from bench.billing.world import World
from bench.rating import options as rating_options
from bench.rating.carrier import NUMBER_SQL, Carrier
from bench.rating.tables import OLD_SLOT, SEAL_ROWS, SLOT_SHIFT, fill_reference, finish
from bench.search.filling import Filling
from psycopg.types.json import Json

from contracts.customers import Address, CustomerUpdated, StatusPeriod
from customers.domain import uk
from customers.domain.events import reference_updated
from invoicing.store import readmodel
from money.periods import charged_to
from rating.domain.segments import leaf_of
from rating.service.sealing import seal_step
from service_kit.database import bind, transaction

BILL_TO = date(2026, 6, 30)
INVOICE_DATE = date(2026, 7, 1)
_BILLED_TO = date(2026, 5, 31)
_BEGAN = date(2024, 1, 1)
_PREFIXES = 2_000
_NEVER = 1 << 60
_POSITIVE = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class _Terms:
    """One of a customer's charges; all customers have the same."""

    amount: Decimal
    every_months: int
    in_advance: bool

    @property
    def settled_to(self) -> date | None:
        """The last day that the bill before charged."""
        return charged_to(_BEGAN, self.every_months, in_advance=self.in_advance, bill_to=_BILLED_TO)


_TERMS = (
    _Terms(Decimal("4.99"), 1, True),
    _Terms(Decimal("12.50"), 1, True),
    _Terms(Decimal("0.75"), 1, True),
    _Terms(Decimal("8.00"), 1, False),
    _Terms(Decimal("29.95"), 3, True),
)
_CLASSES = ("UK National", "UK Mobile", "Non-geographic", "International 1")
_CALL_CLASS = f"""
    CASE WHEN kind < 50 THEN '{_CLASSES[0]}' WHEN kind < 80 THEN '{_CLASSES[1]}' WHEN kind < 92 THEN '{_CLASSES[2]}'
         ELSE '{_CLASSES[3]}' END
"""
_CUSTOMERS = """
    INSERT INTO customer (customer_id, version, account_number, billing_cycle, vat_rate, state)
    SELECT i, 1, account, cycle, 'standard', %(state)s::jsonb || jsonb_build_object(
               'customer_id', i, 'account_number', account, 'billing_cycle', cycle, 'name', 'Customer ' || i)
    FROM (SELECT i, 'F' || lpad(i::text, 6, '0') AS account,
                 CASE WHEN i <= %(warm_up)s THEN 'manual' ELSE 'monthly' END AS cycle
          FROM generate_series(1, %(customers)s) AS i) AS each
"""
_NUMBERS = f"""
    INSERT INTO number (number_id, customer_id, version, number, label, removed)
    SELECT i, 1 + i %% %(customers)s, 1, '+' || {NUMBER_SQL}, '', false
    FROM generate_series(1, %(customers)s::bigint * %(numbers)s) AS i
"""
_FEATURES = """
    INSERT INTO feature (feature_id, customer_id, number_id, version, description, removed)
    SELECT i, 1 + i %% %(customers)s, NULL, 1, 'Support', false FROM generate_series(1, %(customers)s) AS i
"""
# Nine of ten are charges of a number, the tenth is the customer's feature's.
_CHARGES = """
    INSERT INTO charge (charge_id, customer_id, number_id, feature_id, kind, description, amount, quantity,
                        every_months, in_advance, start, charged_to, settlements)
    SELECT i, 1 + i %% %(customers)s,
           CASE WHEN place %% 10 < 9
                THEN 1 + (i %% %(customers)s - 1 + %(customers)s) %% %(customers)s
                     + place %% %(numbers)s * %(customers)s END,
           CASE WHEN place %% 10 = 9
                THEN 1 + (i %% %(customers)s - 1 + %(customers)s) %% %(customers)s END,
           'recurring', 'Service ' || place, (%(amounts)s::numeric[])[kind], 1, (%(months)s::int[])[kind],
           (%(in_advance)s::boolean[])[kind], %(began)s + (i %% 28)::int, (%(settled)s::date[])[kind], 1
    FROM (SELECT i, (i - 1) / %(customers)s AS place, 1 + (i - 1) / %(customers)s %% %(kinds)s AS kind
          FROM generate_series(1, %(customers)s::bigint * %(charges)s) AS i) AS each
"""
_USAGE = f"""
    INSERT INTO {{leaf}} (
        usage_id, revision, customer_id, number_id, call_class, destination, tariff, prefix, step, billed_seconds,
        charge_micro, cost_micro, source, record_id, charged_number, other_party, direction, service_type, started,
        local_date, band, seconds, units, volume_bytes, known_class, retail_micro, cdr_cost_micro, carrier_cost_micro,
        currency, received_on, generation, rate_id, markup)
    SELECT {OLD_SLOT << SLOT_SHIFT} + row, 1, 1 + i %% %(customers)s, i, {_CALL_CLASS}, 'Destination 14',
           'standard', '44', 1, 60, 12345 + row * 7919 %% 99991, 4000, 'oldcarrier', 'stored-' || row, {NUMBER_SQL},
           '441632960123', 'outbound', 'voice', began, (began AT TIME ZONE 'Europe/London')::date, '', 60, 0, 0, NULL,
           NULL, 4000, NULL, 'GBP', (began AT TIME ZONE 'Europe/London')::date, %(generation)s, 1, NULL
    FROM (SELECT row, 1 + (hashint8extended(row, 1) & {_POSITIVE}) %% (%(customers)s::bigint * %(numbers)s) AS i,
                 (hashint8extended(row, 2) & {_POSITIVE}) %% 100 AS kind,
                 %(first_day)s::timestamptz + row * 7 %% 2500000 * interval '1 second' AS began
          FROM generate_series(%(first)s::bigint, %(first)s::bigint + %(rows)s - 1) AS row) AS rows
"""


def fill(world: World, sizes: Sizes, seed: int) -> None:
    """Fill the databases of customers, rating and invoicing, and leave them as they would be after a night."""
    count = sizes.all_customers
    Filling(world.dsn("customers"), seed, billable=True).fill(count, count * sizes.numbers)
    _fill_invoicing(world.dsn("invoicing"), sizes)
    _fill_rating(world.dsn("rating"), sizes, seed)


def _fill_invoicing(database: str, sizes: Sizes) -> None:
    asyncio.run(_fill_reference(database))
    values = _values(sizes)
    with psycopg.connect(database) as connection:
        for statement in (_CUSTOMERS, _NUMBERS, _FEATURES, _CHARGES):
            connection.execute(statement.encode(), values)
    finish(database)


async def _fill_reference(database: str) -> None:
    """The lists as customers tells of them when it starts for the first time."""
    bound = bind(database)
    try:
        async with transaction() as tx:
            await readmodel.put_reference(tx.connection, list(map(reference_updated, uk.defaults())))
    finally:
        await bound.close()


def _values(sizes: Sizes) -> dict[str, Any]:
    return {
        "customers": sizes.all_customers,
        "warm_up": sizes.warm_up,
        "numbers": sizes.numbers,
        "charges": sizes.charges,
        "state": Json(_state()),
        "kinds": len(_TERMS),
        "amounts": [each.amount for each in _TERMS],
        "months": [each.every_months for each in _TERMS],
        "in_advance": [each.in_advance for each in _TERMS],
        "settled": [each.settled_to for each in _TERMS],
        "began": _BEGAN,
    }


def _state() -> dict[str, Any]:
    """What all customers have in common, as customers tells it."""
    return CustomerUpdated(
        customer_id=1,
        version=1,
        account_number="F000001",
        name="Customer 1",
        billing_address=Address(lines=("1 Harbour Street", "Brightwater"), postcode="BW1 1AA"),
        emails=("accounts@customer.example",),
        payment_method="direct_debit",
        vat_rate="standard",
        bill_style="farthing",
        status="active",
        status_history=(StatusPeriod(status="active", effective_from=_BEGAN),),
    ).model_dump(mode="json")


def _fill_rating(database: str, sizes: Sizes, seed: int) -> None:
    count = sizes.all_customers
    held = rating_options.Sizes(customers=count, numbers=count * sizes.numbers, prefixes=_PREFIXES)
    fill_reference(database, Carrier(held, seed))
    asyncio.run(_fill_usage(database, sizes))
    finish(database)


async def _fill_usage(database: str, sizes: Sizes) -> None:
    """Calls in segments as they are sealed; the last of them are in the open one, which the cut seals."""
    bound = bind(database)
    try:
        for first, rows in _segments(sizes.all_customers * sizes.calls):
            if first:
                while await seal_step(1):
                    pass
            _add_usage(database, sizes, first, rows)
        while await seal_step(_NEVER):
            pass
    finally:
        await bound.close()


def _segments(calls: int) -> Iterator[tuple[int, int]]:
    for first in range(0, calls, SEAL_ROWS):
        yield first, min(SEAL_ROWS, calls - first)


def _add_usage(database: str, sizes: Sizes, first: int, rows: int) -> None:
    with psycopg.connect(database) as connection:
        (generation,) = connection.execute("SELECT generation FROM gate").fetchone() or (0,)
        values = {"first": first, "rows": rows, "generation": generation, "first_day": BILL_TO.replace(day=1)}
        values |= {"customers": sizes.all_customers, "numbers": sizes.numbers}
        connection.execute(_USAGE.format(leaf=leaf_of(generation)).encode(), values)


def warm_up_customers(sizes: Sizes) -> Sequence[int]:
    """The ids of those that are billed before the measured run, which does not take them: they are billed by hand."""
    return range(1, sizes.warm_up + 1)
