"""Call plans on a date, features and charges, by the API, with what is told of it."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import AsyncClient
from tests.customers.integration.test_numbers import add

Json = dict[str, Any]
VOICEMAIL = {"kind": "recurring", "description": "Voicemail", "amount": "1.50", "frequency_months": 1}
ANY = {"If-Match": "*"}
CARE = {"description": "Care", "start": "2025-01-01"}


@pytest.fixture
async def number(api: AsyncClient, add_customer: Any) -> Json:
    """A number since New Year with a monthly charge."""
    return await add(api, await add_customer(), charges=[VOICEMAIL])


async def feature(api: AsyncClient, number: Json, **more: Any) -> Json:
    url = f"/customers/{number['number']['customer_id']}/features"
    answer = await api.post(url, json={**CARE, **more})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/features/{answer.json()['feature_id']}"
    return dict(answer.json())


async def test_another_call_plan_begins_on_a_date_and_its_history_is_shown(
    api: AsyncClient, number: Json, outbox: Any
) -> None:
    """C9: active periods with no gap, one assignment each."""
    plan = {"name": "Plus", "call_plan": {"charge": {"amount": "9.50"}}}
    assert (await api.put("/reference/call_plans/plus", json=plan, headers=ANY)).status_code == 200
    url = f"/numbers/{number['number']['number_id']}/call-plans"
    before = len(await outbox())
    made = await api.post(url, json={"call_plan": "plus", "start": "2025-04-01", "charge": {"amount": "7.25"}})
    assert made.status_code == 201, made.text
    history = (await api.get(url)).json()["items"]
    days = [
        (each["assignment"]["call_plan"], each["assignment"]["start"], each["call_plan"]["end"]) for each in history
    ]
    assert days == [("standard", "2025-01-01", "2025-03-31"), ("plus", "2025-04-01", None)]
    assert made.json()["call_plans"] == history
    assert history[1]["call_plan"]["charges"][0]["amount"] == "7.25"
    assert [row["type"] for row in (await outbox())[before:]] == [
        *("feature.updated", "assignment.updated", "feature.created", "assignment.created")
    ]
    again = await api.post(url, json={"call_plan": "plus", "start": "2025-04-01"})
    assert again.json() == made.json()
    assert (await api.get(url, params={"limit": 1})).json()["next"] == 1
    assert (await api.get(url, params={"limit": 1, "after": 1})).json()["items"] == history[1:]


async def test_a_number_that_is_not_active_for_a_while_may_be_somebody_elses_then(
    api: AsyncClient, number: Json, add_customer: Any
) -> None:
    """C9, R3: a period with an end leaves a gap; a plan that would reach into another's days is refused."""
    plan_id, number_id = number["call_plan"]["feature_id"], number["number"]["number_id"]
    ended = await api.post(f"/features/{plan_id}/end", json={"on": "2025-02-28"})
    assert ended.json()["end"] == "2025-02-28"
    other = await add_customer(name="Fenwick Tiles")
    await add(api, other, start="2025-03-01", end="2025-05-31")
    url = f"/numbers/{number_id}/call-plans"
    early = await api.post(url, json={"call_plan": "standard", "start": "2025-05-31"})
    assert (early.status_code, early.json()["customer_id"]) == (409, other["customer_id"])
    opened = await api.put(f"/features/{plan_id}", json={"end": None}, headers=ANY)
    assert (opened.status_code, opened.json()["customer_id"]) == (409, other["customer_id"])
    made = await api.post(url, json={"call_plan": "standard", "start": "2025-06-01"})
    assert [each["assignment"]["end"] for each in made.json()["call_plans"]] == ["2025-02-28", None]
    assert made.json()["number"]["end"] is None
    assert len((await api.get("/numbers", params={"active_on": "2025-04-01"})).json()["items"]) == 1


