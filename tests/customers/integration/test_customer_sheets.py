"""Many customers at once from CSV files (SPEC C1); imports looked at before they are done."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import httpx
from sqlalchemy import text

from service_kit.database import reading

CSV = {"content-type": "text/csv"}
Json = dict[str, Any]
NUMBER = {"number": "020 7946 0001", "call_plan": "standard", "start": "2025-01-01"}


async def send(api: httpx.AsyncClient, body: str | bytes, **params: Any) -> list[Json]:
    answer = await api.post("/imports/customers", content=body, params=params, headers=CSV)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson"), answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def customers_there() -> int:
    async with reading() as connection:
        return await connection.scalar(text("SELECT count(*) FROM customer")) or 0


async def test_a_row_becomes_a_customer_with_every_field(api: httpx.AsyncClient) -> None:
    """C1, C6, C10: emails with commas, an address in columns, terms in words, pounds as they are written."""
    body = (
        "Account Number,Name,Company Name,Address Line 1,Address Line 2,Postcode,Emails,Payment Terms,Credit Limit,"
        "Fallback Markup,Status From,Bill Length Email,Low Invoice Policy,Low Invoice Threshold,Notes,"
        "Portal Reports,Portal Bills,Annual Increase Profile,Annual Increase Date\r\n"
        'Acme-1,Zoë O\'Brien,"Acme, ""The"" Ltd",1 Mill Lane,Testford,zz99 9zz,"a@acme.example, b@acme.example",'
        'day 15,"£1,500.50",12.5%,31/01/2025,full,create,5,"one\r\ntwo",'
        '"calls, spend",yes,fixed_amount,01/04/2026\r\n'
    )
    [told] = await send(api, body)
    assert (told["row"], told["account_number"], told["outcome"]) == (2, "Acme-1", "added")
    customer = (await api.get(f"/customers/{told['customer_id']}")).json()
    assert (customer["name"], customer["company_name"]) == ("Zoë O'Brien", 'Acme, "The" Ltd')
    assert customer["billing_address"] == {
        "lines": ["1 Mill Lane", "Testford"], "postcode": "ZZ99 9ZZ", "country": "GB"
    }  # fmt: skip
    assert customer["emails"] == ["a@acme.example", "b@acme.example"]
    assert customer["payment_terms"] == {"kind": "day_of_month", "value": 15}
    assert (customer["credit_limit"], customer["rating"]["fallback_markup"]) == ("1500.50", "12.5")
    assert customer["status_history"][0]["effective_from"] == "2025-01-31"
    assert (customer["bill_lengths"]["email"], customer["low_invoice"]["threshold"]) == ("full", "5.00")
    assert customer["portal_access"] == {"reports": ["calls", "spend"], "bills": True, "payments": False}
    assert (customer["annual_increase_profile"], customer["annual_increase_date"]) == ("fixed_amount", "2026-04-01")
    assert customer["notes"] == "one\r\ntwo"


ROWS = (
    "account_number,name,emails,payment_terms,credit_limit,vat_rate,status\n"
    "A1,First,,,,,\n"
    "TAKEN,Second,,,,,\n"
    "a1,Third,,,,,\n"
    ",,x@example.com,,,,\n"
    ",Fifth,nobody,soon,1.005,,\n"
    ",Sixth,,,,odd,\n"
    ",Seventh,,,,,\n"
)


async def test_bad_rows_are_told_by_column_and_a_dry_run_changes_nothing(
    api: httpx.AsyncClient, add_customer: Any
) -> None:
    """C1, C2: the same outcomes as when it is done."""
    await add_customer(account_number="taken")
    dry = await send(api, ROWS, dry_run=True)
    assert await customers_there() == 1
    real = await send(api, ROWS)
    assert [told["outcome"] for told in real] == ["added", *["problem"] * 5, "added"]
    assert [told["outcome"].replace("would be added", "added") for told in dry] == [told["outcome"] for told in real]
    assert [told.get("problem", {}).get("type") for told in dry] == [
        told.get("problem", {}).get("type") for told in real
    ]
    fields = [[error["field"] for error in told.get("problem", {}).get("errors", ())] for told in real]
    assert fields[3:6] == [["name"], ["credit_limit", "emails", "payment_terms"], ["vat_rate"]]
    assert real[3]["problem"]["errors"][0]["message"].startswith("the cell is empty")
    assert await customers_there() == 3
    assert {told["problem"]["status"] for told in await send(api, ROWS) if told["row"] in {2, 3, 4}} == {409}


async def test_json_lines_are_looked_at_too(api: httpx.AsyncClient, add_customer: Any) -> None:
    """C9: numbers that clash with what is there, with an earlier row, and numbers that do not."""
    holder = await add_customer(name="Holder")
    await api.post(f"/customers/{holder['customer_id']}/numbers", json=NUMBER)
    rows: list[Json] = [
        {"name": "A", "numbers": [NUMBER]},
        {"name": "B", "numbers": [{**NUMBER, "number": "020 7946 0002"}]},
        {"name": "C", "numbers": [{**NUMBER, "number": "020 7946 0002"}]},
        {"name": "D", "numbers": [{**NUMBER, "number": "020 7946 0003"}]},
    ]
    body = "\n".join(map(json.dumps, rows))
    dry = await api.post("/imports/customers", content=body, params={"dry_run": True})
    told = [json.loads(line) for line in dry.text.splitlines()]
    assert [each["outcome"] for each in told] == ["problem", "would be added", "problem", "would be added"]
    assert told[0]["problem"]["customer_id"] == holder["customer_id"]
    assert dry.headers["import-totals"] == "rows=4, problem=2, would_be_added=2, stored=?0"
    assert await customers_there() == 1
    real = await api.post("/imports/customers", content=body)
    assert [json.loads(line)["outcome"] for line in real.text.splitlines()] == ["problem", "added", "problem", "added"]


async def test_the_template_can_be_sent_back(api: httpx.AsyncClient) -> None:
    template = await api.get("/imports/customers/template.csv")
    assert template.headers["content-type"].startswith("text/csv")
    answer = await api.post(
        "/imports/customers", files={"file": ("c.csv", template.content)}, headers={"accept": "text/csv"}
    )
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert (row["outcome"], row["account_number"]) == ("added", "F000001"), answer.text


async def test_an_unknown_column_is_refused_with_those_that_are_known(api: httpx.AsyncClient) -> None:
    answer = await api.post("/imports/customers", content="name,colour\nAnn,red\n", headers=CSV)
    assert answer.status_code == 422
    assert "'colour'" in answer.json()["detail"]
    assert "payment_terms" in answer.json()["detail"]
    assert await customers_there() == 0
