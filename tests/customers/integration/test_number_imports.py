"""Many numbers at once, from CSV files (SPEC C9)."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from customers.api.imports import uploads
from customers.domain.sheet_columns import NUMBER_COLUMNS
from service_kit.database import reading

HEADER = "account_number,number,call_plan,start,end,label,tariff,fallback_markup"
CSV = {"content-type": "text/csv"}
OF_THE_FULL_SIZE = 50_000
Json = dict[str, Any]


@dataclass(frozen=True)
class Reported:
    """The rows of a report, and its totals."""

    rows: list[Json]
    totals: dict[str, int]
    stored: bool

    @property
    def outcomes(self) -> list[str]:
        return [row["outcome"] for row in self.rows]


async def send(api: httpx.AsyncClient, body: str | bytes, **params: Any) -> Reported:
    answer = await api.post("/imports/numbers", content=body, params=params, headers=CSV, timeout=600)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson"), answer.text
    *rows, last = [json.loads(line) for line in answer.text.splitlines()]
    return Reported(rows, last["totals"], last["stored"])


async def count_rows(table: str) -> int:
    async with reading() as connection:
        return await connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0


def file_of(*rows: str, header: str = HEADER) -> str:
    return "\n".join((header, *rows)) + "\n"


def drama(index: int) -> str:
    """One of Ofcom's drama numbers, 0161 496 0000 to 0999 and so on through the areas; past them, others."""
    areas = ("0113 496", "0114 496", "0115 496", "0116 496", "0117 496", "0118 496", "0121 496", "0131 496", "0141 496")
    return f"{areas[index // 1000]} {index % 1000:04d}" if index < 9000 else f"01632 {900000 + index - 9000:06d}"


async def test_numbers_are_added_with_their_plans_and_choices(
    api: httpx.AsyncClient, add_customer: Any, outbox: Any
) -> None:
    """C9, C10: as if each had been added by hand."""
    customer = await add_customer(account_number="Acme-1")
    header = f"customer_id;{HEADER.replace(',', ';')};class_markups;call plan charge;call_plan_charge_months"
    row = ';ACME-1;020 7946 0123;standard;31/01/2025;2026-01-30;Front desk;GOLD;"12,5";"Mobile=5; National=7.5";4.50;3'
    found = await send(api, "\ufeff" + file_of(row, header=header).replace("\n", "\r\n"))
    [told] = found.rows
    assert told == {
        "row": 2,
        "account_number": "Acme-1",
        "number": "+442079460123",
        "outcome": "added",
        "number_id": told["number_id"],
    }
    line = (await api.get(f"/numbers/{told['number_id']}")).json()
    number = line["number"]
    assert (number["customer_id"], number["number"]) == (customer["customer_id"], "+442079460123")
    assert (number["start"], number["end"], number["label"]) == ("2025-01-31", "2026-01-30", "Front desk")
    assert number["rating"] == {
        "tariff": "GOLD",
        "class_tariffs": {},
        "class_markups": {"Mobile": "5", "National": "7.5"},
        "fallback_markup": "12.5",
    }
    assert "4.50" in json.dumps(line)
    types = [row["type"] for row in await outbox() if row["partition_key"] == str(customer["customer_id"])]
    assert types == ["customer.created", "number.created", "feature.created", "assignment.created"]
    traces = (await api.get(f"/customers/{customer['customer_id']}/audit")).json()["items"]
    assert Counter(trace["entity"] for trace in traces if trace["actor"] == "ann") == {
        "customer": 1, "number": 1, "feature": 1, "assignment": 1
    }  # fmt: skip


BAD_ROWS = {
    "Acme-1,nobody,standard,2025-01-01,,,,": ("number", "not a phone number"),
    "Acme-1,4.42079E+11,standard,2025-01-01,,,,": ("number", "last digits are lost"),
    "Acme-1,020 7946 0101,gold,2025-01-01,,,,": ("call_plan", "not known"),
    "Acme-1,020 7946 0102,standard,01/02/25,,,,": ("start", "two digits"),
    "Acme-1,020 7946 0103,standard,,,,,": ("start", "fill it in"),
    "Acme-1,020 7946 0104,standard,2025-02-01,2025-01-01,,,": ("end", "lies before the start"),
    "Acme-9,020 7946 0105,standard,2025-01-01,,,,": ("account_number", "add the customer first"),
    ",020 7946 0106,standard,2025-01-01,,,,": ("account_number", "say whose"),
    "Acme-1,020 7946 0107,standard,2025-01-01,,,,many": ("fallback_markup", "1234.50"),
    "Acme-1,020 7946 0108,standard,0025-01-01,,,,": ("start", "1990 to 2199"),
    "Acme-1,020 7946 0109,standard,2025-01-01,,a\0b,,": ("label", "NUL"),
    f"Acme-1,020 7946 0110,standard,2025-01-01,,{'x' * 300},,": ("label", "200"),
    "Acme-1,020 7946 0111,standard,2025-01-01,,a,b,1,more": ("row", "past the last column"),
}


