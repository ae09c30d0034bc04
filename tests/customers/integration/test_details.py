"""Every detail of a customer over HTTP: kept as it was meant, refused with words, or taken with a warning (SPEC C1)."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import AsyncClient

Json = dict[str, Any]
ANY = {"If-Match": "*"}
SCRIPTS = (
    "Fenwick & Söhne <b>Ltd</b>", "Ελληνικά Κεραμικά", "שלום", "شركة الاتصالات", "हिन्दी", "日本語株式会社", "한국어",
    "👩\u200d👩\u200d👧 & Co", "a\u0301\u0302\u0303\u0304", "\u202eabc\u202c",
    "'; DROP TABLE customer; --", "=1+1", "%s{{7*7}}",
    "x" * 200,
)  # fmt: skip


async def test_typed_values_are_kept_as_they_were_meant(api: AsyncClient, add_customer: Any, outbox: Any) -> None:
    """C1, C6, C11: and told to the other services as they are kept."""
    made = await add_customer(
        emails="Ann <ann@fenwick.example>; bob@fenwick.example",
        contact_numbers="020 7946 0123 x4, 07700 900123",
        vat_number="gb999999973",
        billing_address={"lines": "1 Mill Lane\nTestford", "postcode": "sw1a1aa", "country": "uk"},
        payment_terms="last day",
        portal_access={"reports": ["Usage", "spend"], "bills": True},
        discount_plans=[{"plan": "mobile-500", "start": "2025-04-01", "quantity": 2}],
        annual_increase_profile="fixed_amount",
        annual_increase_date="2026-04-01",
    )
    kept = {
        "emails": ["ann@fenwick.example", "bob@fenwick.example"],
        "contact_numbers": ["+442079460123 ext. 4", "+447700900123"],
        "vat_number": "GB 999 9999 73",
        "billing_address": {"lines": ["1 Mill Lane", "Testford"], "postcode": "SW1A 1AA", "country": "GB"},
        "payment_terms": {"kind": "days_before_month_end", "value": -1},
        "portal_access": {"reports": ["usage", "spend"], "bills": True, "payments": False},
        "discount_plans": [{"plan": "mobile-500", "start": "2025-04-01", "end": None, "quantity": 2}],
        "annual_increase_profile": "fixed_amount",
        "annual_increase_date": "2026-04-01",
    }
    read = (await api.get(f"/customers/{made['customer_id']}")).json()
    told = (await outbox("customer.created"))[0]["payload"]
    for state in (made, read, told):
        assert {name: state[name] for name in kept} == kept
    assert (read["missing"], read["warnings"]) == ([], [])
    assert read["created_at"].endswith("Z")
    same = await api.put(f"/customers/{made['customer_id']}", json=kept, headers=ANY)
    assert same.json()["version"] == 1, "what was read can be sent back, and changes nothing"


@pytest.mark.parametrize("text", SCRIPTS)
async def test_every_script_and_mark_up_comes_back_letter_by_letter(api: AsyncClient, text: str) -> None:
    """C1"""
    body = {
        "name": text,
        "company_name": text,
        "notes": f"{text}\n" * 50,
        "billing_address": {"lines": [text[:100]]},
        "class_tariffs": {text[:60]: text[:60]},
    }
    made = await api.post("/customers", json=body)
    assert made.status_code == 201, made.text
    read = (await api.get(f"/customers/{made.json()['customer_id']}")).json()
    assert (read["name"], read["company_name"], read["notes"]) == (text, text, body["notes"].strip())
    assert read["billing_address"]["lines"] == [text[:100]]
    assert read["rating"]["class_tariffs"] == {text[:60]: text[:60]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x" * 10_000}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "\u200b"}, "name"),
        ({"name": 7}, "name"),
        ({"company_name": "a\u0007b"}, "company_name"),
        ({"notes": "x" * 20_001}, "notes"),
        ({"emails": "ann"}, "emails"),
        ({"emails": ["ann@fenwick.example", "x" * 10_000]}, "emails"),
        ({"emails": [f"a{place}@fenwick.example" for place in range(51)]}, "emails"),
        ({"emails": {"a": "b"}}, "emails"),
        ({"contact_numbers": "Ann"}, "contact_numbers"),
        ({"vat_number": "GB 999 9999 74"}, "vat_number"),
        ({"billing_address": {"country": "ZZ"}}, "billing_address.country"),
        ({"billing_address": {"lines": ["x" * 101]}}, "billing_address"),
        ({"billing_address": {"post_code": "SW1A 1AA"}}, "billing_address.post_code"),
        ({"payment_terms": "30"}, "payment_terms"),
        ({"payment_terms": {"kind": "days_after", "value": 10**30}}, "payment_terms"),
        ({"credit_limit": "-1.00"}, "credit_limit"),
        ({"credit_limit": "1e400"}, "credit_limit"),
        ({"credit_limit": 5}, "credit_limit"),
        ({"low_invoice": {"policy": "never"}}, "low_invoice.policy"),
        ({"portal_access": {"reports": ["two words"]}}, "portal_access"),
        ({"annual_increase_date": "1989-12-31"}, "annual_increase_date"),
        ({"annual_increase_date": "10000-01-01"}, "annual_increase_date"),
        ({"annual_increase_profile": "gold"}, "annual_increase_profile"),
        ({"discount_plans": [{"plan": "a", "start": "2025-01-01"}] * 2}, "discount_plans"),
        ({"discount_plans": [{"plan": "a", "start": "2025-01-02", "end": "2025-01-01"}]}, "discount_plans.0.end"),
        ({"discount_plans": [{"plan": "a", "start": "2025-01-01", "quantity": 0}]}, "discount_plans.0.quantity"),
        ({"discount_plans": [{"plan": "a", "start": "2025-01-01"}] * 101}, "discount_plans"),
        ({"anchor_month": 10**30}, "anchor_month"),
        ({"default_set": 2**63}, "default_set"),
        ({"nickname": "x"}, "nickname"),
    ],
)
async def test_what_cannot_be_kept_is_refused_by_field_and_nothing_is_stored(
    api: AsyncClient, body: Json, field: str
) -> None:
    """C1, C6, R7: what, why, and what to do."""
    answer = await api.post("/customers", json={"name": "Fenwick", **body})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert len(answer.content) < 3_000
    assert (await api.get("/customers")).json()["items"] == []


async def test_half_a_character_is_refused_wherever_it_stands(api: AsyncClient) -> None:
    """C1: JSON can write what no text is."""
    half, headers = r'"\ud800"', {"Content-Type": "application/json"}
    for body in (
        f'{{"name": {half}}}',
        f'{{"name": "x", "notes": {half}}}',
        f'{{"name": "x", "emails": [{half}]}}',
        f'{{"name": "x", "contact_numbers": {half}}}',
        f'{{"name": "x", "vat_number": {half}}}',
        f'{{"name": "x", "billing_address": {{"lines": [{half}]}}}}',
        f'{{"name": "x", "class_tariffs": {{{half}: "x"}}}}',
        f'{{"name": "x", {half}: 1}}',
        f'{{"name": "x", "billing_address": {{{half}: 1}}}}',
        f'{{"name": "x", "payment_terms": {half}}}',
        f'{{"name": "x", "portal_access": {{"reports": [{half}]}}}}',
    ):
        answer = await api.post("/customers", content=body, headers=headers)
        assert answer.status_code == 422, body


async def test_a_value_that_is_odd_is_taken_and_warned_of(api: AsyncClient, add_customer: Any) -> None:
    """C1"""
    made = await add_customer(
        vat_number="US 12-3456789",
        billing_address={"lines": ["1 Mill Lane"], "postcode": "12345"},
        low_invoice={"policy": "create", "charge": "1.00"},
    )
    assert made["vat_number"] == "US123456789"
    fields = [each["field"] for each in made["warnings"]]
    assert fields == ["billing_address.postcode", "vat_number", "vat_number", "low_invoice.charge"]
    assert (await api.get(f"/customers/{made['customer_id']}")).json()["warnings"] == made["warnings"]
