"""QuickSearch: a list of customers by criteria."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import AsyncClient

from customers.domain.listing import SortField
from service_kit import clock

Json = dict[str, Any]


async def listed(api: AsyncClient, **criteria: Any) -> Json:
    answer = await api.get("/customers/search", params=criteria)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def names(api: AsyncClient, **criteria: Any) -> list[str]:
    return [each["name"] for each in (await listed(api, **criteria))["items"]]


@pytest.fixture
async def desk(api: AsyncClient, add_customer: Any) -> list[Json]:
    for code in ("ann", "bob"):
        await api.put(f"/reference/account_managers/{code}", json={"name": code.title()})
    return [
        await add_customer(
            name="Árpád Tiles",
            account_manager="ann",
            tariff="gold",
            emails=["a@brightwater.example"],
            credit_limit="500.00",
        ),
        await add_customer(name="bright", company_name="Brightwater Ltd", account_manager="bob", tariff="silver"),
        await add_customer(name="Ceri", billing_cycle="quarterly", payment_method="card", account_number="X-17"),
        await add_customer(name="Dropped", status="dropped", vat_rate="zero", class_tariffs={"mobile": "gold"}),
    ]


FILTERS: list[tuple[Json, list[str]]] = [
    ({}, ["Árpád Tiles", "bright", "Ceri", "Dropped"]),
    ({"account_manager": "ann"}, ["Árpád Tiles"]),
    ({"account_manager": ["ann", "bob"]}, ["Árpád Tiles", "bright"]),
    ({"account_manager": ""}, ["Ceri", "Dropped"]),
    ({"billing_cycle": "quarterly"}, ["Ceri"]),
    ({"payment_method": "card"}, ["Ceri"]),
    ({"status": "dropped"}, ["Dropped"]),
    ({"status": ["dropped", "active"], "vat_rate": "zero"}, ["Dropped"]),
    ({"tariff": "gold"}, ["Árpád Tiles", "Dropped"]),
    ({"tariff": ["", "silver"]}, ["bright", "Ceri"]),
    ({"name": "PAD T"}, ["Árpád Tiles"]),
    ({"company_name": "right"}, ["bright"]),
    ({"name": "water"}, []),
    ({"account_number": "x1"}, ["Ceri"]),
    ({"account_number": "x17"}, ["Ceri"]),
    ({"credit_limit_over": "499.99"}, ["Árpád Tiles", "bright", "Ceri", "Dropped"]),
    ({"credit_limit_over": "500.00"}, ["bright", "Ceri", "Dropped"]),
    ({"has_email": "true"}, ["Árpád Tiles"]),
    ({"has_email": "false", "tariff": "silver"}, ["bright"]),
    ({"incomplete": "false"}, []),
    ({"account_manager": "nobody"}, []),
    ({"balance": "zero"}, ["Árpád Tiles", "bright", "Ceri", "Dropped"]),
    ({"balance": "owes"}, []),
    ({"balance_from": "0.01"}, []),
    ({"balance_to": "0"}, ["Árpád Tiles", "bright", "Ceri", "Dropped"]),
    ({"created_from": "2150-01-01"}, []),
    ({"created_to": "2150-01-01", "name": "ceri"}, ["Ceri"]),
]


async def test_all_that_is_given_must_hold(api: AsyncClient, desk: list[Json]) -> None:
    """F2: a form with filters."""
    for criteria, expected in FILTERS:
        found = await listed(api, **criteria)
        assert [each["name"] for each in found["items"]] == expected, criteria
        assert (found["total"], found["total_is_exact"], found["next"]) == (len(expected), True, None), criteria


async def test_a_line_shows_what_the_list_is_filtered_and_sorted_by(api: AsyncClient, desk: list[Json]) -> None:
    """F2, F3: coloured by status."""
    line = (await listed(api, name="arpad"))["items"][0]
    assert line | {"customer_id": 0, "created_on": ""} == {
        **{"customer_id": 0, "account_number": desk[0]["account_number"], "name": "Árpád Tiles", "company_name": ""},
        **{"status": "active", "status_name": "Active", "status_colour": "#2e7d32", "account_manager": "ann"},
        **{"billing_cycle": "monthly", "payment_method": "direct_debit", "vat_rate": desk[0]["vat_rate"]},
        **{"bill_style": desk[0]["bill_style"], "tariff": "gold", "credit_limit": "500.00", "balance": "0.00"},
        **{"created_on": "", "has_email": True, "incomplete": True},
    }
    assert line["created_on"] == clock.today().isoformat()


async def test_customers_are_found_by_a_number(api: AsyncClient, desk: list[Json]) -> None:
    """F2: by number, in any spelling and by any part."""
    body = {"number": "020 7946 0123", "call_plan": "standard", "start": "2025-01-01"}
    assert (await api.post(f"/customers/{desk[2]['customer_id']}/numbers", json=body)).status_code == 201
    for typed in ("020 7946 0123", "0207", "946 01", "0123", "+44 20"):
        assert await names(api, number=typed) == ["Ceri"]
    assert await names(api, number="0124") == []


async def test_pages_of_any_order_have_every_customer_once(api: AsyncClient, desk: list[Json]) -> None:
    """F2: sorting and pages; equal values do not lose or double a customer."""
    for sort in SortField.__args__:  # type: ignore[attr-defined]
        for direction in ("asc", "desc"):
            whole = (await listed(api, sort=sort, direction=direction))["items"]
            assert await paged(api, sort=sort, direction=direction) == whole
            assert len(whole) == 4
            if sort in ("status", "account_manager", "tariff", "created_on"):
                values = [each[sort] or "" for each in whole]
                assert values == sorted(values, reverse=direction == "desc")


async def test_more_than_are_counted_are_listed_all_the_same(
    api: AsyncClient, desk: list[Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    """F2: of many the number is not told, and they are read in their order instead of sorted."""
    orders = [{"sort": sort, "direction": way} for sort in ("name", "status", "balance") for way in ("asc", "desc")]
    asked = [{**criteria, **order} for criteria, _ in FILTERS for order in orders]
    expected = [(await listed(api, **each))["items"] for each in asked]
    monkeypatch.setattr("customers.store.listing.COUNTED", 1)
    for each, items in zip(asked, expected, strict=True):
        found = await listed(api, **each)
        assert (found["items"], found["total_is_exact"]) == (items, len(items) <= 1), each
        assert found["total"] == min(len(items), 1)
    assert len(await paged(api, total=(1, False), sort="name")) == 4


async def paged(api: AsyncClient, *, total: tuple[int, bool] = (4, True), **criteria: Any) -> list[Json]:
    """All pages of one customer each."""
    found: list[Json] = []
    after: Json = {}
    while True:
        page = await listed(api, limit=1, **criteria, **after)
        assert (page["total"], page["total_is_exact"]) == total
        found += page["items"]
        if page["next"] is None:
            return found
        after = {"after": page["next"]}


async def test_a_page_stays_where_it_was_when_customers_are_added(
    api: AsyncClient, desk: list[Json], add_customer: Any
) -> None:
    """F2: who is added before the place is not shown, and nobody is shown twice."""
    first = await listed(api, limit=2)
    await add_customer(name="Aaron")
    rest = await listed(api, limit=2, after=first["next"])
    assert [each["name"] for each in (*first["items"], *rest["items"])] == ["Árpád Tiles", "bright", "Ceri", "Dropped"]


@pytest.mark.parametrize(
    ("criteria", "field"),
    [
        ({"after": "nonsense"}, "after"),
        ({"after": "WzEsMiwzLDQsNV0"}, "after"),
        ({"sort": "notes"}, "sort"),
        ({"balance_from": "5", "balance_to": "4"}, "balance_to"),
        ({"created_from": "2025-02-01", "created_to": "2025-01-31"}, "created_to"),
        ({"created_from": "0001-01-01"}, "created_from"),
        ({"balance_from": "1e400"}, "balance_from"),
        ({"number": "abc"}, "number"),
        ({"name": "!!!"}, "name"),
        ({"status": "a\x00b"}, "status"),
        ({"name": "x" * 10_000}, "name"),
        ({"limit": "0"}, "limit"),
    ],
)
async def test_what_cannot_be_read_is_refused_by_name(api: AsyncClient, criteria: Json, field: str) -> None:
    """F2: errors say which criterion and why."""
    for path in ("/customers/search", "/customers/search.csv"):
        if path.endswith("csv") and field in ("after", "limit"):
            continue
        answer = await api.get(path, params=criteria)
        assert answer.status_code == 422, (path, answer.text)
        assert field in answer.json()["detail"]


async def test_a_place_belongs_to_its_search(api: AsyncClient, desk: list[Json]) -> None:
    """F2: a place of another search would leave customers out."""
    first = await listed(api, limit=2)
    answer = await api.get("/customers/search", params={"after": first["next"], "status": "active"})
    assert answer.status_code == 422
    assert "begin again" in answer.json()["detail"]


async def test_the_export_has_all_that_the_list_has(api: AsyncClient, desk: list[Json], add_customer: Any) -> None:
    """F2: export to CSV; what a spreadsheet would take for a formula is text."""
    await add_customer(name="=1+1", notes="x")
    answer = await api.get("/customers/search.csv", params={"sort": "name", "status": "active"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["name"] for row in rows] == ["'=1+1", "Árpád Tiles", "bright", "Ceri"]
    assert rows[1] | {"credit_limit": "500.00", "balance": "0.00", "has_email": "yes"} == rows[1]
    assert (rows[2]["credit_limit"], rows[2]["account_manager"]) == ("", "bob")


async def test_a_planned_change_of_status_shows_when_its_day_comes(
    api: AsyncClient, desk: list[Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    """C8, F1, F2: on the day itself, without anything being written on it."""
    today = clock.today()
    change = {"status": "active_do_not_bill", "effective_from": "2150-03-01"}
    path = f"/customers/{desk[2]['customer_id']}/status"
    assert (await api.post(path, json=change)).status_code == 200
    assert await names(api, status="active_do_not_bill") == []
    monkeypatch.setattr(clock, "now", lambda: datetime(2150, 3, 1, 9, tzinfo=UTC))
    assert clock.today() > today
    assert await names(api, status="active_do_not_bill") == ["Ceri"]
    found = (await api.get("/search", params={"q": "ceri"})).json()["customers"][0]
    assert found["status"] == "active_do_not_bill"
    assert await names(api, status="active") == ["Árpád Tiles", "bright"]
