"""Editing reference lists over HTTP: pages, uses, retiring, order (SPEC C4, C20)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient

METHODS = "/reference/payment_methods"


async def codes(api: AsyncClient, **query: Any) -> list[str]:
    answer = await api.get(METHODS, params=query)
    assert answer.status_code == 200, answer.text
    return [item["code"] for item in answer.json()["items"]]


async def test_a_list_comes_in_pages_and_parts(api: AsyncClient) -> None:
    """C4"""
    assert await codes(api) == ["bank_transfer", "card", "cheque", "direct_debit"]
    page = (await api.get(METHODS, params={"limit": 3})).json()
    assert (len(page["items"]), page["next"]) == (3, "cheque")
    assert await codes(api, limit=3, after="cheque") == ["direct_debit"]
    assert await codes(api, q="DEBIT") == ["direct_debit"]
    assert await codes(api, q="bank T") == ["bank_transfer"]
    await api.delete(f"{METHODS}/cheque")
    assert await codes(api, retired=True) == ["cheque"]
    assert await codes(api, retired=False) == ["bank_transfer", "card", "direct_debit"]
    assert "cheque" in await codes(api)


async def test_an_entry_in_use_is_retired_and_can_be_restored(api: AsyncClient, add_customer: Any, outbox: Any) -> None:
    """C4: who has it keeps it, and the other services are told."""
    customer = await add_customer(payment_method="cheque")
    before = (await api.get(f"{METHODS}/cheque")).json()
    assert before["uses"] == {
        "customers": 1, "numbers": 0, "features": 0, "charges": 0, "default_sets": 0, "entries": 0
    }  # fmt: skip
    retired = await api.delete(f"{METHODS}/cheque", headers={"If-Match": '"1"'})
    assert (retired.status_code, retired.headers["ETag"]) == (200, '"2"')
    assert (retired.json()["retired"], retired.json()["uses"]["customers"]) == (True, 1)
    assert (await outbox("reference.updated"))[-1]["payload"]["retired"] is True
    assert (await api.delete(f"{METHODS}/cheque")).json()["version"] == 2
    assert (await api.post("/customers", json={"name": "x", "payment_method": "cheque"})).status_code == 422
    url = f"/customers/{customer['customer_id']}"
    kept = await api.put(url, json={"notes": "rang"}, headers={"If-Match": '"1"'})
    assert (kept.status_code, kept.json()["payment_method"]) == (200, "cheque")
    restored = await api.post(f"{METHODS}/cheque/restore")
    assert (restored.json()["retired"], restored.json()["version"]) == (False, 3)
    await add_customer(name="Other", payment_method="cheque")


async def test_each_kind_of_use_is_counted(api: AsyncClient, add_customer: Any) -> None:
    """C4: what is used now; what has ended is not."""
    customer = await add_customer(vat_rate="reduced", annual_increase_profile="cpi", status="active_do_not_bill")
    path = f"/customers/{customer['customer_id']}"
    charge = {"kind": "one_off", "description": "x", "amount": "1.00", "vat_rate": "reduced"}
    line = {"number": "020 7946 0123", "call_plan": "business", "number_type": "sip", "start": "2025-01-01"}
    await api.post(f"{path}/numbers", json={**line, "charges": [charge]})
    await api.post(f"{path}/numbers", json={**line, "number": "020 7946 0124", "end": "2025-01-31"})
    await api.post(f"{path}/features", json={"code": "broadband", "start": "2025-01-01"})
    await api.post(f"{path}/status", json={"status": "active", "effective_from": "2199-01-01", "reason": "other"})
    await api.post("/default-sets", json={"name": "x", "values": {"vat_rate": "reduced"}})
    wanted = {
        "vat_rates/reduced": {"customers": 1, "charges": 1, "default_sets": 1},
        "annual_increase_profiles/cpi": {"customers": 1},
        "statuses/active_do_not_bill": {"customers": 1},
        "statuses/final_bill": {},
        "statuses/dropped": {"entries": 1},
        "status_reasons/other": {"customers": 1},
        "number_types/sip": {"numbers": 1},
        "call_plans/business": {"numbers": 1},
        "standard_features/broadband": {"features": 1},
        "standard_features/line_rental": {},
    }
    for path, uses in wanted.items():
        found = (await api.get(f"/reference/{path}")).json()["uses"]
        assert {kind: count for kind, count in found.items() if count} == uses, path


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("payment_methods/direct_debit", "another the default"),
        ("statuses/active", "another the default"),
        ("statuses/final_bill", "only status that is final_bill"),
        ("statuses/dropped", "only status that is dropped"),
        ("number_types/geographic", "another the default"),
    ],
)
async def test_what_customers_cannot_do_without_is_not_retired(api: AsyncClient, path: str, words: str) -> None:
    """C4, C8"""
    refused = await api.delete(f"/reference/{path}")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:farthing:problem:entry-needed")
    assert words in refused.json()["detail"]
    assert (await api.delete("/reference/payment_methods/gold")).status_code == 404
    assert (await api.delete("/reference/colours/red")).status_code == 404


@pytest.mark.parametrize("flag", ["final_bill", "dropped"])
async def test_a_status_that_customers_have_turns_into_no_end_of_theirs(api: AsyncClient, flag: str) -> None:
    """C8, C14, C15: nobody is on Final Bill or dropped without the action, which ends what there is."""
    turned = {"accumulates_charges": False, "billed_in_runs": False, "final_bill": False, "dropped": False, flag: True}
    plain = {**turned, flag: False}
    own = {"name": "Own", "status": plain}
    await api.put("/reference/statuses/own", json=own, headers={"If-Match": "*"})
    made = (await api.post("/customers", json={"name": "Marsh Example Ltd"})).json()
    later = {"status": "own", "effective_from": "2199-01-01"}
    assert (await api.post(f"/customers/{made['customer_id']}/status", json=later)).is_success
    refused = await api.put("/reference/statuses/own", json={**own, "status": turned}, headers={"If-Match": "*"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:farthing:problem:status-in-use")
    assert f"status.{flag}" in refused.json()["detail"]
    another = await api.put(
        "/reference/statuses/another", json={"name": "A", "status": turned}, headers={"If-Match": "*"}
    )
    assert another.status_code in (200, 201)
    kept = {"name": "Renamed", "status": {**plain, "accumulates_charges": True}}
    assert (await api.put("/reference/statuses/own", json=kept, headers={"If-Match": "*"})).status_code == 200


async def test_a_status_of_an_action_stays_one_while_a_customer_has_it(api: AsyncClient) -> None:
    """C8, C14"""
    flags = {"accumulates_charges": True, "billed_in_runs": True}
    leaving = {"name": "Leaving", "status": {**flags, "final_bill": True}}
    await api.put("/reference/statuses/leaving", json=leaving, headers={"If-Match": "*"})
    made = (await api.post("/customers", json={"name": "Marsh Example Ltd"})).json()
    order = {"final_bill_date": "2199-01-31", "status": "leaving"}
    assert (await api.post(f"/customers/{made['customer_id']}/final-bill", json=order)).is_success
    plain = {**leaving, "status": {**flags, "final_bill": False}}
    refused = await api.put("/reference/statuses/leaving", json=plain, headers={"If-Match": "*"})
    assert refused.json()["type"] == "urn:farthing:problem:status-in-use"


async def test_a_default_is_retired_when_another_took_its_place(api: AsyncClient) -> None:
    """C4"""
    put = await api.put(f"{METHODS}/card", json={"name": "Card", "is_default": True}, headers={"If-Match": '"1"'})
    assert put.json()["payment_method"]["terms"] == {"kind": "days_after", "value": 14}
    assert (await api.delete(f"{METHODS}/direct_debit")).json()["retired"] is True


async def test_another_name_changes_nothing_else_and_needs_the_version_seen(api: AsyncClient) -> None:
    """C4, C20"""
    body = {"name": "Direct Debit (Bacs)"}
    without = await api.put(f"{METHODS}/direct_debit", json=body)
    assert (without.status_code, without.json()["type"]) == (428, "urn:farthing:problem:precondition-required")
    tag = (await api.get(f"{METHODS}/direct_debit")).headers["ETag"]
    renamed = (await api.put(f"{METHODS}/direct_debit", json=body, headers={"If-Match": tag})).json()
    assert (renamed["name"], renamed["is_default"], renamed["version"]) == ("Direct Debit (Bacs)", True, 2)
    assert renamed["payment_method"]["terms"]["value"] == 14


async def test_a_list_takes_another_order(api: AsyncClient) -> None:
    """C4"""
    answer = await api.post(f"{METHODS}/order", json={"codes": ["direct_debit", "card"]})
    assert answer.status_code == 200, answer.text
    assert await codes(api) == ["direct_debit", "card", "bank_transfer", "cheque"]
    again = await api.post(f"{METHODS}/order", json={"codes": ["direct_debit", "card"]})
    assert [item["version"] for item in again.json()["items"]] == [2, 2, 2, 2]
    await api.put(f"{METHODS}/cheque", json={"name": "Cheque", "position": 0}, headers={"If-Match": "*"})
    assert (await codes(api))[0] == "cheque"
    for wrong in ('["gold"]', '["card", "card"]', r'["\ud800"]', '"card"', "[1]"):
        content = f'{{"codes": {wrong}}}'
        json_type = {"Content-Type": "application/json"}
        assert (await api.post(f"{METHODS}/order", content=content, headers=json_type)).status_code == 422


async def test_edits_that_meet_leave_one_default(api: AsyncClient) -> None:
    """C4, C20"""
    names = [f"method_{place}" for place in range(5)]
    body = {"name": "x", "is_default": True, "payment_method": {"terms": {"kind": "days_after", "value": 1}}}
    answers = await asyncio.gather(*(api.put(f"{METHODS}/{name}", json=body) for name in names))
    assert {answer.status_code for answer in answers} == {200}
    items = (await api.get(METHODS)).json()["items"]
    assert sum(item["is_default"] for item in items) == 1
    reasons = "/reference/status_reasons/other"
    edits = [api.put(reasons, json={"name": name}, headers={"If-Match": '"1"'}) for name in names]
    assert sorted(answer.status_code for answer in await asyncio.gather(*edits)) == [200, 412, 412, 412, 412]


async def test_a_misspelt_part_of_an_entry_is_not_lost_in_silence(api: AsyncClient) -> None:
    """C4"""
    terms = {"kind": "days_after", "value": 1, "days": 3}
    answer = await api.put(f"{METHODS}/new", json={"name": "New", "payment_method": {"terms": terms}})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "payment_method.terms.days"
