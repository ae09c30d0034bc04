"""Reports about customers: in pages of any order, as files of any length."""

from __future__ import annotations

import base64
import csv
import io
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text
from tests.customers.integration.test_accounts import balance, invoice, usage

from contracts import billing
from customers.domain.reports import CreditAsked
from customers.service import reports as use
from customers.service.accounts import take_in
from service_kit import clock
from service_kit.database import transaction

Json = dict[str, Any]
CREDIT = "/reports/credit-limit"
DEEP = base64.urlsafe_b64encode(b"[" * 1_400).decode().rstrip("=")


@pytest.fixture
async def accounts(add_customer: Any) -> dict[str, int]:
    """Customers by how they stand; all pay 20 % VAT. It is 10 March 2025.

    over: 90.00 + 10.0042 x 1.2 = 102.01 of 100.00; near: 50.00 + 25 x 1.2 = 80.00 of 100.00; under: -20.00 of 100.00;
    unknown: a limit, but nothing told; free: 500.00 without a limit; cash: 0.01 of 0.00.
    """
    clock.freeze(datetime(2025, 3, 10, 9, tzinfo=UTC))
    limits = {"over": "100.00", "near": "100.00", "under": "100.00", "unknown": "100.00", "free": None, "cash": "0.00"}
    made = {
        name: int((await add_customer(name=name, credit_limit=limit, vat_rate="standard"))["customer_id"])
        for name, limit in limits.items()
    }
    await take_in(
        [
            balance(made["over"], 1, "90.00"),
            usage(made["over"], 1, "10.0042"),
            balance(made["near"], 1, "50.00"),
            usage(made["near"], 1, "25"),
            balance(made["under"], 1, "-20.00"),
            balance(made["free"], 1, "500.00"),
            balance(made["cash"], 1, "0.01"),
            balance(9_000_000, 1, "77.00"),
        ]
    )
    return made


async def items(api: AsyncClient, path: str, **asked: Any) -> list[Json]:
    answer = await api.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def paged(api: AsyncClient, path: str, limit: int, **asked: Any) -> list[Json]:
    found: list[Json] = []
    after: dict[str, str] = {}
    while True:
        answer = await api.get(path, params={**asked, **after, "limit": limit})
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        assert len(answer.json()["items"]) <= limit
        if answer.json()["next"] is None:
            return found
        after = {"after": answer.json()["next"]}


async def test_every_customer_is_shown_with_its_limit_and_what_of_it_is_used(
    api: AsyncClient, accounts: dict[str, int]
) -> None:
    """C13, Z23; figures by hand. Who is no customer (yet) is not in it."""
    found = {each["name"]: each for each in await items(api, CREDIT)}
    shown = ("balance", "unbilled_usage", "exposure", "headroom", "used_percent", "standing")
    assert {name: [each[field] for field in shown] for name, each in found.items()} == {
        "over": ["90.00", "12.01", "102.01", "-2.01", "102.01", "over"],
        "near": ["50.00", "30.00", "80.00", "20.00", "80.00", "near"],
        "under": ["-20.00", None, "-20.00", "120.00", "-20.00", "under"],
        "unknown": [None, None, None, None, None, "unknown"],
        "free": ["500.00", None, "500.00", None, None, "no_limit"],
        "cash": ["0.01", None, "0.01", "-0.01", None, "over"],
    }
    assert found["over"]["not_known"] == ["unbilled_charges"]
    assert found["under"]["not_known"] == ["unbilled_usage", "unbilled_charges"]
    assert found["over"]["unbilled_as_of"] == "2025-03-10T09:00:00Z"


@pytest.mark.parametrize(
    ("standings", "names"),
    [
        (["over"], {"over", "cash"}),
        (["near"], {"near"}),
        (["under"], {"under"}),
        (["unknown"], {"unknown"}),
        (["no_limit"], {"free"}),
        (["over", "near"], {"over", "cash", "near"}),
    ],
)
async def test_who_stands_how_can_be_asked_for(
    api: AsyncClient, accounts: dict[str, int], standings: list[str], names: set[str]
) -> None:
    assert {each["name"] for each in await items(api, CREDIT, standing=standings)} == names


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("customer_id", ["over", "near", "under", "unknown", "free", "cash"]),
        ("headroom", ["over", "cash", "near", "under", "unknown", "free"]),
        ("used_percent", ["unknown", "free", "under", "near", "over", "cash"]),
        ("balance", ["under", "unknown", "cash", "near", "over", "free"]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 4, 100])