async def test_each_kind_of_bad_row_is_told_and_the_others_are_stored(
    api: httpx.AsyncClient, add_customer: Any
) -> None:
    """C9: field, what, why and what to do; the same in a dry run."""
    await add_customer(account_number="Acme-1")
    good = [f"Acme-1,020 7946 {index:04d},standard,2025-01-01,,,," for index in range(3)]
    body = file_of(good[0], *BAD_ROWS, *good[1:])
    dry = await send(api, body, dry_run=True)
    assert await count_rows("number") == 0
    real = await send(api, body)
    assert real.outcomes == ["added", *["problem"] * len(BAD_ROWS), "added", "added"]
    assert real.totals == {"rows": len(BAD_ROWS) + 3, "added": 3, "problem": len(BAD_ROWS)}
    for row, (field, words) in zip(real.rows[1:-2], BAD_ROWS.values(), strict=True):
        problem = row["problem"]
        assert (problem["status"], problem["errors"][0]["field"]) == (422, field), problem
        assert words in problem["errors"][0]["message"]
        assert row["number_id"] is None
    assert as_real(dry) == without_ids(real)
    assert await count_rows("number") == 3


def as_real(dry: Reported) -> list[Json]:
    return [{**row, "outcome": row["outcome"].replace("would be added", "added")} for row in without_ids(dry)]


def without_ids(reported: Reported) -> list[Json]:
    return [{**row, "number_id": None} for row in reported.rows]


async def test_a_number_of_someone_else_names_the_customer_and_the_days(
    api: httpx.AsyncClient, add_customer: Any
) -> None:
    """C9: held on those days by another customer, by an earlier row, or by the customer itself but otherwise."""
    other = await add_customer(name="Fenwick Tiles", account_number="Fen-1")
    await add_customer(account_number="Acme-1")
    held = {"number": "020 7946 0001", "call_plan": "standard", "start": "2024-01-01", "end": "2025-06-30"}
    assert (await api.post(f"/customers/{other['customer_id']}/numbers", json=held)).status_code == 201
    body = file_of(
        "Acme-1,02079460001,standard,2025-01-01,,,,",
        "Acme-1,+442079460001,standard,2025-07-01,,,,",
        "Fen-1,020 7946 0001,standard,2025-12-01,,,,",
        "Fen-1,020 7946 0001,standard,2024-01-01,2025-06-30,Shop,,",
        "Fen-1,020 7946 0001,standard,2024-01-01,2025-06-30,,,",
    )
    dry = await send(api, body, dry_run=True)
    real = await send(api, body)
    assert as_real(dry) == without_ids(real)
    assert real.outcomes == ["problem", "added", "problem", "problem", "already there"]
    taken, _, twice, otherwise, _ = (row.get("problem") for row in real.rows)
    assert (taken["status"], taken["customer_id"], taken["start"], taken["end"]) == (
        409, other["customer_id"], "2024-01-01", "2025-06-30"
    )  # fmt: skip
    assert "Fenwick Tiles" in taken["detail"]
    assert (twice["status"], twice["earlier_row"]) == (409, 3)
    assert [error["field"] for error in otherwise["errors"]] == ["label"]


async def test_a_file_sent_again_changes_nothing(api: httpx.AsyncClient, add_customer: Any, outbox: Any) -> None:
    """C9: safe to repeat after a crash, also where only a part of it was stored, or a row is there twice."""
    await add_customer(account_number="Acme-1")
    rows = [f"Acme-1,020 7946 {index:04d},standard,2025-01-01,,Desk {index},GOLD,5" for index in range(60)]
    first = await send(api, file_of(*rows[:20]))
    whole = file_of(*rows, rows[7])
    second = await send(api, whole)
    assert second.outcomes == ["already there"] * 20 + ["added"] * 40 + ["already there"]
    assert [row["number_id"] for row in second.rows[:20]] == [row["number_id"] for row in first.rows]
    before = (len(await outbox()), await count_rows("audit"), await count_rows("number"))
    third = await send(api, whole)
    assert third.totals == {"rows": 61, "already_there": 61}
    assert [row["number_id"] for row in third.rows] == [row["number_id"] for row in second.rows]
    assert (len(await outbox()), await count_rows("audit"), await count_rows("number")) == before
    assert before[2] == 60


