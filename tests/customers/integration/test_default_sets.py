"""Default value sets over HTTP (SPEC C3)."""

from __future__ import annotations

import asyncio
from typing import Any

from httpx import AsyncClient

RESELLERS = {
    "name": "Resellers",
    "values": {
        "payment_method": "bank_transfer",
        "payment_terms": "last day",
        "billing_address": {"country": "ie"},
        "bill_lengths": {"email": "full"},
        "credit_limit": "5000.00",
        "class_markups": {"mobile": "12.5"},
        "discount_plans": [{"plan": "mobile-500", "start": "2025-04-01"}],
        "portal_access": {"reports": ["usage"], "bills": True},
        "annual_increase_date": "2026-04-01",
        "status": "active_do_not_bill",
    },
}


async def add(api: AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await api.post("/default-sets", json={**RESELLERS, **fields})
    assert answer.status_code == 201, answer.text
    assert (await api.get(answer.headers["Location"])).headers["ETag"] == answer.headers["ETag"] == '"1"'
    return dict(answer.json())


async def form(api: AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await api.get("/customers/new", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_without_a_set_the_form_starts_with_the_defaults_of_the_lists(api: AsyncClient) -> None:
    """C3, C4"""
    assert await form(api) == {
        "values": {
            "payment_method": "direct_debit",
            "vat_rate": "standard",
            "billing_cycle": "monthly",
            "bill_style": "farthing",
            "annual_increase_profile": "none",
            "status": "active",
        },
        "default_set": None,
        "warnings": [],
    }


async def test_the_default_set_fills_the_form_and_another_is_loaded_over_it(api: AsyncClient) -> None:
    """C3"""
    resellers = await add(api, is_default=True)
    started = await form(api)
    assert started["default_set"] == resellers["set_id"]
    assert started["values"]["payment_method"] == "bank_transfer"
    assert started["values"]["payment_terms"] == {"kind": "days_before_month_end", "value": -1}
    assert started["values"]["billing_cycle"] == "monthly"
    cards = await add(api, name="Cards", values={"payment_method": "card", "emails": "ann@fenwick.example"})
    typed = {**started["values"], "name": "Fenwick Tiles", "payment_method": "cheque"}
    loaded = (await api.post(f"/default-sets/{cards['set_id']}/apply", json=typed)).json()
    assert loaded["values"] == {**typed, "payment_method": "card", "emails": ["ann@fenwick.example"]}
    assert (await form(api, set=cards["set_id"]))["values"]["payment_method"] == "card"


async def test_a_customer_takes_the_values_of_the_set_it_names(api: AsyncClient, add_customer: Any) -> None:
    """C3: what is given comes first, then the set, then the defaults of the lists."""
    made = await add(api)
    customer = await add_customer(default_set=made["set_id"], payment_method="card", class_markups={})
    assert (customer["payment_method"], customer["billing_cycle"]) == ("card", "monthly")
    assert customer["credit_limit"] == "5000.00"
    assert (customer["status"], customer["billing_address"]["country"]) == ("active_do_not_bill", "IE")
    assert customer["rating"]["class_markups"] == {}
    assert customer["portal_access"] == {"reports": ["usage"], "bills": True, "payments": False}
    assert customer["discount_plans"][0]["plan"] == "mobile-500"
    given = await add_customer(name="Other", default_set=made["set_id"], status="active")
    assert given["status"] == "active"
    plain = await add_customer(name="Third")
    assert plain["payment_method"] == "direct_debit"


async def test_a_code_that_was_retired_since_is_left_out_and_warned_of(api: AsyncClient, add_customer: Any) -> None:
    """C3, C4"""
    made = await add(api, is_default=True)
    body = {"name": "Bank transfer", "retired": True, "payment_method": {"terms": {"kind": "days_after", "value": 30}}}
    await api.put("/reference/payment_methods/bank_transfer", json=body, headers={"If-Match": "*"})
    for answer in (await form(api), (await api.post(f"/default-sets/{made['set_id']}/apply", json={})).json()):
        assert answer["values"].get("payment_method") in ("direct_debit", None)
        assert [each["field"] for each in answer["warnings"]] == ["payment_method"]
    customer = await add_customer(default_set=made["set_id"])
    assert customer["payment_method"] == "direct_debit"
    assert "payment_method" in [each["field"] for each in customer["warnings"]]
    kept = await api.put(
        f"/default-sets/{made['set_id']}", json={**RESELLERS, "name": "Renamed"}, headers={"If-Match": '"1"'}
    )
    assert kept.status_code == 200
    assert (await api.post("/default-sets", json={**RESELLERS, "name": "New"})).status_code == 422


async def test_at_most_one_set_is_the_default(api: AsyncClient) -> None:
    """C3"""
    first = await add(api, is_default=True)
    names = [f"Set {place}" for place in range(4)]
    await asyncio.gather(*(add(api, name=name, is_default=True) for name in names))
    items = (await api.get("/default-sets")).json()["items"]
    assert sum(each["is_default"] for each in items) == 1
    assert not next(each for each in items if each["set_id"] == first["set_id"])["is_default"]


async def test_names_are_unique_in_any_case(api: AsyncClient) -> None:
    """C3"""
    first = await add(api)
    clash = await api.post("/default-sets", json={**RESELLERS, "name": "RESELLERS"})
    assert (clash.status_code, clash.json()["set_id"]) == (409, first["set_id"])
    assert (await api.post("/default-sets", json={**RESELLERS, "name": "Ωmega"})).status_code == 201
    other = (await api.post("/default-sets", json={**RESELLERS, "name": "Other"})).json()
    url = f"/default-sets/{other['set_id']}"
    assert (await api.put(url, json=RESELLERS, headers={"If-Match": "*"})).status_code == 409


async def test_a_set_is_changed_and_removed_by_who_saw_it_last(api: AsyncClient) -> None:
    """C20"""
    made = await add(api)
    url = f"/default-sets/{made['set_id']}"
    changed = {"name": "Resellers", "values": {"credit_limit": None}}
    assert (await api.put(url, json=changed)).status_code == 428
    assert (await api.put(url, json=changed, headers={"If-Match": '"2"'})).status_code == 412
    answer = await api.put(url, json=changed, headers={"If-Match": '"1"'})
    assert (answer.json()["version"], answer.json()["values"]) == (2, {"credit_limit": None})
    again = await api.put(url, json=changed, headers={"If-Match": '"2"'})
    assert (again.json()["version"], again.headers["ETag"]) == (2, '"2"')
    assert (await api.delete(url, headers={"If-Match": '"1"'})).status_code == 412
    assert (await api.delete(url, headers={"If-Match": '"2"'})).status_code == 204
    for answer in (await api.get(url), await api.delete(url), await api.post(f"{url}/apply", json={})):
        assert answer.status_code == 404


async def test_what_a_set_cannot_hold_is_said(api: AsyncClient) -> None:
    """C3"""
    for values, field in (
        ({"name": "x"}, "values.name"),
        ({"account_number": "x"}, "values.account_number"),
        ({"payment_method": "gold"}, "values.payment_method"),
        ({"emails": "x"}, "values.emails"),
        ({"billing_address": {"line1": "x"}}, "values.billing_address.line1"),
    ):
        answer = await api.post("/default-sets", json={"name": "Odd", "values": values})
        assert answer.status_code == 422, values
        assert answer.json()["errors"][0]["field"] == field
    for wrong in ("", " ", "\u200b", "a\nb", "x" * 101):
        assert (await api.post("/default-sets", json={"name": wrong, "values": {}})).status_code == 422
    unknown = await api.post("/customers", json={"name": "x", "default_set": 99})
    assert unknown.json()["errors"][0]["field"] == "default_set"
    assert (await api.get("/customers/new", params={"set": 99})).status_code == 404
