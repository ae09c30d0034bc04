"""Customers over HTTP and in the database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from httpx import AsyncClient

from service_kit import clock

BESIDE = {"notes", "created_at", "warnings"}
"""What is answered about a customer beside its state."""


async def test_only_a_name_is_needed_and_the_rest_takes_defaults(add_customer: Any) -> None:
    """C1"""
    customer = await add_customer(name="Fenwick Tiles")
    assert customer["version"] == 1
    assert (customer["vat_rate"], customer["billing_cycle"]) == ("standard", "monthly")
    assert (customer["status"], customer["missing"]) == ("active", ["billing address"])


async def test_everything_that_was_given_is_read_again(api: AsyncClient, add_customer: Any) -> None:
    """C1, C6, C10, I5"""
    given: dict[str, Any] = {
        "account_number": "ab 12/3",
        "company_name": "Fenwick Tiles Limited",
        "billing_address": {"lines": ["1 Mill Lane", "Exampleton"], "postcode": "ZZ99 9ZZ", "country": "GB"},
        "contact_numbers": ["+442079460123"],
        "payment_method": "cheque",
        "payment_terms": {"kind": "day_of_month", "value": 31},
        "vat_rate": "reduced",
        "vat_number": "GB 999 9999 73",
        "billing_cycle": "quarterly",
        "anchor_month": 2,
        "bill_lengths": {"email": "short", "portal": "long", "print": "full"},
        "low_invoice": {"policy": "low_usage_charge", "threshold": "5.00", "charge": "2.50"},
        "credit_limit": "250.00",
        "notes": "rings at noon",
    }
    made = await add_customer(**given, emails="a@fenwick.example, b@fenwick.example", tariff="uk-home")
    read = (await api.get(f"/customers/{made['customer_id']}")).json()
    assert read == made
    assert {name: read[name] for name in given} == given
    assert read["emails"] == ["a@fenwick.example", "b@fenwick.example"]
    assert (read["rating"]["tariff"], read["missing"]) == ("uk-home", [])


async def test_account_numbers_are_made_and_never_twice(api: AsyncClient, add_customer: Any) -> None:
    """C2: also where one was given by hand that the system would have made."""
    first = await add_customer()
    assert first["account_number"] == "F000001"
    await add_customer(account_number="f000002")
    assert (await add_customer())["account_number"] == "F000003"


async def test_a_taken_account_number_names_its_holder(api: AsyncClient, add_customer: Any) -> None:
    """C2: unique, case-insensitively."""
    holder = await add_customer(name="Fenwick Tiles", account_number="Acme-1")
    answer = await api.post("/customers", json={"name": "Other", "account_number": "ACME-1"})
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("account-number-taken")
    assert answer.json()["customer_id"] == holder["customer_id"]
    assert "Fenwick Tiles" in answer.json()["detail"]
    other = await add_customer(name="Other")
    url = f"/customers/{other['customer_id']}"
    answer = await api.put(url, json={"account_number": "acme-1"}, headers={"If-Match": "*"})
    assert answer.status_code == 409


async def test_customers_added_at_the_same_time_all_get_their_own_number(add_customer: Any) -> None:
    """C2"""
    made = await asyncio.gather(*(add_customer() for _ in range(12)))
    assert len({each["account_number"] for each in made}) == 12


async def test_what_is_wrong_is_said_field_by_field(api: AsyncClient) -> None:
    body = {"name": "", "emails": ["nobody"], "payment_terms": {"kind": "day_of_month", "value": 40}, "colour": "red"}
    answer = await api.post("/customers", json=body)
    assert answer.status_code == 422
    fields = {error["field"] for error in answer.json()["errors"]}
    assert fields == {"name", "emails", "payment_terms", "colour"}


async def test_texts_that_no_database_can_keep_are_refused(api: AsyncClient) -> None:
    answer = await api.post("/customers", json={"name": "Fenwick", "class_tariffs": {"Mo\0bile": "x"}})
    assert answer.status_code == 422
    answer = await api.post("/customers", json={"name": "Fenwick", "credit_limit": f"{'9' * 40}.00"})
    assert answer.status_code == 422
    assert (await api.get("/customers", params={"account_number": "\0"})).status_code == 422


async def test_an_unknown_code_lists_those_that_are_known(api: AsyncClient) -> None:
    answer = await api.post("/customers", json={"name": "Fenwick Tiles", "billing_cycle": "weekly"})
    assert answer.status_code == 422
    assert "manual, monthly, quarterly" in answer.json()["detail"]
    assert answer.json()["errors"][0]["field"] == "billing_cycle"


async def test_each_change_is_one_version_and_one_event(api: AsyncClient, add_customer: Any, outbox: Any) -> None:
    made = await add_customer()
    url = f"/customers/{made['customer_id']}"
    for version, change in ((1, {"name": "New"}), (2, {"tariff": "uk-home"}), (3, {"account_number": "Z9"})):
        answer = await api.put(url, json=change, headers={"If-Match": f'"{version}"'})
        assert (answer.status_code, answer.headers["ETag"]) == (200, f'"{version + 1}"')
    rows = await outbox("customer.created", "customer.updated")
    assert [row["payload"]["version"] for row in rows] == [1, 2, 3, 4]
    assert {(row["aggregateid"], row["partition_key"]) for row in rows} == {
        (f"{made['customer_id']}/customer/{made['customer_id']}", str(made["customer_id"]))
    }
    assert rows[-1]["payload"] == {name: value for name, value in answer.json().items() if name not in BESIDE}


async def test_a_change_that_changes_nothing_is_no_version_and_no_event(
    api: AsyncClient, add_customer: Any, outbox: Any
) -> None:
    made = await add_customer(name="Fenwick Tiles", tariff="uk-home")
    body = {"name": "Fenwick Tiles", "tariff": "uk-home"}
    answer = await api.put(f"/customers/{made['customer_id']}", json=body, headers={"If-Match": '"1"'})
    assert answer.json()["version"] == 1
    assert await outbox("customer.updated") == []


async def test_the_second_of_two_edits_is_refused(api: AsyncClient, add_customer: Any) -> None:
    """C20: someone else changed this, reload."""
    made = await add_customer()
    url, seen = f"/customers/{made['customer_id']}", {"If-Match": '"1"'}
    answers = await asyncio.gather(*(api.put(url, json={"name": name}, headers=seen) for name in ("One", "Two")))
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    refused = next(answer for answer in answers if answer.status_code == 412)
    assert "someone else changed" in refused.json()["detail"]
    assert (await api.get(url)).json()["version"] == 2


async def test_an_edit_must_say_which_version_it_saw(api: AsyncClient, add_customer: Any) -> None:
    """C20"""
    made = await add_customer()
    url = f"/customers/{made['customer_id']}"
    assert (await api.put(url, json={"name": "New"})).status_code == 428
    assert (await api.put(url, json={"name": "New"}, headers={"If-Match": "yesterday"})).status_code == 422
    assert (await api.put(url, json={"name": "New"}, headers={"If-Match": "*"})).status_code == 200


async def test_null_takes_a_detail_away_and_it_is_missing(api: AsyncClient, add_customer: Any) -> None:
    """C1"""
    made = await add_customer()
    url = f"/customers/{made['customer_id']}"
    changed = await api.put(url, json={"payment_method": None}, headers={"If-Match": "*"})
    assert changed.json()["missing"] == ["billing address", "payment method"]


async def test_the_status_on_any_day_can_be_asked(api: AsyncClient, add_customer: Any, outbox: Any) -> None:
    """C8"""
    made = await add_customer(status_from="2025-01-01")
    url = f"/customers/{made['customer_id']}/status"
    change = {"status": "active_do_not_bill", "effective_from": "2025-02-10", "reason": "ceased_trading"}
    answer = await api.post(url, json=change)
    assert (answer.status_code, answer.json()["version"], answer.json()["status"]) == (200, 2, "active_do_not_bill")
    found = {day: (await api.get(url, params={"on": day})).json() for day in ("2024-12-31", "2025-02-09", "2025-02-10")}
    assert [each["status"] for each in found.values()] == [None, "active", "active_do_not_bill"]
    assert not found["2025-02-10"]["flags"]["billed_in_runs"]
    assert found["2025-02-10"]["reason"] == "ceased_trading"
    [row] = await outbox("customer.status_changed")
    assert [each["status"] for each in row["payload"]["status_history"]] == ["active", "active_do_not_bill"]
    again = await api.post(url, json=change)
    assert again.json()["version"] == 2
    assert len(await outbox("customer.status_changed")) == 1


async def test_a_status_from_a_day_ahead_holds_on_that_day(api: AsyncClient, add_customer: Any) -> None:
    """C8: dates are local dates of the business clock."""
    clock.freeze(datetime(2025, 6, 30, 22, 59, tzinfo=UTC))
    made = await add_customer()
    url = f"/customers/{made['customer_id']}"
    await api.post(f"{url}/status", json={"status": "active_do_not_bill", "effective_from": "2025-07-01"})
    assert (await api.get(url)).json()["status"] == "active"
    clock.freeze(datetime(2025, 6, 30, 23, 1, tzinfo=UTC))  # 1 July in London
    assert (await api.get(url)).json()["status"] == "active_do_not_bill"


async def test_an_unknown_status_is_refused(api: AsyncClient, add_customer: Any) -> None:
    made = await add_customer()
    answer = await api.post(f"/customers/{made['customer_id']}/status", json={"status": "asleep"})
    assert answer.status_code == 422
    assert "active, active_do_not_bill, dropped, final_bill" in answer.json()["detail"]


async def test_customers_come_in_pages(api: AsyncClient, add_customer: Any) -> None:
    made = [(await add_customer())["customer_id"] for _ in range(5)]
    seen, after = [], 0
    while after is not None:
        page = (await api.get("/customers", params={"limit": 2, "after": after})).json()
        seen += [customer["customer_id"] for customer in page["items"]]
        after = page["next"]
    assert seen == made


async def test_a_customer_is_found_by_its_account_number_in_any_case(api: AsyncClient, add_customer: Any) -> None:
    made = await add_customer(account_number="Acme-1")
    await add_customer()
    found = (await api.get("/customers", params={"account_number": " aCME-1"})).json()["items"]
    assert [customer["customer_id"] for customer in found] == [made["customer_id"]]


async def test_there_is_no_such_customer(api: AsyncClient) -> None:
    for path in ("", "/status", "/numbers", "/features", "/audit"):
        answer = await api.get(f"/customers/999{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_who_changed_what_is_kept(api: AsyncClient, add_customer: Any) -> None:
    """C19: who, when, field, old, new."""
    made = await add_customer(name="Old")
    url = f"/customers/{made['customer_id']}"
    await api.put(url, json={"name": "New", "credit_limit": "10.00"}, headers={"If-Match": "*"})
    items = (await api.get(f"{url}/audit")).json()["items"]
    kept = {item["field"]: (item["actor"], item["old"], item["new"]) for item in items}
    assert kept["name"] == ("ann", "Old", "New")
    assert kept["credit_limit"] == ("ann", None, "10.00")
    assert set(kept) == {"created", "name", "credit_limit"}


async def test_a_refused_change_leaves_no_event_and_no_trace(api: AsyncClient, add_customer: Any, outbox: Any) -> None:
    await add_customer(account_number="Acme-1")
    made = await add_customer()
    url = f"/customers/{made['customer_id']}"
    before = len(await outbox())
    body = {"name": "New", "account_number": "Acme-1"}
    assert (await api.put(url, json=body, headers={"If-Match": "*"})).status_code == 409
    assert len(await outbox()) == before
    assert (await api.get(url)).json() == made
    assert len((await api.get(f"{url}/audit")).json()["items"]) == 1


async def test_nothing_is_told_to_who_has_no_token(api: AsyncClient) -> None:
    answer = await api.get("/customers", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
