"""Filling rating's tables with what has been there for long: a carrier, and usage of earlier months."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import psycopg
from bench.rating.carrier import BUSINESS, LEAN, NUMBER_SQL, STANDARD, TARIFFS, Carrier
from psycopg import sql

from contracts.customers import Markups
from rating.domain.segments import leaf_of
from rating.service.sealing import ROW_BYTES, SEAL_BYTES, seal_step

SEAL_ROWS = SEAL_BYTES // ROW_BYTES
"""Rows with which a segment of usage is sealed."""
OLD_SLOT = 30_000
"""Usage ids of what is there before a run are those of an input partition that does not exist."""
SLOT_SHIFT = 48
_OLD_IDS = OLD_SLOT << SLOT_SHIFT

_STATUSES = ("active", {"accumulates_charges": True}), ("dropped", {"accumulates_charges": False, "dropped": True})
_PLAIN = Markups().model_dump_json()
_CHOOSES_BUSINESS = Markups(tariff=BUSINESS).model_dump_json()
_CHOOSES_LEAN = Markups(tariff=LEAN, class_markups={"SMS": Decimal(20)}).model_dump_json()
_PREMIUM = Markups(class_tariffs={"UK Mobile": BUSINESS, "International 1": STANDARD}).model_dump_json()
# Of a hundred customers twenty have chosen a tariff, ten another one with a markup; three have a past.
_CUSTOMERS = f"""
    INSERT INTO customer (customer_id, version, status, status_history, rating, changed_in)
    SELECT i, 1, 'active',
           CASE WHEN i %% 100 < 3
                THEN '[{{"status": "dropped", "effective_from": "2019-01-01"}},
                       {{"status": "active", "effective_from": "2020-01-01"}}]'::jsonb
                ELSE '[{{"status": "active", "effective_from": "2019-01-01"}}]'::jsonb END,
           (CASE WHEN i %% 100 < 20 THEN '{_CHOOSES_BUSINESS}' WHEN i %% 100 < 30 THEN '{_CHOOSES_LEAN}'
                 ELSE '{_PLAIN}' END)::jsonb, 1
    FROM generate_series(1, %(customers)s) AS i
"""
_NUMBERS = f"""
    INSERT INTO number (number_id, version, customer_id, number, number_type, rating, removed, changed_in)
    SELECT i, 1, 1 + i %% %(customers)s, {NUMBER_SQL}, (ARRAY['geographic', 'mobile', 'sip'])[1 + i %% 3],
           (CASE WHEN i %% 20 = 7 THEN '{_PREMIUM}' ELSE '{_PLAIN}' END)::jsonb, false, 1
    FROM generate_series(1, %(numbers)s::bigint) AS i
"""
# Of a hundred numbers three were another customer's before.
_ASSIGNMENTS = f"""
    INSERT INTO assignment (assignment_id, version, number_id, customer_id, number, start_date, end_date, removed,
                            changed_in)
    SELECT i, 1, i, 1 + i %% %(customers)s, {NUMBER_SQL},
           CASE WHEN i %% 100 = 1 THEN date '2021-01-01' ELSE date '2020-01-01' END, NULL::date, false, 1
    FROM generate_series(1, %(numbers)s::bigint) AS i
    UNION ALL
    SELECT %(numbers)s + i, 1, i, 1 + (i + 1) %% %(customers)s, {NUMBER_SQL}, date '2020-01-01', date '2020-12-31',
           false, 1
    FROM generate_series(1, %(numbers)s::bigint) AS i WHERE i %% 100 = 1
"""
_TARIFF = """
    INSERT INTO tariff (code, version, name, currency, rounding_places, fallback_markup, is_default, megabyte_bytes,
                        changed_in, parent)
    VALUES (%(code)s, 1, %(code)s, 'GBP', 4, NULL, %(is_default)s, 1000000, 1, %(parent)s)
"""
_VERSION = """
    INSERT INTO tariff_version (tariff, version, effective_from, rows, changed_in)
    VALUES (%s, 1, NULL, %s, 1) RETURNING version_id
