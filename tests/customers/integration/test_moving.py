"""Moving, ending, reopening and removing numbers, by the API, with what is told of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient
from tests.customers.integration.test_numbers import NUMBER, add

ANY = {"If-Match": "*"}

Json = dict[str, Any]
VOICEMAIL = {"kind": "recurring", "description": "Voicemail", "amount": "1.50", "frequency_months": 1}


async def two(api: AsyncClient, add_customer: Any, **number: Any) -> tuple[Json, Json, int]:
    """A customer with a number, another one, and the number's id."""
    old, new = await add_customer(name="Fenwick Tiles"), await add_customer(name="Brightwater Tiles")
    made = await add(api, old, **number)
    return old, new, made["number"]["number_id"]


async def move(api: AsyncClient, number_id: int, customer: Json, day: str, **more: Any) -> Json:
    answer = await api.post(
        f"/numbers/{number_id}/move", json={"customer_id": customer["customer_id"], "on": day, **more}
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/numbers/{answer.json()['number']['number_id']}"
    return dict(answer.json())


async def test_a_number_moves_with_its_charge_and_both_customers_are_told(
    api: AsyncClient, add_customer: Any, outbox: Any
) -> None:
    """C9, C19: both versions, events and audits are one transaction."""
    old, new, number_id = await two(api, add_customer, charges=[VOICEMAIL])
    before = len(await outbox())
    there = await move(api, number_id, new, "2025-04-01")
    assert [there[part]["customer_id"] for part in ("number", "call_plan", "assignment")] == [new["customer_id"]] * 3
    assert there["number"]["charges"][0]["start"] == "2025-04-01"
    here = (await api.get(f"/numbers/{number_id}")).json()
    assert {here[part]["end"] for part in ("number", "call_plan", "assignment")} == {"2025-03-31"}
    rows = (await outbox())[before:]
    assert [(row["type"], row["partition_key"], row["payload"]["version"]) for row in rows] == [
        *((f"{kind}.updated", str(old["customer_id"]), 2) for kind in ("number", "feature", "assignment")),
        *((f"{kind}.created", str(new["customer_id"]), 1) for kind in ("number", "feature", "assignment")),
    ]
    assert rows[2]["payload"] == here["assignment"]
    assert rows[5]["payload"] == there["assignment"]
    for customer, field in ((old, "end"), (new, "created")):
        log = (await api.get(f"/customers/{customer['customer_id']}/audit")).json()["items"]
        assert {each["entity"] for each in log if each["field"] == field} >= {"number", "feature", "assignment"}


async def test_a_move_on_its_first_day_leaves_the_old_customer_as_if_it_never_had_it(
    api: AsyncClient, add_customer: Any, outbox: Any
) -> None:
    """C9"""
    old, new, number_id = await two(api, add_customer)
    await move(api, number_id, new, "2025-01-01")
    assert (await api.get(f"/numbers/{number_id}")).status_code == 404
    assert (await api.get(f"/customers/{old['customer_id']}/numbers")).json()["items"] == []
    removed = await outbox("number.removed", "feature.removed", "assignment.removed")
    assert [(row["type"], row["payload"]["version"]) for row in removed] == [
        ("assignment.removed", 2),
        ("feature.removed", 2),
        ("number.removed", 2),
    ]
    log = (await api.get(f"/customers/{old['customer_id']}/audit")).json()["items"]
    assert [each["old"]["number"] for each in log if each["field"] == "removed" and each["entity"] == "number"] == [
        "+442079460123"
    ]


async def test_linked_features_end_or_go_along(api: AsyncClient, add_customer: Any) -> None:
    """C9"""
    old, new, number_id = await two(api, add_customer)
    url = f"/customers/{old['customer_id']}/features"
    bodies = [{"description": words, "start": "2025-01-01", "number_id": number_id} for words in ("Care", "Fax")]
    care, fax = [(await api.post(url, json=body)).json() for body in bodies]
    there = await move(api, number_id, new, "2025-04-01", features=[fax["feature_id"]])
    assert [(each["description"], each["customer_id"]) for each in there["features"]] == [("Fax", new["customer_id"])]
    for each in (care, fax):
        assert (await api.get(f"/features/{each['feature_id']}")).json()["end"] == "2025-03-31"
    assert (await api.get(f"/numbers/{there['number']['number_id']}")).json()["features"] == there["features"]


async def test_a_number_goes_back_to_where_it_came_from(api: AsyncClient, add_customer: Any) -> None:
    old, new, number_id = await two(api, add_customer)
    there = await move(api, number_id, new, "2025-04-01")
    back = await move(api, there["number"]["number_id"], old, "2025-07-01")
    held = (await api.get("/numbers", params={"number": "(020) 7946-0123"})).json()["items"]
    assert [(each["number"]["customer_id"], each["assignment"]["start"]) for each in held] == [
        (old["customer_id"], "2025-01-01"),
        (new["customer_id"], "2025-04-01"),
        (old["customer_id"], "2025-07-01"),
    ]
    assert back["assignment"]["end"] is None


async def test_a_move_onto_days_that_a_third_customer_has_names_it(api: AsyncClient, add_customer: Any) -> None:
    """C9: an overlap is a clear error."""
    _, new, number_id = await two(api, add_customer)
    third = await add_customer(name="Ashdown Pumps")
    plan = (await api.get(f"/numbers/{number_id}")).json()["call_plan"]
    await api.post(f"/features/{plan['feature_id']}/end", json={"on": "2025-02-28"})
    await add(api, third, start="2025-05-01", end="2025-05-31")
    before = (await api.get(f"/numbers/{number_id}")).json()
    answer = await api.post(f"/numbers/{number_id}/move", json={"customer_id": new["customer_id"], "on": "2025-04-01"})
    assert (answer.status_code, answer.json()["customer_id"]) == (409, third["customer_id"])
    assert "Ashdown Pumps" in answer.json()["detail"]
    assert (await api.get(f"/numbers/{number_id}")).json() == before


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"on": "2024-12-31"}, "on"),
        ({"on": "1066-10-14"}, "on"),
        ({"keep": "some"}, "keep"),
        ({"keep": [1]}, "keep"),
        ({"features": [1]}, "features"),
        ({"call_plan": "gold"}, "call_plan"),
    ],
)
async def test_what_is_wrong_with_a_move_is_said(api: AsyncClient, add_customer: Any, wrong: Json, field: str) -> None:
    _, new, number_id = await two(api, add_customer)
    body = {"customer_id": new["customer_id"], "on": "2025-04-01", **wrong}
    answer = await api.post(f"/numbers/{number_id}/move", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_number_does_not_go_to_its_own_customer_nor_a_dropped_one_nor_nobody(
    api: AsyncClient, add_customer: Any
) -> None:
    """C9, Z7"""
    old, new, number_id = await two(api, add_customer)
    url = f"/numbers/{number_id}/move"
    own = await api.post(url, json={"customer_id": old["customer_id"], "on": "2025-04-01"})
    assert (own.status_code, own.json()["errors"][0]["field"]) == (422, "customer_id")
    nobody = await api.post(url, json={"customer_id": 999_999_999, "on": "2025-04-01"})
    assert nobody.status_code == 404
    dropped = {"drop_date": "2024-12-31"}
    assert (await api.post(f"/customers/{new['customer_id']}/drop", json=dropped)).status_code == 200
    answer = await api.post(url, json={"customer_id": new["customer_id"], "on": "2025-04-01"})
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "customer-dropped")


