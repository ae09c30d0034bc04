"""Eight clients at one customer at once: what comes of it is one of the orders in which they could have come (C20)."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient
from tests.customers.integration.courses import NUMBERS, RENTAL, Desk

from contracts.billing import CustomerSettled
from contracts.topics import BILLING
from customers.service.dropping import take_in_settled
from service_kit import clock
from service_kit.kafka import Received

CLIENTS = 8
ACTIONS: tuple[tuple[str, str, Any], ...] = (
    ("POST", "final-bill", {"final_bill_date": "2025-01-31"}),
    ("POST", "final-bill", {"final_bill_date": "2025-02-28"}),
    ("DELETE", "final-bill", None),
    ("POST", "drop", {"drop_date": "2025-01-20"}),
    ("POST", "drop", {"drop_date": "2025-03-31", "ignore_traffic_type": "ignore_traffic"}),
    ("POST", "reinstate", {"reinstate_date": "2025-04-01"}),
    ("POST", "deletion", {}),
    ("DELETE", "deletion", None),
    ("POST", "numbers", {"number": NUMBERS[2], "call_plan": "standard", "start": "2025-01-10"}),
    ("POST", "status", {"status": "active_do_not_bill"}),
)


@pytest.fixture
def desk(api: AsyncClient) -> Desk:
    clock.freeze(datetime(2025, 4, 10, 9, tzinfo=UTC))
    return Desk(api)


@pytest.mark.parametrize("seed", range(6))
async def test_different_actions_at_once_come_one_after_the_other(desk: Desk, outbox: Any, seed: int) -> None:
    """C14 to C17, C20: each is done or refused with a clear problem; the log of what was done, done again one by one
    on another customer, gives the same."""
    chance = random.Random(seed)
    customer, twin = await desk.customer(), await desk.customer()
    for each, numbers in ((customer, NUMBERS[:2]), (twin, ("01632 960001", "01632 960002"))):
        await desk.number(each, numbers[0], charges=[RENTAL])
        await desk.number(each, numbers[1], start="2025-02-10")
    wanted = [chance.choice(ACTIONS) for _ in range(CLIENTS)]
    answers = await asyncio.gather(*(_send(desk, customer, action) for action in wanted))
    for (_, action, _), (status, body) in zip(wanted, answers, strict=True):
        assert status in (200, 201, 409, 422), (action, body)
        assert status < 400 or (len(body["detail"]) > 20 and body["type"].startswith("urn:farthing:problem:"))
    done = {
        body["version"]: action
        for action, (status, body) in zip(wanted, answers, strict=True)
        if _is_done(status, body)
    }
    for _, action in sorted(done.items()):
        status, body = await _send(desk, twin, action)
        assert status < 400, body
    ours, theirs = await _picture(desk, customer), await _picture(desk, twin)
    added = any(
        action == "numbers" and status == 201 for (_, action, _), (status, _) in zip(wanted, answers, strict=True)
    )
    assert ours["customer"] == theirs["customer"]
    if not added:
        assert ours["ends"] == theirs["ends"]
    await _check_versions(outbox, customer)


async def test_eight_of_the_same_drop_happen_once(desk: Desk, outbox: Any) -> None:
    """C15: the first is done, the others are told that it is."""
    customer = await desk.customer()
    await desk.number(customer)
    drop = ("POST", "drop", {"drop_date": "2025-01-31"})
    answers = await asyncio.gather(*(_send(desk, customer, drop) for _ in range(CLIENTS)))
    assert sorted(status for status, _ in answers) == [200, *[409] * 7]
    assert len(await outbox("customer.dropped")) == len(await outbox("number.updated")) == 1


async def test_a_settlement_and_a_new_date_for_the_final_bill_do_not_both_hold(desk: Desk, outbox: Any) -> None:
    """C14: whichever comes first, the other sees it."""
    for _ in range(4):
        customer = await desk.customer()
        final = await desk.act(customer, "final-bill", final_bill_date="2025-01-31")
        event = CustomerSettled(
            customer_id=customer, run_id=5, customer_version=final["version"], bill_to=date(2025, 2, 28)
        )
        later = ("POST", "final-bill", {"final_bill_date": "2025-06-30"})
        (status, _), _ = await asyncio.gather(
            _send(desk, customer, later),
            take_in_settled([Received(uuid4(), event.event_type, BILLING, 0, 0, event)]),
        )
        found = await desk.get(f"/customers/{customer}")
        moved = ("final_bill", "2025-06-30", None)
        settled = ("dropped", "2025-01-31", "2025-02-28")
        assert (found["status"], found["final_bill_date"], found["drop_date"]) == (moved if status == 200 else settled)


async def test_two_customers_whose_numbers_cross_do_not_lock_each_other_out(desk: Desk) -> None:
    """C9: the one is dropped and the other reinstated with the same number: at most one of them has it."""
    for place in range(3):
        one, other = await desk.customer(), await desk.customer()
        number = f"01632 9601{place:02d}"
        await desk.number(one, number)
        await desk.act(one, "drop", drop_date="2025-01-31")
        new = {"number": number, "call_plan": "standard", "start": "2025-03-01"}
        back = ("POST", "reinstate", {"reinstate_date": "2025-03-15"})
        (first, _), (second, _) = await asyncio.gather(
            _send(desk, one, back), _send(desk, other, ("POST", "numbers", new))
        )
        assert sorted([first, second]) in ([200, 409], [201, 409])


async def _send(desk: Desk, customer: int, action: tuple[str, str, Any]) -> tuple[int, dict[str, Any]]:
    method, path, body = action
    answer = await desk.api.request(method, f"/customers/{customer}/{path}", json=body)
    return answer.status_code, answer.json()


def _is_done(status: int, body: dict[str, Any]) -> bool:
    """Whether the customer changed: an action that found it so already is answered with the version that it had."""
    return status == 200 and "version" in body and ("action" not in body or body["action"] is not None)


async def _picture(desk: Desk, customer: int) -> dict[str, Any]:
    found = await desk.get(f"/customers/{customer}")
    own = ("customer_id", "account_number", "final_bill_id", "created_at", "action", "effects")
    numbers = (await desk.get(f"/customers/{customer}/numbers"))["items"]
    parts = ("number", "call_plan", "assignment")
    ends = [[(each[part]["start"], each[part]["end"]) for part in parts] for each in numbers]
    types = [each["number"]["number_type"] for each in numbers]
    return {
        "customer": {name: value for name, value in found.items() if name not in own},
        "ends": (ends, types),
    }


async def _check_versions(outbox: Any, customer: int) -> None:
    """Each key's versions grow in the order of the outbox; the customer's have no gap."""
    seen: dict[str, list[int]] = {}
    for row in await outbox():
        if row["aggregateid"].startswith(f"{customer}/"):
            seen.setdefault(row["aggregateid"], []).append(row["payload"]["version"])
    assert all(versions == sorted(set(versions)) for versions in seen.values())
    own = seen[f"{customer}/customer/{customer}"]
    assert own == list(range(1, len(own) + 1))
