"""The limit: the rows that a run has written, written once more by COPY alone, into tables with the same indexes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.billing.world import World
from psycopg import sql

WRITTEN = {
    "customers": ("known_invoice", "inbox"),
    "rating": ("usage_close", "close_request", "outbox", "inbox"),
    "invoicing": (
        *("run_customer", "usage_close", "usage_close_part", "transaction", "invoice", "invoice_vat_line", "charge"),
        *("outbox", "inbox"),
    ),
}
"""What a run writes up to its drafts; charges because it notes on each how far it is charged."""
_SCHEMA = "bench_limit"


def written_again_s(world: World) -> float:
    """Seconds that it takes to write all of it, the services' databases side by side."""
    for service in WRITTEN:
        _take_out(world, service)
    began = time.monotonic()
    with ThreadPoolExecutor(len(WRITTEN)) as threads:
        for done in [threads.submit(_write, world, service) for service in WRITTEN]:
            done.result()
    seconds = time.monotonic() - began
    for service in WRITTEN:
        _forget(world, service)
    return seconds


def _take_out(world: World, service: str) -> None:
    with world.connect(service) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(_SCHEMA)))
        for table in WRITTEN[service]:
            names = sql.Identifier(_SCHEMA, table), sql.Identifier("public", table)
            cursor.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(*names))
            statement = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(names[1])
            with _file(world, service, table).open("wb") as file, cursor.copy(statement) as copy:
                for block in copy:
                    file.write(block)


def _write(world: World, service: str) -> None:
    with world.connect(service) as connection, connection.cursor() as cursor:
        for table in WRITTEN[service]:
            statement = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.Identifier(_SCHEMA, table))
            with _file(world, service, table).open("rb") as file, cursor.copy(statement) as copy:
                while block := file.read(1 << 20):
                    copy.write(block)


def _forget(world: World, service: str) -> None:
    with world.connect(service) as connection:
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(_SCHEMA)))
    for table in WRITTEN[service]:
        _file(world, service, table).unlink()


def _file(world: World, service: str, table: str) -> Path:
    return world.folder / f"{service}-{table}"