async def test_pages_of_any_size_are_the_list_in_its_order(
    api: AsyncClient, accounts: dict[str, int], sort: str, names: list[str], limit: int
) -> None:
    """Where nothing is known comes last by headroom; a balance that is not known counts as 0."""
    upwards = [each["name"] for each in await paged(api, CREDIT, limit, sort=sort)]
    downwards = [each["name"] for each in await paged(api, CREDIT, limit, sort=sort, direction="desc")]
    assert (upwards, downwards) == (names, names[::-1])


async def test_a_cursor_of_another_order_is_refused(api: AsyncClient, accounts: dict[str, int]) -> None:
    after = (await api.get(CREDIT, params={"limit": 1, "sort": "headroom"})).json()["next"]
    for wrong in (after, "x", "W10", DEEP, "eyJhIjoxfQ", "é"):
        answer = await api.get(CREDIT, params={"after": wrong, "sort": "balance"})
        assert answer.status_code == 422, wrong
        assert answer.json()["errors"][0]["field"] == "after"


async def test_the_file_has_what_the_pages_have(api: AsyncClient, accounts: dict[str, int]) -> None:
    answer = await api.get(f"{CREDIT}.csv", params={"sort": "headroom", "standing": ["over", "near"]})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="credit-limit.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["name"] for row in rows] == ["over", "cash", "near"]
    assert (rows[0]["headroom"], rows[0]["not_known"], rows[0]["unbilled_charges"]) == ("-2.01", "unbilled_charges", "")


async def test_names_that_a_spreadsheet_would_run_come_with_an_apostrophe(api: AsyncClient, add_customer: Any) -> None:
    await add_customer(name='=HYPERLINK("http://example.com")', company_name="@SUM(A1)")
    [row] = csv.DictReader(io.StringIO((await api.get(f"{CREDIT}.csv")).text))
    assert (row["name"], row["company_name"]) == ('\'=HYPERLINK("http://example.com")', "'@SUM(A1)")


async def test_an_empty_report_is_a_header(api: AsyncClient) -> None:
    for name in ("credit-limit", "not-ready", "numbers-without-tariff"):
        text_of = (await api.get(f"/reports/{name}.csv")).text
        assert text_of.startswith("customer_id,account_number,")
        assert len(text_of.splitlines()) == 1


async def test_ten_thousand_rows_never_are_in_memory_together(api: AsyncClient, add_customer: Any) -> None:
    """A file is read a page at a time: however long it is, reading it takes the memory of a page."""
    count = 10_000
    model = await add_customer(name="Model")
    async with transaction() as tx:
        for statement in (
            """
            INSERT INTO customer SELECT made.*
            FROM customer AS model, generate_series(1000001, 999999 + :count) AS n, LATERAL jsonb_populate_record(
                model, jsonb_build_object('customer_id', n, 'account_number', 'T' || n, 'name', 'Customer ' || n)
            ) AS made WHERE model.customer_id = :model
            """,
            """
            INSERT INTO status_period (customer_id, effective_from, status)
            SELECT customer_id, '2025-01-01', 'active' FROM customer WHERE customer_id <> :model AND :count > 0
            """,
            """
            INSERT INTO account (customer_id, credit_limit, balance)
            SELECT customer_id, 100, 90 FROM customer WHERE customer_id <> :model AND :count > 0
            """,
        ):
            await tx.connection.execute(text(statement), {"count": count, "model": model["customer_id"]})
        await tx.connection.execute(text("ANALYZE customer, status_period, account"))
    await api.get(CREDIT, params={"limit": 1000})
    one_page = await _peak(1)
    assert await _peak(count) < 3 * one_page
    async with api.stream("GET", f"{CREDIT}.csv") as answer:
        assert len([line async for line in answer.aiter_lines()]) == count + 1