async def test_a_number_moves_only_as_it_was_seen(api: AsyncClient, add_customer: Any) -> None:
    """C20"""
    _, new, number_id = await two(api, add_customer)
    body = {"customer_id": new["customer_id"], "on": "2025-04-01"}
    answer = await api.post(f"/numbers/{number_id}/move", json=body, headers={"If-Match": '"7"'})
    assert answer.status_code == 412


async def test_a_move_sent_twice_under_one_key_moves_once(api: AsyncClient, add_customer: Any, outbox: Any) -> None:
    """C20: also where the number is with a third customer, which is told again."""
    _, new, number_id = await two(api, add_customer)
    body, key = {"customer_id": new["customer_id"], "on": "2025-04-01"}, {"Idempotency-Key": "move-1"}
    first, again = [await api.post(f"/numbers/{number_id}/move", json=body, headers=key) for _ in range(2)]
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, first.json())
    assert len(await outbox("number.created")) == 2
    taken = {"number": NUMBER["number"], "call_plan": "standard", "start": "2025-05-01"}
    url, key = f"/customers/{new['customer_id']}/numbers", {"Idempotency-Key": "add-1"}
    answers = [await api.post(url, json=taken, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [409, 409]


async def test_of_several_that_move_a_number_at_the_same_time_one_does(
    api: AsyncClient, add_customer: Any, outbox: Any
) -> None:
    """C9: the others see that it has ended, and two that go opposite ways do not deadlock."""
    _, _, number_id = await two(api, add_customer)
    others = [await add_customer() for _ in range(5)]
    bodies = [{"customer_id": each["customer_id"], "on": "2025-04-01"} for each in others]
    answers = await asyncio.gather(*(api.post(f"/numbers/{number_id}/move", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422, 422]
    assert len(await outbox("assignment.created")) == 2


async def test_ending_with_linked_features_and_opening_again(api: AsyncClient, add_customer: Any) -> None:
    """C9"""
    old, _, number_id = await two(api, add_customer, charges=[VOICEMAIL])
    care = {"description": "Care", "start": "2025-01-01", "number_id": number_id}
    linked = (await api.post(f"/customers/{old['customer_id']}/features", json=care)).json()
    before = (await api.get(f"/numbers/{number_id}")).json()
    url = f"/numbers/{number_id}"
    alone = (await api.post(f"{url}/end", json={"on": "2025-06-30"})).json()
    assert (alone["number"]["end"], alone["features"][0]["end"]) == ("2025-06-30", None)
    ended = (await api.post(f"{url}/end", json={"on": "2025-03-31", "with_features": True})).json()
    assert {ended["number"]["end"], ended["assignment"]["end"], ended["features"][0]["end"]} == {"2025-03-31"}
    assert ended["number"]["charges"][0]["end"] == "2025-03-31"
    opened = (await api.put(url, json={"end": None, "with_features": True}, headers=ANY)).json()
    assert _without_versions(opened) == _without_versions(before)
    assert opened["features"][0]["feature_id"] == linked["feature_id"]
    early = await api.post(f"{url}/end", json={"on": "2024-12-31"})
    assert (early.status_code, early.json()["errors"][0]["field"]) == (422, "end")


def _without_versions(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_versions(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_versions(each) for name, each in value.items() if name != "version"}
    return value


async def test_a_number_added_by_mistake_is_removed_and_may_be_added_elsewhere(
    api: AsyncClient, add_customer: Any, outbox: Any
) -> None:
    old, new, number_id = await two(api, add_customer)
    care = {"description": "Care", "start": "2025-01-01", "number_id": number_id}
    linked = (await api.post(f"/customers/{old['customer_id']}/features", json=care)).json()
    assert (await api.delete(f"/numbers/{number_id}", headers={"If-Match": '"1"'})).status_code == 204
    assert (await api.get(f"/features/{linked['feature_id']}")).json()["number_id"] is None
    assert (await api.delete(f"/numbers/{number_id}")).status_code == 404
    again = await add(api, new)
    assert (await api.delete(f"/numbers/{again['number']['number_id']}?with_features=true")).status_code == 204
    assert len(await outbox("number.removed")) == len(await outbox("assignment.removed")) == 2


async def test_numbers_are_found_in_any_spelling_of_a_customer_and_by_day(api: AsyncClient, add_customer: Any) -> None:
    """F1"""
    old, new, number_id = await two(api, add_customer, end="2025-03-31")
    later = await add(api, new, start="2025-05-01")
    for spelling in ("02079460123", "+44 20 7946 0123", "0044 20 7946 0123", "(020) 7946 0123", "020-7946-0123"):
        held = (await api.get("/numbers", params={"number": spelling})).json()["items"]
        assert [each["number"]["number_id"] for each in held] == [number_id, later["number"]["number_id"]], spelling
    for params, found in (
        ({"active_on": "2025-03-31"}, [number_id]),
        ({"active_on": "2025-04-01"}, []),
        ({"active_on": "2031-01-01", "number": NUMBER["number"]}, [later["number"]["number_id"]]),
        ({"customer_id": old["customer_id"]}, [number_id]),
        ({"customer_id": old["customer_id"], "active_on": "2025-05-01"}, []),
        ({"number": "020 7946 0999"}, []),
    ):
        held = (await api.get("/numbers", params=params)).json()["items"]
        assert [each["number"]["number_id"] for each in held] == found, params
    first = (await api.get("/numbers", params={"limit": 1})).json()
    assert first["next"] == number_id
    assert (await api.get("/numbers", params={"number": "ring me"})).status_code == 422


async def test_rating_choices_and_discount_plans_are_set_and_taken_away(
    api: AsyncClient, add_customer: Any, outbox: Any
) -> None:
    """C10, R7"""
    _, _, number_id = await two(api, add_customer)
    url = f"/numbers/{number_id}"
    plan = {"plan": "mobile-500", "start": "2025-04-01", "end": None, "quantity": 2}
    chosen = {"tariff": "uk-home", "class_tariffs": {"mobile": "uk-mobile"}, "class_markups": {"sms": "10"}}
    made = (await api.put(url, json={**chosen, "fallback_markup": "5", "discount_plans": [plan]}, headers=ANY)).json()[
        "number"
    ]
    assert made["rating"] == {**chosen, "fallback_markup": "5"}
    assert made["discount_plans"] == [plan]
    assert (await outbox("number.updated"))[-1]["payload"] == made
    assert (await api.put(url, json={"class_tariffs": {}}, headers=ANY)).json()["number"]["rating"][
        "class_tariffs"
    ] == {}
    none: Json = {"tariff": None, "class_markups": {}, "fallback_markup": None, "discount_plans": []}
    cleared = (await api.put(url, json=none, headers=ANY)).json()["number"]
    empty: Json = {"tariff": None, "class_tariffs": {}, "class_markups": {}, "fallback_markup": None}
    assert (cleared["rating"], cleared["discount_plans"]) == (empty, [])
    twice = [plan, {"plan": "mobile-500", "start": "2026-01-01"}]
    assert (await api.put(url, json={"discount_plans": twice}, headers=ANY)).status_code == 422