async def test_what_is_there_stays_there_when_its_call_plan_is_retired(
    api: httpx.AsyncClient, add_customer: Any
) -> None:
    """C4, C9: an entry in use is retired; a file of before it may still be sent again, and adds nothing new."""
    await add_customer(account_number="Acme-1")
    assert (await api.put("/reference/call_plans/old", json={"name": "Old"})).status_code < 300
    there, new = (f"Acme-1,020 7946 {index:04d},old,2025-01-01,,,," for index in range(2))
    assert (await send(api, file_of(there))).outcomes == ["added"]
    retired = await api.put(
        "/reference/call_plans/old", json={"name": "Old", "retired": True}, headers={"If-Match": "*"}
    )
    assert retired.status_code == 200
    again = await send(api, file_of(there, new))
    assert again.outcomes == ["already there", "problem"]
    assert "is retired" in again.rows[1]["problem"]["detail"]


async def test_a_file_that_is_too_long_is_refused(
    api: httpx.AsyncClient, add_customer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C9: before any of it is stored."""
    await add_customer(account_number="Acme-1")
    body = file_of(*(f"Acme-1,020 7946 {index:04d},standard,2025-01-01,,,," for index in range(3)))
    for limit in ("MOST_ROWS", "MOST_BYTES"):
        with monkeypatch.context() as patched:
            patched.setattr(uploads, limit, 2)
            answer = await api.post("/imports/numbers", content=body, headers=CSV)
        assert (answer.status_code, answer.json()["title"]) == (413, "File too long")
    assert await count_rows("number") == 0


async def test_rows_together_are_all_stored_or_none(api: httpx.AsyncClient, add_customer: Any, outbox: Any) -> None:
    """C9"""
    await add_customer(account_number="Acme-1")
    rows = [f"Acme-1,020 7946 {index:04d},standard,2025-01-01,,,," for index in range(600)]
    before = len(await outbox())
    refused = await send(api, file_of(*rows, "Acme-1,020 7946 0999,gold,2025-01-01,,,,"), all_or_nothing=True)
    assert (refused.stored, refused.totals) == (False, {"rows": 601, "would_be_added": 600, "problem": 1})
    assert (await count_rows("number"), len(await outbox())) == (0, before)
    stored = await send(api, file_of(*rows), all_or_nothing=True)
    assert (stored.stored, stored.totals) == (True, {"rows": 600, "added": 600})
    assert (await count_rows("number"), len(await outbox())) == (600, before + 1800)


async def test_the_report_as_csv(api: httpx.AsyncClient, add_customer: Any) -> None:
    await add_customer(account_number="Acme-1")
    body = file_of("Acme-1,020 7946 0001,standard,2025-01-01,,,,", "Acme-1,020 7946 0002,gold,2025-01-01,,,,")
    answer = await api.post("/imports/numbers", content=body, headers={**CSV, "accept": "text/csv"})
    assert answer.headers["import-totals"] == "rows=2, added=1, problem=1, stored=?1"
    good, bad = csv.DictReader(io.StringIO(answer.text))
    assert (good["row"], good["number"], good["outcome"], good["problem"]) == ("2", "'+442079460001", "added", "")
    assert (bad["outcome"], bad["field"], bad["number_id"]) == ("problem", "call_plan", "")
    assert "use one of" in bad["problem"]


async def test_a_form_takes_a_file_and_the_template_is_one(api: httpx.AsyncClient, add_customer: Any) -> None:
    await add_customer(account_number="F000001")
    template = await api.get("/imports/numbers/template.csv")
    assert next(csv.reader(io.StringIO(template.text))) == list(NUMBER_COLUMNS)
    answer = await api.post("/imports/numbers", files={"file": ("numbers.csv", template.content, "text/csv")})
    assert json.loads(answer.text.splitlines()[0])["outcome"] == "added", answer.text
    nothing = await api.post("/imports/numbers", files={}, data={"note": "x"}, headers={})
    assert nothing.status_code == 422


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (file_of(header="account_number,number,call_plan,start,colour"), "'colour'"),
        (file_of(header="account_number,number"), "lacks 'call_plan', 'start'"),
        ("", "lacks"),
        (HEADER.encode() + b"\nAcme-1,02079460001,standard,2025-01-01,,caf\xe9,,\n", "line 2"),
        (file_of('Acme-1,02079460001,standard,2025-01-01,,"open,,'), "row 2"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_as_a_whole(
    api: httpx.AsyncClient, add_customer: Any, body: str | bytes, told: str
) -> None:
    await add_customer(account_number="Acme-1")
    answer = await api.post("/imports/numbers", content=body, headers=CSV)
    assert answer.status_code == 422, answer.text
    assert told in answer.json()["detail"]
    assert await count_rows("number") == 0


async def test_two_imports_of_the_same_numbers_at_once_share_them(api: httpx.AsyncClient, add_customer: Any) -> None:
    """C9: no number has two holders, whoever is first; each row that lost names the winner."""
    for account in ("A", "B"):
        await add_customer(account_number=account)
    numbers = [drama(index) for index in range(600)]
    mixed = random.Random(7).sample(numbers, len(numbers))
    first, second, third = await asyncio.gather(
        send(api, file_of(*(f"A,{number},standard,2025-01-01,,,," for number in numbers))),
        send(api, file_of(*(f"B,{number},standard,2025-01-01,,,," for number in mixed))),
        send(api, file_of(*(f"B,{number},standard,2025-01-01,,,," for number in numbers)), all_or_nothing=True),
    )
    added = [row["number"] for each in (first, second, third) for row in each.rows if row["outcome"] == "added"]
    assert sorted(added) == sorted({row["number"] for row in first.rows})
    problems = [row["problem"] for each in (first, second, third) for row in each.rows if "problem" in row]
    assert {problem["status"] for problem in problems} <= {409}
    assert await holders_per_number() == {1: 600}


async def holders_per_number() -> dict[int, int]:
    async with reading() as connection:
        found = await connection.execute(text("SELECT count(*) FROM assignment GROUP BY number"))
        return dict(Counter(found.scalars()))


async def test_an_import_and_single_numbers_at_once(api: httpx.AsyncClient, add_customer: Any) -> None:
    """C9: who adds a number by hand meanwhile is no trouble to the other rows of its group."""
    await add_customer(account_number="A")
    other = await add_customer(account_number="B")
    url = f"/customers/{other['customer_id']}/numbers"

    async def add(index: int) -> int:
        body = {"number": drama(index), "call_plan": "standard", "start": "2025-01-01"}
        return (await api.post(url, json=body)).status_code

    found, *codes = await asyncio.gather(
        send(api, file_of(*(f"A,{drama(index)},standard,2025-01-01,,,," for index in range(500)))),
        *(add(index) for index in range(0, 500, 25)),
    )
    assert set(codes) <= {201, 409}
    assert found.totals.get("problem", 0) == codes.count(201)
    assert await holders_per_number() == {1: 500}


def generated(size: int, customers: int) -> Iterator[tuple[str, str]]:
    """Rows, and what is to become of each; one of a hundred is bad."""
    bad = list(BAD_ROWS)
    for index in range(size):
        account = f"C{index % customers:04d}"
        if index % 100 == 50:
            yield bad[index // 100 % len(bad)], "problem"
        elif index % 1000 == 999:
            yield f"{account},{drama(index - 999)},standard,2025-02-01,,,,", "problem"
        elif index % 1000 == 899:
            yield f"C{(index - 899) % customers:04d},{drama(index - 899)},standard,2025-01-01,,,GOLD,", "already there"
        else:
            yield f"{account},{drama(index)},standard,2025-01-01,,,GOLD,", "added"


@pytest.mark.parametrize("size", [2_000, pytest.param(OF_THE_FULL_SIZE, marks=pytest.mark.faults)])
async def test_a_large_file_with_bad_rows_is_looked_at_stored_and_repeated(api: httpx.AsyncClient, size: int) -> None:
    """C9: 50,000 rows in a minute; the dry run tells what the real one does; again, nothing changes."""
    customers = 500
    lines = "\n".join(json.dumps({"name": f"Customer {n}", "account_number": f"C{n:04d}"}) for n in range(customers))
    assert (await api.post("/imports/customers", content=lines, timeout=60)).status_code == 200
    rows = list(generated(size, customers))
    body = file_of(*(row for row, _ in rows))
    seconds: dict[str, float] = {}
    runs: list[Reported] = []
    for name, params in {"dry run": {"dry_run": True}, "stored": {}, "again": {}}.items():
        began = time.monotonic()
        runs.append(await send(api, body, **params))
        seconds[name] = time.monotonic() - began
    dry, real, again = runs
    print({name: f"{taken:.1f} s" for name, taken in seconds.items()}, f"{size} rows")
    assert real.outcomes == [outcome for _, outcome in rows]
    assert as_real(dry) == without_ids(real)
    added = real.outcomes.count("added")
    assert await count_rows("number") == await count_rows("assignment") == added
    assert again.outcomes == [outcome.replace("added", "already there") for _, outcome in rows]
    assert await holders_per_number() == {1: added}
    assert seconds["stored"] < 60
