"""Many customers at once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from httpx import AsyncClient

from service_kit.database import Database


def row(index: int, **more: Any) -> dict[str, Any]:
    number = f"0161 496 {index:04d}"
    return {
        "name": f"Customer {index}",
        "account_number": f"C{index:05d}",
        "billing_address": {"lines": ["1 Mill Lane"], "postcode": "ZZ99 9ZZ"},
        "numbers": [{"number": number, "call_plan": "standard", "start": "2025-01-01"}],
        "features": [{"description": "Line care", "start": "2025-01-01", "number": number, "charges": []}],
        **more,
    }


async def load(api: AsyncClient, rows: list[Any]) -> list[dict[str, Any]]:
    body = "\n".join(each if isinstance(each, str) else json.dumps(each) for each in rows)
    answer = await api.post("/imports/customers", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson"), answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_rows_become_customers_with_numbers_and_linked_features(api: AsyncClient, outbox: Any) -> None:
    answers = await load(api, [row(1), row(2, account_number=None)])
    assert [answer["row"] for answer in answers] == [1, 2]
    assert answers[1]["account_number"] == "F000001"
    url = f"/customers/{answers[0]['customer_id']}"
    [line] = (await api.get(f"{url}/numbers")).json()["items"]
    features = (await api.get(f"{url}/features")).json()["items"]
    assert line["number"]["number"] == "+441614960001"
    assert {feature["number_id"] for feature in features} == {line["number"]["number_id"]}
    types = [item["type"] for item in await outbox() if item["partition_key"] == str(answers[0]["customer_id"])]
    told = ["customer.created", "number.created", "feature.created", "assignment.created", "feature.created"]
    assert types == told


async def test_bad_rows_are_told_and_the_others_are_stored(api: AsyncClient, add_customer: Any) -> None:
    """Rows are independent, also those that only the database can refuse."""
    await add_customer(name="Fenwick Tiles", account_number="taken")
    rows: list[Any] = [
        row(1),
        "{not json",
        "",
        row(2, emails="nobody"),
        row(3, account_number="TAKEN"),
        row(4),
        row(5, numbers=row(4)["numbers"], features=[]),
        row(6, vat_rate="odd"),
        row(7, features=[{"description": "x", "start": "2025-01-01", "number": "0161 496 9999"}]),
        '["a list"]',
        row(8),
    ]
    answers = {answer["row"]: answer for answer in await load(api, rows)}
    assert sorted(number for number, answer in answers.items() if "customer_id" in answer) == [1, 6, 11]
    problems = {number: answer["problem"] for number, answer in answers.items() if "problem" in answer}
    assert {number: problem["status"] for number, problem in problems.items()} == {
        2: 422, 4: 422, 5: 409, 7: 409, 8: 422, 9: 422, 10: 422
    }  # fmt: skip
    assert problems[5]["type"].endswith("account-number-taken")
    assert problems[7]["customer_id"] == answers[6]["customer_id"]
    assert [error["field"] for error in problems[9]["errors"]] == ["features.0.number"]
    assert answers[4]["account_number"] == "C00002"
    assert len((await api.get("/customers")).json()["items"]) == 4


async def test_a_row_that_is_refused_leaves_nothing(api: AsyncClient, outbox: Any) -> None:
    await load(api, [row(1)])
    before = len(await outbox())
    answers = await load(api, [row(2, numbers=[*row(2)["numbers"], *row(1)["numbers"]])])
    assert answers[0]["problem"]["status"] == 409
    assert len(await outbox()) == before
    assert (await api.get("/customers", params={"account_number": "C00002"})).json()["items"] == []


async def test_the_same_number_twice_in_a_row_is_refused(api: AsyncClient) -> None:
    """C9"""
    [answer] = await load(api, [row(1, numbers=row(1)["numbers"] * 2)])
    assert (answer["problem"]["status"], answer["problem"]["errors"][0]["field"]) == (422, "numbers")


async def test_sending_a_file_again_doubles_nothing(api: AsyncClient) -> None:
    rows = [row(index) for index in range(1, 4)]
    await load(api, rows)
    assert [answer["problem"]["status"] for answer in await load(api, rows)] == [409, 409, 409]
    assert len((await api.get("/customers")).json()["items"]) == 3


async def test_rows_may_be_cut_anywhere_on_their_way(api: AsyncClient) -> None:
    body = "\r\n".join(json.dumps(row(index), ensure_ascii=False) for index in range(1, 8)).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    answer = await api.post("/imports/customers", content=pieces())
    assert [json.loads(line)["account_number"] for line in answer.text.splitlines()] == [
        f"C{index:05d}" for index in range(1, 8)
    ]


async def test_two_imports_at_once_share_the_customers_between_them(api: AsyncClient) -> None:
    rows = [row(index) for index in range(1, 41)]
    first, second = await asyncio.gather(load(api, rows), load(api, list(reversed(rows))))
    stored = [answer["account_number"] for answer in first + second if "customer_id" in answer]
    assert sorted(stored) == [each["account_number"] for each in rows]
    assert {answer["problem"]["status"] for answer in first + second if "problem" in answer} == {409}


async def test_a_carrier_is_loaded_quickly(api: AsyncClient, database: Database) -> None:
    """200 customers a second are aimed at; a machine shared by others may be slower, but not ten times."""
    charge = {"kind": "recurring", "description": "Care", "amount": "2.00", "frequency_months": 1}
    rows = [row(index) for index in range(1, 401)]
    for index, each in enumerate(rows):
        extra = {"number": f"020 7946 {index:04d}", "call_plan": "standard", "start": "2025-01-01"}
        each["numbers"] += [extra | {"charges": [charge]}]
    began = time.monotonic()
    answers = await load(api, rows)
    seconds = time.monotonic() - began
    print(f"{len(rows) / seconds:.0f} customers a second")
    assert all("customer_id" in answer for answer in answers)
    assert len(rows) / seconds > 20