"""
_RATE_COLUMNS = (
    *("version_id", "prefix", "call_class", "band", "price_micro", "connection_micro", "initial", "step"),
    *("minimum_micro", "maximum_micro", "free"),
)
_USAGE = f"""
    INSERT INTO {{leaf}} (
        usage_id, revision, customer_id, number_id, call_class, destination, tariff, prefix, step, billed_seconds,
        charge_micro, cost_micro, source, record_id, charged_number, other_party, direction, service_type, started,
        local_date, band, seconds, units, volume_bytes, known_class, retail_micro, cdr_cost_micro, carrier_cost_micro,
        currency, received_on, generation, rate_id, markup)
    SELECT {_OLD_IDS} + row, 1, 1 + i %% %(customers)s, i, 'UK National', 'Destination 14', 'standard', '44', 1,
           60, 12000 + row %% 1000, 4000, 'oldcarrier', 'stored-' || row, {NUMBER_SQL}, '441632960123', 'outbound',
           'voice', began, (began AT TIME ZONE 'Europe/London')::date, 'peak', 60, 0, 0, NULL, NULL, 4000, NULL,
           'GBP', current_date - 1, %(generation)s, 1, NULL
    FROM (SELECT row, 1 + row * 7919 %% %(numbers)s AS i,
                 now() - interval '1 day' - row %% 28000000 * interval '1 second' AS began
          FROM generate_series(%(first)s::bigint, %(first)s::bigint + %(rows)s - 1) AS row) AS rows
"""


def fill_reference(database: str, carrier: Carrier) -> None:
    """Customers, numbers, who holds them, tariffs and destinations, as if they had come long ago."""
    sizes = {"customers": carrier.sizes.customers, "numbers": carrier.sizes.numbers}
    with psycopg.connect(database) as connection:
        for statement in (_CUSTOMERS, _NUMBERS, _ASSIGNMENTS):
            connection.execute(statement, sizes)
        entries = [
            ("statuses", code, json.dumps({"code": code, "status": {"billed_in_runs": True, **flags}}))
            for code, flags in _STATUSES
        ]
        _copy(connection, "reference_entry", ("list", "code", "entry", "version", "changed_in"), _with(entries, 1, 1))
        for code in TARIFFS:
            _fill_tariff(connection, carrier, code)
        _copy(connection, "destination", ("prefix", "destination", "call_class"), carrier.destinations())


def _fill_tariff(connection: psycopg.Connection, carrier: Carrier, code: str) -> None:
    parent = STANDARD if code == BUSINESS else None
    connection.execute(_TARIFF, {"code": code, "is_default": code == STANDARD, "parent": parent})
    rates = list(carrier.rates(code))
    row = connection.execute(_VERSION, [code, len(rates)]).fetchone()
    assert row is not None
    _copy(connection, "rate", _RATE_COLUMNS, ((row[0], *rate) for rate in rates))


def _with(rows: Iterable[tuple[Any, ...]], *more: Any) -> Iterable[tuple[Any, ...]]:
    return ((*row, *more) for row in rows)


def _copy(connection: psycopg.Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


async def fill_usage(database: str, carrier: Carrier, *, open_rows: int) -> None:
    """Sealed segments of usage, and so many rows in the open one; the process is bound to the database."""
    begun = 0
    while begun < carrier.sizes.stored:
        rows = min(SEAL_ROWS, carrier.sizes.stored - begun)
        _add_usage(database, carrier, begun, rows)
        while await seal_step(1):
            pass
        begun += rows
    if open_rows:
        _add_usage(database, carrier, begun, open_rows)


def _add_usage(database: str, carrier: Carrier, first: int, rows: int) -> None:
    with psycopg.connect(database) as connection:
        (generation,) = connection.execute("SELECT generation FROM gate").fetchone() or (0,)
        sizes = {"customers": carrier.sizes.customers, "numbers": carrier.sizes.numbers}
        values = {**sizes, "first": first, "rows": rows, "generation": generation}
        connection.execute(_USAGE.format(leaf=leaf_of(generation)).encode(), values)


def finish(database: str) -> None:
    """Leave the tables as they would be after a night: nothing to clean up, and their statistics known."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