async def _peak(rows: int) -> int:
    """The most memory in use while the credit limit report is read up to so many rows, or a page more."""
    read = 0
    tracemalloc.start()
    async for page in use.all_pages(use.credit(CreditAsked())):
        assert len(page) <= use.ROWS_TOGETHER
        read += len(page)
        if read >= rows:
            break
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == max(rows, use.ROWS_TOGETHER)
    return found


async def test_who_lacks_something_for_an_invoice_is_listed_with_what(api: AsyncClient, add_customer: Any) -> None:
    """C1, Z10"""
    whole = {
        "vat_rate": "standard",
        "billing_address": {"lines": ["1 Fenwick Street"], "postcode": "M1 1AA"},
        "payment_method": "bank_transfer",
        "billing_cycle": "monthly",
        "bill_style": "farthing",
    }
    await add_customer(name="Whole", **whole)
    lacking = await add_customer(name="Zed", **{**whole, "vat_rate": None, "billing_cycle": None})
    billed = await add_customer(name="Abel", **{**whole, "payment_method": None})
    await add_customer(name="Gone", status="dropped", vat_rate=None)
    approved = {"number": "INV1", "status": "approved"}
    await take_in([invoice(billing.InvoiceApproved, billed["customer_id"], 1, 2, **approved)])
    found = await items(api, "/reports/not-ready")
    assert [(each["name"], each["missing"], each["invoiced"]) for each in found] == [
        ("Zed", ["VAT rate", "billing cycle"], False),
        ("Abel", ["payment method"], True),
    ]
    by_name = await paged(api, "/reports/not-ready", 1, sort="name")
    assert [each["name"] for each in by_name] == ["Abel", "Zed"]
    by_account = await paged(api, "/reports/not-ready", 1, sort="account_number", direction="desc")
    assert [each["name"] for each in by_account] == ["Abel", "Zed"]
    rows = list(csv.DictReader(io.StringIO((await api.get("/reports/not-ready.csv")).text)))
    assert [row["missing"] for row in rows] == ["VAT rate, billing cycle", "payment method"]
    put: Json = {"json": {"vat_rate": "standard", "billing_cycle": "monthly"}, "headers": {"If-Match": "*"}}
    assert (await api.put(f"/customers/{lacking['customer_id']}", **put)).status_code == 200
    assert [each["name"] for each in await items(api, "/reports/not-ready")] == ["Abel"]


async def test_numbers_whose_calls_fall_to_the_default_tariffs_are_listed(api: AsyncClient, add_customer: Any) -> None:
    """C10, Z16: the number's tariff, else the customer's; of a class counts for that class alone."""
    clock.freeze(datetime(2025, 3, 10, 9, tzinfo=UTC))
    await api.put("/reference/call_plans/talk", json={"name": "Talk"})
    covered = await add_customer(name="Covered", tariff="RETAIL")
    bare = await add_customer(name="Bare", class_tariffs={"mobile": "MOB"})
    plain = await add_customer(name="Plain")
    wanted: list[tuple[Json, str, Json]] = [
        (covered, "020 7946 0100", {}),
        (bare, "020 7946 0101", {"class_tariffs": {"national": "NAT"}}),
        (bare, "020 7946 0102", {"tariff": "RETAIL"}),
        (bare, "020 7946 0103", {"end": "2025-03-09"}),
        (plain, "020 7946 0104", {"end": "2025-03-10", "label": "Lift"}),
        (plain, "020 7946 0105", {"start": "2025-06-01"}),
    ]
    for customer, number, more in wanted:
        body = {"number": number, "call_plan": "talk", "start": "2025-01-01", **more}
        answer = await api.post(f"/customers/{customer['customer_id']}/numbers", json=body)
        assert answer.status_code == 201, answer.text
    path = "/reports/numbers-without-tariff"
    found = await paged(api, path, 1)
    assert [(each["name"], each["number"][-4:], each["covered"]) for each in found] == [
        ("Bare", "0101", ["mobile", "national"]),
        ("Plain", "0104", []),
        ("Plain", "0105", []),
    ]
    assert [each["number"][-4:] for each in await paged(api, path, 2, with_partly=False)] == ["0104", "0105"]
    rows = list(csv.DictReader(io.StringIO((await api.get(f"{path}.csv")).text)))
    assert [(row["label"], row["number"]) for row in rows][1] == ("Lift", "'+442079460104")
