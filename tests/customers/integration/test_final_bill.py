"""Final Bill by the API: taken, repeated, withdrawn, and what is told of it (SPEC C14)."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import AsyncClient
from tests.customers.integration.courses import NUMBERS, RENTAL, SETUP, Desk, days, newest


@pytest.fixture
def desk(api: AsyncClient) -> Desk:
    return Desk(api)


async def test_everything_ends_on_the_date_and_the_status_is_final_bill_at_once(desk: Desk, outbox: Any) -> None:
    """C14, Z7: an earlier end stays, a later one is cut; the history has the status from the day after."""
    customer = await desk.customer()
    open_one = await desk.number(customer, charges=[RENTAL])
    await desk.number(customer, NUMBERS[1], end="2025-01-15")
    later = await desk.number(customer, NUMBERS[2], end="2025-06-30")
    feature = await desk.feature(customer, charges=[RENTAL])
    body = {"final_bill_date": "2025-01-31", "notice_date": "2025-01-15", "reason": "moved"}
    answer = await desk.act(customer, "final-bill", **body)
    assert (answer["status"], answer["final_bill_date"], answer["version"]) == ("final_bill", "2025-01-31", 2)
    assert answer["final_bill_id"] > 0
    assert answer["status_history"][-1] == {"status": "final_bill", "effective_from": "2025-02-01", "reason": "moved"}
    picture = await desk.picture(customer)
    assert [each["number"]["end"] for each in picture["numbers"]] == ["2025-01-31", "2025-01-15", "2025-01-31"]
    assert {plan["assignment"]["end"] for each in picture["numbers"] for plan in each["call_plans"]} == {
        "2025-01-31",
        "2025-01-15",
    }
    assert {each["end"] for each in picture["features"]} == {"2025-01-31", "2025-01-15"}
    told = newest(await outbox())
    for key in (f"number/{open_one}", f"number/{later}", f"feature/{feature}"):
        state = told[f"{customer}/{key}"]["payload"]
        assert (state["version"], state["end"]) == (2, "2025-01-31")
        assert all(charge["end"] == "2025-01-31" for charge in state["charges"])
    row = (await outbox("customer.final_billed"))[0]
    assert (row["payload"]["status"], row["payload"]["final_bill_id"]) == ("final_bill", answer["final_bill_id"])
    on_the_day = await desk.get(f"/customers/{customer}/status?on=2025-01-31")
    assert (on_the_day["status"], (await desk.get(f"/customers/{customer}/status"))["status"]) == (
        "active",
        "final_bill",
    )


async def test_what_would_begin_after_the_date_is_cancelled_and_comes_back_when_it_is_withdrawn(
    desk: Desk, outbox: Any
) -> None:
    """C14, Z6: numbers, features, call plans and charges; told as removed, then as there again."""
    customer = await desk.customer()
    number = await desk.number(customer, charges=[RENTAL])
    await desk.act(customer, "numbers", number=NUMBERS[1], call_plan="standard", start="2025-03-01", charges=[SETUP])
    await desk._sent("POST", f"/numbers/{number}/charges", {**SETUP, "start": "2025-02-10"})
    await desk._sent(
        "POST",
        f"/numbers/{number}/call-plans",
        {"call_plan": "standard", "start": "2025-04-01", "charge": {"amount": "4.50"}},
    )
    await desk.feature(customer, number_id=number, start="2025-02-01")
    before, status_before = await desk.picture(customer), await desk.get(f"/customers/{customer}")
    answer = await desk.act(customer, "final-bill", final_bill_date="2025-01-31")
    assert answer["effects"]["counts"] == {"ends": 3, "cancelled": 7, "opens": 0, "begins": 0}
    during = await desk.picture(customer)
    assert [each["number"]["number"] for each in during["numbers"]] == ["+442079460123"]
    assert days(during["features"]) == [("2025-01-01", "2025-01-31")]
    assert [charge["description"] for charge in during["numbers"][0]["number"]["charges"]] == ["Rental"]
    removed = {row["aggregateid"]: row["payload"]["version"] for row in await outbox(*_removed())}
    assert len(removed) == 6
    await desk.withdraw(customer, "final-bill")
    assert await desk.picture(customer) == before
    told = newest(await outbox())
    for key, version in removed.items():
        assert told[key]["type"].endswith(".updated")
        assert told[key]["payload"]["version"] == version + 1
    after = await desk.get(f"/customers/{customer}")
    changed = {name for name, value in after.items() if status_before[name] != value}
    assert changed == {"version"}


def _removed() -> tuple[str, ...]:
    return ("number.removed", "feature.removed", "assignment.removed")


@pytest.mark.parametrize("other", ["2025-01-10", "2025-03-31"])
async def test_repeated_the_ends_that_it_set_move_and_what_was_ended_by_hand_stays(desk: Desk, other: str) -> None:
    """C14: as if the other date had been given at first; the same Final Bill."""
    customer = await desk.customer()
    by_hand = await desk.number(customer, NUMBERS[1])
    await desk.number(customer, charges=[RENTAL])
    await desk.feature(customer, start="2025-02-15", charges=[SETUP])
    first = await desk.act(customer, "final-bill", final_bill_date="2025-01-31")
    await desk._sent("POST", f"/numbers/{by_hand}/end", {"on": "2025-01-05"})
    again = await desk.act(customer, "final-bill", final_bill_date=other)
    assert again["final_bill_id"] == first["final_bill_id"]
    assert [each["status"] for each in again["status_history"]] == ["active", "final_bill"]
    picture = await desk.picture(customer)
    assert [each["number"]["end"] for each in picture["numbers"]] == ["2025-01-05", other]
    assert [each["end"] for each in picture["features"] if each["kind"] == "feature"] == (
        [] if other < "2025-02-15" else [other]
    )
    await desk.withdraw(customer, "final-bill")
    back = await desk.picture(customer)
    assert [each["number"]["end"] for each in back["numbers"]] == ["2025-01-05", None]
    assert [each["end"] for each in back["features"] if each["kind"] == "feature"] == [None]


async def test_the_same_again_changes_nothing(desk: Desk, outbox: Any) -> None:
    customer = await desk.customer()
    await desk.number(customer)
    first = await desk.act(customer, "final-bill", final_bill_date="2025-01-31")
    rows = len(await outbox())
    again = await desk.act(customer, "final-bill", final_bill_date="2025-01-31")
    assert (again["version"], again["action"], len(await outbox())) == (first["version"], None, rows)


async def test_another_call_plan_meanwhile_follows_its_number_when_it_is_withdrawn(desk: Desk) -> None:
    """C9, C14: the number would be without an active period else."""
    customer = await desk.customer()
    number = await desk.number(customer)
    await desk.act(customer, "final-bill", final_bill_date="2025-01-31")
    await desk._sent(
        "POST",
        f"/numbers/{number}/call-plans",
        {"call_plan": "standard", "start": "2025-01-20", "charge": {"amount": "4.50"}},
    )
    await desk.withdraw(customer, "final-bill")
    plans = (await desk.get(f"/numbers/{number}"))["call_plans"]
    assert days(each["assignment"] for each in plans) == [("2025-01-01", "2025-01-19"), ("2025-01-20", None)]


async def test_on_final_bill_something_is_added_only_with_an_end_by_the_date(desk: Desk) -> None:
    """C14: nothing on the customer goes beyond it, whichever way it comes."""
    customer, other = await desk.customer(), await desk.customer(name="Brightwater Tiles")
    number = await desk.number(customer)
    elsewhere = await desk.number(other, NUMBERS[1])
    await desk.act(customer, "final-bill", final_bill_date="2025-01-31")
    url, new = f"/customers/{customer}", {"number": NUMBERS[2], "call_plan": "standard", "start": "2025-01-10"}
    feature = {"description": "Care", "start": "2025-01-10"}
    for method, path, body in (
        ("POST", f"{url}/numbers", new),
        ("POST", f"{url}/numbers", {**new, "end": "2025-02-01"}),
        ("POST", f"{url}/features", feature),
        ("POST", f"/numbers/{elsewhere}/move", {"customer_id": customer, "on": "2025-01-10"}),
        ("PATCH", f"/numbers/{number}", {"end": None}),
        ("POST", f"/numbers/{number}/end", {"on": "2025-02-01"}),
    ):
        problem = await desk.refused(method, path, body)
        assert (problem["type"], problem["last_day"]) == ("urn:farthing:problem:beyond-last-day", "2025-01-31"), path
    await desk.number(customer, NUMBERS[2], start="2025-01-10", end="2025-01-31")
    await desk.feature(customer, **feature, end="2025-01-20")
    renamed = await desk.api.patch(f"/numbers/{number}", json={"label": "Reception"})
    assert renamed.status_code == 200
    row = f"customer_id,number,call_plan,start\n{customer},{NUMBERS[3]},standard,2025-01-10\n"
    report = (await desk.api.post("/imports/numbers", content=row, headers={"Content-Type": "text/csv"})).text
    assert "beyond-last-day" in report


async def test_a_number_that_somebody_else_has_by_now_keeps_it_from_being_withdrawn(desk: Desk) -> None:
    """C9, C14: a clear error that names the holder; nothing is changed."""
    customer, other = await desk.customer(), await desk.customer(name="Brightwater Tiles")
    await desk.number(customer)
    await desk.act(customer, "final-bill", final_bill_date="2025-01-31")
    await desk.number(other, start="2025-02-01")
    problem = await desk.refused("DELETE", f"/customers/{customer}/final-bill")
    assert (problem["type"], problem["customer_id"]) == ("urn:farthing:problem:number-taken", other)
    assert (await desk.get(f"/customers/{customer}"))["status"] == "final_bill"
    problem = await desk.refused("POST", f"/customers/{customer}/final-bill", {"final_bill_date": "2025-02-28"})
    assert problem["customer_id"] == other


async def test_a_dry_run_says_what_would_end_and_changes_nothing(desk: Desk, outbox: Any) -> None:
    """C18"""
    customer = await desk.customer()
    number = await desk.number(customer, charges=[RENTAL])
    before, rows = await desk.picture(customer), len(await outbox())
    answer = await desk.act(customer, "final-bill", final_bill_date="2025-01-31", dry_run=True)
    assert (answer["status"], answer["action"]) == ("final_bill", None)
    ends = [(each["kind"], each["name"], each["on"], each["before"]) for each in answer["effects"]["ends"]]
    assert ends == [
        ("number", "+442079460123", "2025-01-31", None),
        ("charge", "Rental", "2025-01-31", None),
        ("call_plan", "Standard", "2025-01-31", None),
    ]
    assert answer["effects"]["ends"][0]["id"] == number
    assert (await desk.picture(customer), len(await outbox())) == (before, rows)
    assert (await desk.get(f"/customers/{customer}"))["status"] == "active"


async def test_planned_statuses_are_put_aside_and_come_back(desk: Desk) -> None:
    """C8, Z7: of the history up to the date nothing changes."""
    customer = await desk.customer()
    await desk.act(customer, "status", status="active_do_not_bill", effective_from="2025-06-01")
    await desk.act(customer, "final-bill", final_bill_date="2025-01-31")
    assert (await desk.get(f"/customers/{customer}/status?on=2025-07-01"))["status"] == "final_bill"
    back = await desk.withdraw(customer, "final-bill")
    assert [each["status"] for each in back["status_history"]] == ["active", "active_do_not_bill"]


async def test_the_plain_route_refuses_statuses_that_actions_give(desk: Desk) -> None:
    """C8, C14: and says which action it is."""
    customer = await desk.customer()
    url = f"/customers/{customer}/status"
    assert "final-bill" in (await desk.refused("POST", url, {"status": "final_bill"}))["detail"]
    assert "drop" in (await desk.refused("POST", url, {"status": "dropped"}))["detail"]
    await desk.act(customer, "final-bill", final_bill_date="2025-01-31")
    assert "withdraw" in (await desk.refused("POST", url, {"status": "active"}))["detail"]
    await desk.act(customer, "drop", drop_date="2025-02-28")
    assert "reinstate" in (await desk.refused("POST", url, {"status": "active"}))["detail"]


async def test_an_administrators_own_statuses_are_taken(desk: Desk) -> None:
    """C8: the only one with the flag, else the one named; the next status says what a drop takes."""
    flags = {"accumulates_charges": True, "billed_in_runs": True, "final_bill": True}
    gone = {"accumulates_charges": False, "billed_in_runs": False, "dropped": True}
    for code, status in (("gone", gone), ("closing", {**flags, "next_status": "gone"})):
        answer = await desk.api.put(f"/reference/statuses/{code}", json={"name": code.title(), "status": status})
        assert answer.status_code in (200, 201), answer.text
    customer = await desk.customer()
    unclear = await desk.api.post(f"/customers/{customer}/final-bill", json={"final_bill_date": "2025-01-31"})
    assert (unclear.status_code, unclear.json()["errors"][0]["field"]) == (422, "status")
    answer = await desk.act(customer, "final-bill", final_bill_date="2025-01-31", status="closing")
    assert answer["status"] == "closing"
    assert (await desk.act(customer, "final-bill", final_bill_date="2025-02-28"))["status"] == "closing"
    assert (await desk.act(customer, "drop", drop_date="2025-02-28"))["status"] == "gone"


async def test_the_course_and_the_audit_log_have_each_action(desk: Desk) -> None:
    """C14, C19: with its dates, reason and who took it."""
    customer = await desk.customer()
    body = {"final_bill_date": "2025-01-31", "notice_date": "2025-01-15", "reason": "moved"}
    await desk.act(customer, "final-bill", **body)
    await desk.withdraw(customer, "final-bill")
    taken = (await desk.get(f"/customers/{customer}/actions"))["items"]
    assert [(each["kind"], each["on"], each["notice_date"], each["reason"], each["actor"]) for each in taken] == [
        ("final_bill", "2025-01-31", "2025-01-15", "moved", "ann"),
        ("final_bill_withdrawn", None, None, None, "ann"),
    ]
    log = (await desk.get(f"/customers/{customer}/audit"))["items"]
    fields = [(each["field"], each["old"], each["new"]) for each in log if each["entity"] == "customer"]
    assert ("final_bill_date", None, "2025-01-31") in fields
    assert ("final_bill_date", "2025-01-31", None) in fields
    assert ("status", None, "final_bill") in fields


async def test_actions_heed_the_version_that_was_seen_and_keys(desk: Desk) -> None:
    """C20; sent twice under one key it happens once"""
    customer = await desk.customer()
    url, body = f"/customers/{customer}/final-bill", {"final_bill_date": "2025-01-31"}
    assert (await desk.api.post(url, json=body, headers={"If-Match": '"7"'})).status_code == 412
    first = await desk.api.post(url, json=body, headers={"If-Match": '"1"', "Idempotency-Key": "close-1"})
    again = await desk.api.post(url, json=body, headers={"If-Match": '"1"', "Idempotency-Key": "close-1"})
    assert (first.status_code, first.headers["etag"], first.content) == (200, '"2"', again.content)
    assert (await desk.api.delete(url, headers={"If-Match": '"1"'})).status_code == 412


async def test_a_feature_is_linked_again_to_a_number_that_was_cancelled(desk: Desk) -> None:
    """C9, C14: the feature runs already, its number was to follow."""
    customer = await desk.customer()
    number = await desk.number(customer, start="2025-03-01")
    await desk.feature(customer, number_id=number, charges=[RENTAL])
    before = await desk.picture(customer)
    await desk.act(customer, "final-bill", final_bill_date="2025-01-31")
    [alone] = (await desk.picture(customer))["features"]
    assert (alone["number_id"], alone["end"]) == (None, "2025-01-31")
    await desk.act(customer, "drop", drop_date="2024-12-31")
    assert await desk.picture(customer) == {"numbers": [], "features": []}
    await desk.act(customer, "reinstate", reinstate_date="2025-01-01")
    assert await desk.picture(customer) == before
