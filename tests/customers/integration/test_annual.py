"""The report of annual increases due, and the switch of the module."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from customers.config import settings
from customers.domain.annual import due_from
from service_kit import clock

Json = dict[str, Any]
REPORT = "/reports/annual-increases"
FIELDS = {"annual_increase_profile", "annual_increase_date"}


@pytest.fixture
def module_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where FARTHING_ANNUAL_INCREASES is false."""
    monkeypatch.setenv("FARTHING_ANNUAL_INCREASES", "false")
    settings.cache_clear()
    yield
    monkeypatch.delenv("FARTHING_ANNUAL_INCREASES")
    settings.cache_clear()


async def due(api: AsyncClient, first: str, last: str, **more: Any) -> Json:
    answer = await api.get(REPORT, params={"from": first, "to": last, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_who_is_due_is_told_with_what_they_pay_a_month(api: AsyncClient, add_customer: Any) -> None:
    """C12"""
    clock.freeze(datetime(2025, 3, 10, 9, tzinfo=UTC))
    await api.put("/reference/account_managers/ann", json={"name": "Ann Ashdown"})
    dated = {"annual_increase_profile": "fixed_amount", "annual_increase_date": "2023-04-01"}
    one = await add_customer(account_manager="ann", company_name="=Brightwater", **dated)
    await add_customer(**{**dated, "annual_increase_date": "2023-05-01"})
    await add_customer(**{**dated, "annual_increase_date": "2026-04-01"})
    await add_customer(**{**dated, "annual_increase_profile": "none"})
    gone = await add_customer(**dated)
    await api.post(f"/customers/{gone['customer_id']}/drop", json={"drop_date": "2025-03-01"})
    line = {"kind": "recurring", "description": "Line", "amount": "10.00", "frequency_months": 3, "quantity": "2"}
    seat = {"kind": "recurring", "description": "Seat", "amount": "1.00", "frequency_months": 1}
    once = {"kind": "one_off", "description": "Visit", "amount": "99.00"}
    for start, end in (("2025-01-01", None), ("2025-01-01", "2025-03-09"), ("2025-03-11", None)):
        body = {"description": "Rental", "start": start, "end": end, "charges": [line, seat, once]}
        assert (await api.post(f"/customers/{one['customer_id']}/features", json=body)).status_code == 201
    expected = {
        "customer_id": one["customer_id"],
        "account_number": one["account_number"],
        "name": "Brightwater Tiles",
        "company_name": "=Brightwater",
        "account_manager": "ann",
        "profile": "fixed_amount",
        "reference_date": "2023-04-01",
        "due_on": "2025-04-01",
        "last_on": "2024-04-01",
        "recurring_monthly": "7.67",
    }
    assert await due(api, "2025-04-01", "2025-04-30") == {"items": [expected], "next": None}
    answer = await api.get(f"{REPORT}.csv", params={"from": "2025-04-01", "to": "2025-04-30"})
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row == {**expected, "customer_id": str(one["customer_id"]), "company_name": "'=Brightwater"}


async def test_pages_and_file_have_the_same_customers(api: AsyncClient, add_customer: Any) -> None:
    """C12: every day around a leap day, as the rule says, whatever Postgres thinks of years."""
    leap = date(2024, 2, 29)
    for days in range(-3, 4):
        await add_customer(annual_increase_profile="fixed_amount", annual_increase_date=f"{leap + timedelta(days)}")
    for first in (date(2025, 2, 28), date(2025, 3, 1), date(2028, 2, 29), date(2024, 2, 28), date(2020, 1, 1)):
        last = first + timedelta(364)
        wanted = [leap + timedelta(days) for days in range(-3, 4) if due_from(leap + timedelta(days), first) <= last]
        page, found = await due(api, str(first), str(last), limit=3), list[Json]()
        while True:
            found += page["items"]
            if page["next"] is None:
                break
            page = await due(api, str(first), str(last), limit=3, after=page["next"])
        assert [each["reference_date"] for each in found] == [str(day) for day in wanted]
        assert [each["due_on"] for each in found] == [str(due_from(day, first)) for day in wanted]
        file = await api.get(f"{REPORT}.csv", params={"from": str(first), "to": str(last)})
        assert len(file.text.splitlines()) == 1 + len(wanted)


@pytest.mark.parametrize(
    ("first", "last"),
    [("2025-04-02", "2025-04-01"), ("2025-04-01", "2026-04-01"), ("0001-01-01", "0001-01-31"), ("soon", "later")],
)
@pytest.mark.parametrize("path", [REPORT, f"{REPORT}.csv"])
async def test_an_odd_window_is_refused(api: AsyncClient, path: str, first: str, last: str) -> None:
    answer = await api.get(path, params={"from": first, "to": last})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] in {"from", "to"}


async def test_a_profile_tied_to_an_index_warns(api: AsyncClient, add_customer: Any) -> None:
    """C12"""
    customer = await add_customer(annual_increase_profile="cpi")
    assert "Ofcom" in customer["warnings"][0]["message"]
    changed = await api.put(
        f"/customers/{customer['customer_id']}",
        json={"annual_increase_profile": "fixed_amount"},
        headers={"If-Match": "*"},
    )
    assert "Ofcom" not in str(changed.json()["warnings"])


async def test_where_the_module_is_off_nothing_of_it_is_seen(
    api: AsyncClient, add_customer: Any, module_off: None
) -> None:
    """C12"""
    customer = await add_customer()
    read = (await api.get(f"/customers/{customer['customer_id']}")).json()
    assert not FIELDS & (customer.keys() | read.keys())
    for field, value in (("annual_increase_profile", "cpi"), ("annual_increase_date", "2025-04-01")):
        refused = await api.post("/customers", json={"name": "Fenwick Tiles", field: value})
        assert refused.status_code == 422
        (error,) = refused.json()["errors"]
        assert error["field"] == field
        assert "switched off" in error["message"]
    for path in (REPORT, f"{REPORT}.csv"):
        answer = await api.get(path, params={"from": "2025-04-01", "to": "2025-04-30"})
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:farthing:problem:module-off")
