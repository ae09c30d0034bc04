"""Drop and Reinstate by the API, and the drop of those that are settled (SPEC C14 to C16)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient
from tests.customers.integration.courses import NUMBERS, RENTAL, SETUP, Desk, days, newest

from contracts.billing import CustomerSettled
from contracts.topics import BILLING
from customers.service.dropping import take_in_settled
from customers.worker import lifecycle_step
from service_kit import clock
from service_kit.kafka import Received


@pytest.fixture
def desk(api: AsyncClient) -> Desk:
    clock.freeze(datetime(2025, 2, 10, 9, tzinfo=UTC))
    return Desk(api)


def settled(customer: int, version: int, bill_to: str, run_id: int = 77) -> Received:
    event = CustomerSettled(
        customer_id=customer, run_id=run_id, customer_version=version, bill_to=date.fromisoformat(bill_to)
    )
    return Received(uuid4(), event.event_type, BILLING, 0, 0, event)


async def test_a_drop_ends_everything_at_once_also_in_the_past_and_what_had_ended_stays(
    desk: Desk, outbox: Any
) -> None:
    """C15, Z7: ends that lie beyond the date are cut, those set by hand before it stay."""
    customer = await desk.customer()
    await desk.number(customer, charges=[RENTAL])
    by_hand = await desk.number(customer, NUMBERS[1])
    await desk._sent("POST", f"/numbers/{by_hand}/end", {"on": "2025-01-20"})
    beyond = await desk.number(customer, NUMBERS[2])
    await desk._sent("POST", f"/numbers/{beyond}/end", {"on": "2025-02-05"})
    answer = await desk.act(customer, "drop", drop_date="2025-01-31", reason="ceased_trading")
    assert (answer["status"], answer["drop_date"], answer["dropped_by_run"]) == ("dropped", "2025-01-31", None)
    assert answer["status_history"][-1]["effective_from"] == "2025-02-01"
    picture = await desk.picture(customer)
    assert [each["number"]["end"] for each in picture["numbers"]] == ["2025-01-31", "2025-01-20", "2025-01-31"]
    assert [row["payload"]["status"] for row in await outbox("customer.dropped")] == ["dropped"]
    assert (await desk.get("/customers/search?status=dropped"))["items"][0]["customer_id"] == customer


async def test_a_drop_that_lies_ahead_holds_at_once(desk: Desk) -> None:
    """C15, Z7: what is shown is the status of now, the history has it from the day after."""
    customer = await desk.customer()
    answer = await desk.act(customer, "drop", drop_date="2025-12-31")
    assert answer["status"] == "dropped"
    assert (await desk.get(f"/customers/{customer}/status?on=2025-12-31"))["status"] == "active"
    cards = await desk.get(f"/customers/cards?ids={customer}")
    assert cards["items"][0]["status"] == "dropped"
    assert (
        "dropped" in (await desk.refused("POST", f"/customers/{customer}/drop", {"drop_date": "2025-02-01"}))["detail"]
    )


async def test_numbers_take_the_type_that_ignores_traffic_and_get_theirs_back(desk: Desk) -> None:
    """C15, Z8"""
    customer = await desk.customer()
    first = await desk.number(customer, number_type="sip")
    await desk.number(customer, NUMBERS[1], end="2025-01-10")
    charged = await desk.api.post(
        f"/customers/{customer}/drop", json={"drop_date": "2025-01-31", "ignore_traffic_type": "sip"}
    )
    assert (charged.status_code, charged.json()["errors"][0]["field"]) == (422, "ignore_traffic_type")
    before = [each["number"]["number_type"] for each in (await desk.picture(customer))["numbers"]]
    await desk.act(customer, "drop", drop_date="2025-01-31", ignore_traffic_type="ignore_traffic")
    dropped = (await desk.picture(customer))["numbers"]
    assert [each["number"]["number_type"] for each in dropped] == ["ignore_traffic"] * 2
    await desk.act(customer, "reinstate", reinstate_date="2025-02-01", reopen_dropped_on=None)
    back = (await desk.picture(customer))["numbers"]
    assert [each["number"]["number_type"] for each in back] == before == ["sip", before[1]]
    assert (await desk.get(f"/numbers/{first}"))["number"]["end"] == "2025-01-31"


async def test_a_reinstatement_the_day_after_leaves_no_gap(desk: Desk) -> None:
    """C16, Z8: open again; each charge begins again in its old periods, a one-off does not."""
    customer = await desk.customer()
    number = await desk.number(customer, start="2024-11-15", charges=[RENTAL, SETUP])
    await desk.act(customer, "drop", drop_date="2025-01-31")
    answer = await desk.act(customer, "reinstate", reinstate_date="2025-02-01", reason="paid")
    assert (answer["status"], answer["reinstate_date"], answer["drop_date"]) == ("active", "2025-02-01", None)
    assert [each["status"] for each in answer["status_history"]] == ["active", "active"]
    found = await desk.get(f"/numbers/{number}")
    assert days([found["number"], found["call_plan"], found["assignment"]]) == [("2024-11-15", None)] * 3
    charges = [(c["description"], c["start"], c["end"], c["anchor"]) for c in found["number"]["charges"]]
    assert charges == [
        ("Rental", "2024-11-15", "2025-01-31", "2024-11-15"),
        ("Setup", "2024-11-15", None, None),
        ("Rental", "2025-02-01", None, "2024-11-15"),
    ]


async def test_a_reinstatement_after_a_gap_gives_the_number_a_new_active_period(desk: Desk) -> None:
    """C16, Z7: calls and charges of the gap have nowhere to go."""
    customer = await desk.customer()
    number = await desk.number(customer, call_plan_charge={"amount": "4.50"})
    feature = await desk.feature(customer, number_id=number, charges=[RENTAL])
    await desk.act(customer, "drop", drop_date="2025-01-15")
    await desk.act(customer, "reinstate", reinstate_date="2025-02-03")
    found = await desk.get(f"/numbers/{number}")
    periods = days(plan["assignment"] for plan in found["call_plans"])
    assert periods == [("2025-01-01", "2025-01-15"), ("2025-02-03", None)]
    assert days(plan["call_plan"] for plan in found["call_plans"]) == periods
    [old], [new] = (plan["call_plan"]["charges"] for plan in found["call_plans"])
    assert (old["end"], new["start"], new["anchor"], new["amount"]) == (
        "2025-01-15",
        "2025-02-03",
        "2025-01-01",
        "4.50",
    )
    assert found["features"][0]["feature_id"] == feature
    assert days(found["features"][0]["charges"]) == [("2025-01-01", "2025-01-15"), ("2025-02-03", None)]


async def test_what_ended_before_a_gap_is_not_charged_across_it(desk: Desk) -> None:
    """C16: an end that is moved behind the reinstatement would charge the days in between."""
    customer = await desk.customer()
    feature = await desk.feature(customer, charges=[RENTAL])
    await desk._sent("POST", f"/features/{feature}/end", {"on": "2025-01-10"})
    await desk.act(customer, "drop", drop_date="2025-01-15")
    await desk.act(customer, "reinstate", reinstate_date="2025-02-03")
    problem = await desk.refused("POST", f"/features/{feature}/end", {"on": "2025-02-20"})
    assert (problem["type"], problem["reinstated_on"]) == ("urn:farthing:problem:across-a-gap", "2025-02-03")
    await desk._sent("POST", f"/features/{feature}/end", {"on": "2025-01-12"})
    again = await desk.feature(customer, start="2025-02-03", charges=[RENTAL])
    await desk._sent("POST", f"/features/{again}/end", {"on": "2025-02-20"})


async def test_only_what_ended_on_the_day_is_open_again_where_one_is_named(desk: Desk) -> None:
    """C16: numbers and features whose end was set by the drop on that day."""
    customer = await desk.customer()
    await desk.number(customer)
    by_hand = await desk.number(customer, NUMBERS[1])
    await desk._sent("POST", f"/numbers/{by_hand}/end", {"on": "2025-01-31"})
    await desk.act(customer, "final-bill", final_bill_date="2025-01-31")
    await desk.act(customer, "drop", drop_date="2025-02-05")
    wrong = await desk.api.post(f"/customers/{customer}/reinstate", json={"reinstate_date": "2025-02-05"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "reinstate_date")
    looked = await desk.act(
        customer, "reinstate", reinstate_date="2025-02-06", reopen_dropped_on="2025-02-05", dry_run=True
    )
    assert looked["effects"]["counts"]["opens"] == 0
    await desk.act(customer, "reinstate", reinstate_date="2025-02-06", reopen_dropped_on="2025-01-31")
    picture = await desk.picture(customer)
    assert [each["number"]["end"] for each in picture["numbers"]] == [None, "2025-01-31"]


async def test_what_would_have_begun_in_the_gap_begins_on_the_day_without_its_one_offs(desk: Desk) -> None:
    """Z6, Z8"""
    customer = await desk.customer()
    await desk.number(customer, start="2025-01-20", charges=[RENTAL, SETUP])
    await desk.number(customer, NUMBERS[1], start="2025-03-01", charges=[RENTAL, SETUP])
    await desk.act(customer, "drop", drop_date="2025-01-10")
    assert (await desk.picture(customer))["numbers"] == []
    await desk.act(customer, "reinstate", reinstate_date="2025-02-01")
    numbers = (await desk.picture(customer))["numbers"]
    assert [days([each["number"], each["assignment"]]) for each in numbers] == [
        [("2025-02-01", None)] * 2,
        [("2025-03-01", None)] * 2,
    ]
    charges = [[(c["description"], c["start"]) for c in each["number"]["charges"]] for each in numbers]
    assert charges == [[("Rental", "2025-02-01")], [("Rental", "2025-03-01"), ("Setup", "2025-03-01")]]


async def test_a_number_that_somebody_else_has_by_now_is_named(desk: Desk) -> None:
    """C9, C16: nothing is reinstated; without numbers it goes, or when they are dropped there."""
    customer, other = await desk.customer(), await desk.customer(name="Brightwater Tiles")
    await desk.number(customer)
    await desk.act(customer, "drop", drop_date="2025-01-31")
    await desk.number(other, start="2025-02-05")
    problem = await desk.refused("POST", f"/customers/{customer}/reinstate", {"reinstate_date": "2025-02-08"})
    assert (problem["customer_id"], problem["number"]) == (other, "+442079460123")
    assert (await desk.get(f"/customers/{customer}"))["status"] == "dropped"
    await desk.act(customer, "reinstate", reinstate_date="2025-02-08", reopen_dropped_on=None)
    assert (await desk.picture(customer))["numbers"][0]["number"]["end"] == "2025-01-31"


async def test_a_reinstatement_that_lies_ahead_is_done_on_its_day(desk: Desk, outbox: Any) -> None:
    """Z8: until then the customer is dropped; it can be planned for another day, or withdrawn."""
    customer = await desk.customer()
    number = await desk.number(customer, charges=[RENTAL])
    await desk.act(customer, "drop", drop_date="2025-01-31")
    for day in ("2025-02-20", "2025-03-01"):
        answer = await desk.act(customer, "reinstate", reinstate_date=day)
        assert (answer["status"], answer["action"]["state"], answer["version"]) == ("dropped", "planned", 2)
    assert not await lifecycle_step()
    clock.freeze(datetime(2025, 3, 1, 0, 30, tzinfo=UTC))
    assert await lifecycle_step()
    assert not await lifecycle_step()
    assert (await desk.get(f"/customers/{customer}"))["reinstate_date"] == "2025-03-01"
    assert (await desk.get(f"/numbers/{number}"))["assignment"]["start"] == "2025-03-01"
    taken = (await desk.get(f"/customers/{customer}/actions"))["items"]
    assert [(each["kind"], each["on"], each["state"]) for each in taken] == [
        ("drop", "2025-01-31", "done"),
        ("reinstate", "2025-02-20", "withdrawn"),
        ("reinstate", "2025-03-01", "done"),
    ]
    assert len(await outbox("customer.reinstated")) == 1


async def test_a_planned_one_that_cannot_be_done_says_why_and_is_not_tried_for_ever(desk: Desk) -> None:
    customer, other = await desk.customer(), await desk.customer(name="Brightwater Tiles")
    await desk.number(customer)
    await desk.act(customer, "drop", drop_date="2025-01-31")
    await desk.act(customer, "reinstate", reinstate_date="2025-03-01")
    await desk.number(other, start="2025-02-05")
    clock.freeze(datetime(2025, 3, 1, 9, tzinfo=UTC))
    assert await lifecycle_step()
    assert not await lifecycle_step()
    failed = (await desk.get(f"/customers/{customer}/actions"))["items"][-1]
    assert (failed["state"], "Brightwater" in failed["problem"]) == ("failed", True)


async def test_a_planned_one_can_be_withdrawn(desk: Desk) -> None:
    customer = await desk.customer()
    await desk.act(customer, "drop", drop_date="2025-01-31")
    assert (await desk.refused("DELETE", f"/customers/{customer}/reinstate"))["type"].endswith("nothing-planned")
    await desk.act(customer, "reinstate", reinstate_date="2025-03-01")
    await desk.withdraw(customer, "reinstate")
    clock.freeze(datetime(2025, 3, 2, 9, tzinfo=UTC))
    assert not await lifecycle_step()


async def test_a_settled_customer_is_dropped_dated_the_runs_bill_to_date(desk: Desk, outbox: Any) -> None:
    """C14: once, with the ends that Final Bill set; the status is the one that follows."""
    customer = await desk.customer()
    number = await desk.number(customer)
    final = await desk.act(customer, "final-bill", final_bill_date="2025-01-31")
    event = settled(customer, final["version"], "2025-02-28")
    await take_in_settled([event, event])
    await take_in_settled([event])
    found = await desk.get(f"/customers/{customer}")
    assert (found["status"], found["drop_date"], found["dropped_by_run"]) == ("dropped", "2025-02-28", 77)
    assert (found["final_bill_date"], found["final_bill_id"]) == ("2025-01-31", final["final_bill_id"])
    assert (await desk.get(f"/numbers/{number}"))["number"]["end"] == "2025-01-31"
    assert len(await outbox("customer.dropped")) == 1
    clock.freeze(datetime(2025, 3, 10, 9, tzinfo=UTC))
    back = await desk.act(customer, "reinstate", reinstate_date="2025-03-05")
    assert (back["final_bill_date"], back["final_bill_id"], back["dropped_by_run"]) == (None, None, None)
    assert [each["effective_from"] for each in back["status_history"]] == [
        "2024-06-01",
        "2025-02-01",
        "2025-03-01",
        "2025-03-05",
    ]
    plans = (await desk.get(f"/numbers/{number}"))["call_plans"]
    assert days(each["assignment"] for each in plans) == [("2025-01-01", "2025-01-31"), ("2025-03-05", None)]


async def test_one_that_has_changed_since_the_run_is_not_dropped(desk: Desk, outbox: Any) -> None:
    """C14: repeated, withdrawn, edited or unknown: the next run looks again."""
    repeated, withdrawn, edited = [await desk.customer(name=name) for name in ("Reed", "Moss", "Fern")]
    versions = {}
    for each in (repeated, withdrawn, edited):
        versions[each] = (await desk.act(each, "final-bill", final_bill_date="2025-01-31"))["version"]
    await desk.act(repeated, "final-bill", final_bill_date="2025-03-31")
    await desk.withdraw(withdrawn, "final-bill")
    await desk.api.put(f"/customers/{edited}", json={"notes": "rang"}, headers={"If-Match": "*"})
    await take_in_settled([settled(each, version, "2025-02-28") for each, version in versions.items()])
    await take_in_settled([settled(999_999, 1, "2025-02-28")])
    assert await outbox("customer.dropped") == []


async def test_an_explicit_drop_moves_the_ends_of_a_final_bill_only_to_an_earlier_day(desk: Desk) -> None:
    """C15: an earlier end stays; reinstated all of it is open again."""
    for drop_date, end in (("2025-01-20", "2025-01-20"), ("2025-02-05", "2025-01-31")):
        customer = await desk.customer()
        number = await desk.number(customer, NUMBERS[2 if end > "2025-01-25" else 3], charges=[RENTAL])
        await desk.act(customer, "final-bill", final_bill_date="2025-01-31")
        await desk.act(customer, "drop", drop_date=drop_date)
        assert (await desk.get(f"/numbers/{number}"))["number"]["end"] == end
        await desk.refused("DELETE", f"/customers/{customer}/final-bill")
        await desk.act(customer, "reinstate", reinstate_date="2025-02-10")
        assert (await desk.get(f"/numbers/{number}"))["number"]["end"] is None


async def test_details_of_a_dropped_customer_can_be_changed_and_what_it_has_corrected(desk: Desk) -> None:
    """C15: its last bill may still need an address; an end may be earlier, not later."""
    customer = await desk.customer()
    number = await desk.number(customer)
    await desk.act(customer, "drop", drop_date="2025-01-31")
    changed = await desk.api.put(f"/customers/{customer}", json={"emails": ["a@b.example"]}, headers={"If-Match": "*"})
    assert changed.status_code == 200
    await desk._sent("POST", f"/numbers/{number}/end", {"on": "2025-01-15"})
    await desk.refused("POST", f"/numbers/{number}/end", {"on": "2025-02-15"})
    await desk.refused("POST", f"/customers/{customer}/final-bill", {"final_bill_date": "2025-01-31"})
    await desk.act(customer, "reinstate", reinstate_date="2025-02-01")
    assert (await desk.get(f"/numbers/{number}"))["number"]["end"] == "2025-01-15"


async def test_a_customer_brought_as_dropped_is_reinstated_too(desk: Desk) -> None:
    """C16: one that was dropped before it came here."""
    customer = await desk.customer(status="dropped", status_from="2025-01-01")
    assert (await desk.get(f"/customers/{customer}"))["drop_date"] == "2024-12-31"
    answer = await desk.act(customer, "reinstate", reinstate_date="2025-02-01")
    assert answer["status"] == "active"
    await desk.refused("POST", f"/customers/{customer}/reinstate", {"reinstate_date": "2025-02-05"})
    leaving = await desk.customer(status="final_bill", status_from="2025-01-01")
    assert (await desk.get(f"/customers/{leaving}"))["final_bill_date"] == "2024-12-31"
    problem = await desk.refused("DELETE", f"/customers/{leaving}/final-bill")
    assert problem["type"].endswith("nothing-before")
    assert (await desk.act(leaving, "final-bill", final_bill_date="2025-01-31"))["final_bill_id"] == leaving
    await desk.refused("DELETE", f"/customers/{leaving}/final-bill")


async def test_dropped_and_reinstated_again_and_again(desk: Desk, outbox: Any) -> None:
    """C16: each course keeps what it ended; versions only grow."""
    customer = await desk.customer()
    number = await desk.number(customer, charges=[RENTAL])
    await desk.feature(customer, start="2025-03-01", charges=[SETUP])
    before = await desk.picture(customer)
    for month in ("02", "03", "04"):
        clock.freeze(datetime(2025, int(month), 10, 9, tzinfo=UTC))
        await desk.act(customer, "drop", drop_date=f"2025-{month}-01")
        await desk.act(customer, "reinstate", reinstate_date=f"2025-{month}-02")
    found = await desk.get(f"/numbers/{number}")
    assert days([found["number"], found["assignment"]]) == [("2025-01-01", None)] * 2
    assert len(found["number"]["charges"]) == 4
    assert (await desk.picture(customer))["features"] == before["features"]
    versions: dict[str, int] = {}
    for row in await outbox():
        key = row["aggregateid"]
        if key.startswith(f"{customer}/"):
            assert row["payload"]["version"] > versions.get(key, 0)
            versions[key] = row["payload"]["version"]
    assert all(row["type"].split(".")[1] != "removed" for row in newest(await outbox()).values())