async def test_a_feature_is_changed_linked_ended_and_opened_again(api: AsyncClient, number: Json, outbox: Any) -> None:
    """C9, C20"""
    made = await feature(api, number, charges=[VOICEMAIL])
    url = f"/features/{made['feature_id']}"
    got = await api.get(url)
    assert (got.json(), got.headers["ETag"]) == (made, '"1"')
    number_id = number["number"]["number_id"]
    plans = [{"plan": "seats", "start": "2025-04-01", "end": None, "quantity": 12}]
    change = {"description": "Gold care", "number_id": number_id, "discount_plans": plans}
    changed = await api.put(url, json=change, headers={"If-Match": '"1"'})
    assert changed.json() == {**made, **change, "version": 2}
    assert (await outbox("feature.updated"))[-1]["payload"] == changed.json()
    assert (await api.get(f"/numbers/{number_id}")).json()["features"] == [changed.json()]
    assert (await api.put(url, json={"description": "x"}, headers={"If-Match": '"1"'})).status_code == 412
    ended = (await api.post(f"{url}/end", json={"on": "2025-03-31"})).json()
    assert (ended["end"], ended["charges"][0]["end"]) == ("2025-03-31", "2025-03-31")
    opened = (await api.put(url, json={"end": None, "number_id": None, "discount_plans": []}, headers=ANY)).json()
    assert (opened["end"], opened["charges"], opened["number_id"]) == (None, made["charges"], None)
    assert (await api.delete(url)).status_code == 204
    assert (await api.get(url)).status_code == 404
    assert (await outbox("feature.removed"))[-1]["payload"] == {**opened, "version": opened["version"] + 1}


async def test_what_is_wrong_with_a_feature_is_said(api: AsyncClient, number: Json, add_customer: Any) -> None:
    made = await feature(api, number)
    other = await add(api, await add_customer(), number="020 7946 0124")
    plan = f"/features/{number['call_plan']['feature_id']}"
    for url, body, field in (
        (f"/features/{made['feature_id']}", {"number_id": other["number"]["number_id"]}, "number_id"),
        (f"/features/{made['feature_id']}", {"end": "2024-12-31"}, "end"),
        (f"/features/{made['feature_id']}", {"description": "  "}, "description"),
        (plan, {"number_id": None}, "number_id"),
        (plan, {"end": "2024-12-31"}, "end"),
    ):
        answer = await api.put(url, json=body, headers=ANY)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), body
    assert (await api.delete(plan)).status_code == 422
    assert (await api.put("/features/999", json={"end": None}, headers=ANY)).status_code == 404


async def test_a_charge_is_added_to_a_number_and_a_feature_with_its_own_vat(
    api: AsyncClient, number: Json, outbox: Any
) -> None:
    """C9, Z13: one-off and recurring."""
    url = f"/numbers/{number['number']['number_id']}/charges"
    rental = {**VOICEMAIL, "description": "Rental", "amount": "30.00", "frequency_months": 3, "in_advance": False}
    made = await api.post(url, json={**rental, "vat_rate": "zero", "start": "2025-02-10", "quantity": "2"})
    assert made.status_code == 201, made.text
    charge = made.json()
    assert (charge["vat_rate"], charge["quantity"], charge["anchor"], charge["end"]) == (
        "zero",
        "2",
        "2025-02-10",
        None,
    )
    assert made.headers["Location"] == f"/charges/{charge['charge_id']}"
    assert (await api.get(made.headers["Location"])).json() == charge
    listed = (await api.get(url)).json()["items"]
    assert [each["description"] for each in listed] == ["Voicemail", "Rental"]
    told = (await outbox("number.updated"))[-1]["payload"]["charges"]
    assert [{**each, "customer_id": 0} for each in told] == [
        {name: 0 if name == "customer_id" else each[name] for name in (*told[0], "customer_id")} for each in listed
    ]
    care = await feature(api, number)
    once = {"kind": "one_off", "description": "Visit", "amount": "80.00", "start": "2025-03-03"}
    visit = (await api.post(f"/features/{care['feature_id']}/charges", json=once)).json()
    assert (visit["feature_id"], visit["number_id"], visit["anchor"]) == (care["feature_id"], None, None)
    assert (await api.get(f"/features/{care['feature_id']}/charges")).json()["items"] == [visit]


async def test_a_price_changes_from_a_day(api: AsyncClient, number: Json, outbox: Any) -> None:
    """Z5: the old charge ends the day before, the new one goes on in the same periods."""
    old = number["number"]["charges"][0]
    answer = await api.put(f"/charges/{old['charge_id']}", json={"amount": "1.75", "from": "2025-04-01"}, headers=ANY)
    before, after = answer.json()["items"]
    assert (before["charge_id"], before["end"], before["amount"]) == (old["charge_id"], "2025-03-31", "1.50")
    assert (after["start"], after["anchor"], after["amount"]) == ("2025-04-01", "2025-01-01", "1.75")
    told = (await outbox("number.updated"))[-1]["payload"]
    assert [each["charge_id"] for each in told["charges"]] == [before["charge_id"], after["charge_id"]]
    log = (await api.get(f"/customers/{number['number']['customer_id']}/audit")).json()["items"][-1]
    assert (log["field"], len(log["old"]), len(log["new"])) == ("charges", 1, 2)
    seen = (await api.get(f"/charges/{old['charge_id']}")).headers["ETag"]
    assert answer.headers["ETag"] == seen
    late = await api.put(f"/charges/{old['charge_id']}", json={"amount": "9.00"}, headers={"If-Match": '"1"'})
    assert late.status_code == 412
    over = await api.put(f"/charges/{old['charge_id']}", json={"amount": "2.00", "from": "2025-05-01"}, headers=ANY)
    assert (over.status_code, over.json()["errors"][0]["field"]) == (422, "from")


