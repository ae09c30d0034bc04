"""Record ids of an installation that kept them by name (schema 0001) are known after its upgrade."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

import numpy as np
import psycopg
from psycopg.sql import SQL, Identifier, Placeholder
from tests.rating.support.carriers import cdr

from rating.domain.cdr import record_of
from rating.domain.recordkeys import keys_of
from rating.intake import Read, read_batch
from rating.service.auditing_keys import findings, holders_of
from rating.service.keeping import Ledger
from service_kit.database import bind, reading
from service_kit.migrations import migrate

DAY = date(2025, 1, 15)
HELD = {
    "usage_id": 17,
    "revision": 1,
    "outcome": "suspended",
    "reason": "unknown_number",
    "detail": "",
    "local_date": DAY,
    "band": "peak",
    "received_on": DAY,
    "generation": 1,
}


def store_as_before(dsn: str, read: Read) -> None:
    """Store a held call and its record id, and an id whose call is gone, in the tables of schema 0001."""
    row = HELD | asdict(record_of(read.calls, 0))
    names = SQL(", ").join(map(Identifier, row))
    values = SQL(", ").join(map(Placeholder, row))
    with psycopg.connect(dsn) as connection:
        connection.execute(SQL("INSERT INTO held ({}) VALUES ({})").format(names, values), row)
        for record_id, usage_id in (("1", 17), ("gone", 18)):
            connection.execute(
                "INSERT INTO record_key VALUES ('northstar', %s, %s, 'as hashed then', %s)", (record_id, usage_id, DAY)
            )


async def test_record_ids_and_contents_are_known_after_the_upgrade(empty_database: str) -> None:
    """R1, Z21: no id is forgotten, and a later copy that is the same is no conflict."""
    read = read_batch(
        [cdr("northstar", "1", "442079460001", carrier_cost="0.01"), cdr("northstar", "2", "442079460001")]
    )
    migrate("rating", "0001", empty_database)
    store_as_before(empty_database, read)
    migrate("rating", dsn=empty_database)
    database = bind(empty_database)
    ledger = Ledger()
    await ledger.refresh()
    async with reading() as connection:
        checked = await ledger.check(connection, keys_of(read.calls, np.array([100, 101]), read.content, ledger.seed))
        assert await holders_of(connection, [("northstar", "gone")]) == [18]
        assert await findings(connection) == ["usage 18 has a key, and no such call"]
    await database.close()
    assert checked.is_first.tolist() == [False, True]
    assert (checked.holder["usage_id"][0], checked.holder["content"][0]) == (17, read.content[0])