async def test_a_correction_keeps_the_charge_and_saying_it_again_does_nothing(
    api: AsyncClient, number: Json, outbox: Any
) -> None:
    """Z5: a correction without a date acts on days not charged yet."""
    charge_id = number["number"]["charges"][0]["charge_id"]
    body = {"amount": "2.00", "quantity": "3", "description": "Mailbox", "vat_rate": "zero", "end": "2025-12-31"}
    [corrected] = (await api.put(f"/charges/{charge_id}", json=body, headers=ANY)).json()["items"]
    assert corrected["charge_id"] == charge_id
    assert {name: corrected[name] for name in body} == body
    count = len(await outbox())
    assert (await api.put(f"/charges/{charge_id}", json=body, headers=ANY)).json()["items"] == [corrected]
    [own] = (await api.put(f"/charges/{charge_id}", json={"vat_rate": None, "end": None}, headers=ANY)).json()["items"]
    assert (own["vat_rate"], own["end"]) == (None, None)
    assert len(await outbox()) == count + 1


async def test_charges_are_cancelled(api: AsyncClient, number: Json, outbox: Any) -> None:
    """C9, Z6: a recurring charge ends the day before; a one-off that has not begun is as if it had never been there."""
    charge_id = number["number"]["charges"][0]["charge_id"]
    [left] = (await api.post(f"/charges/{charge_id}/cancel", json={"from": "2025-04-01"})).json()["items"]
    assert left["end"] == "2025-03-31"
    url = f"/numbers/{number['number']['number_id']}/charges"
    ahead = {"kind": "one_off", "description": "Visit", "amount": "80.00", "start": "2199-03-03"}
    visit = (await api.post(url, json=ahead)).json()
    assert (await api.post(f"/charges/{visit['charge_id']}/cancel", json={})).json()["items"] == []
    assert (await api.get(f"/charges/{visit['charge_id']}")).status_code == 404
    past = (await api.post(url, json={**ahead, "start": "2025-02-02"})).json()
    refused = await api.post(f"/charges/{past['charge_id']}/cancel", json={"from": "2025-02-03"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "from")
    assert (await api.post(f"/charges/{past['charge_id']}/cancel", json={"from": "2025-02-02"})).json()["items"] == []
    told = (await outbox("number.updated"))[-1]["payload"]["charges"]
    assert [(each["charge_id"], each["end"]) for each in told] == [(charge_id, "2025-03-31")]


async def test_what_is_wrong_with_a_charge_is_said(api: AsyncClient, number: Json) -> None:
    url = f"/numbers/{number['number']['number_id']}/charges"
    for body, field in (
        ({**VOICEMAIL, "start": "2024-12-31"}, "start"),
        ({**VOICEMAIL, "start": "2300-01-01"}, "start"),
        ({**VOICEMAIL, "frequency_months": None}, "frequency_months"),
        ({**VOICEMAIL, "amount": 1.5}, "amount"),
        ({**VOICEMAIL, "vat_rate": "odd"}, "vat_rate"),
        ({**VOICEMAIL, "quantity": "0"}, "quantity"),
        ({**VOICEMAIL, "kind": "weekly"}, "kind"),
    ):
        answer = await api.post(url, json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), body
    assert (await api.post("/numbers/999/charges", json=VOICEMAIL)).status_code == 404
    assert (await api.post("/features/999/charges", json=VOICEMAIL)).status_code == 404
    assert (await api.get("/features/999/charges")).status_code == 404
    assert (await api.put("/charges/999", json={"amount": "1.00"})).status_code == 428
    assert (await api.put("/charges/999", json={"amount": "1.00"}, headers=ANY)).status_code == 404
    assert (await api.post("/charges/999/cancel", json={})).status_code == 404
