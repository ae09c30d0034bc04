"""Discount plans by HTTP (SPEC R7, R9, C20)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.rating.support.carriers import START, customer, number, tell

from contracts.customers import CustomerCreated, FeatureCreated, FeatureRemoved, NumberCreated, PlanPeriod
from contracts.reference import DiscountPlanUpdated

Select = Callable[[str], Any]
MINUTES = {"name": "minutes", "unit": "minutes", "quantity": "500", "call_classes": ["National"], "bands": []}
PLAN = {"name": "500 minutes or £50", "pools": [MINUTES], "monthly_cap": "50.00"}
CHANGED = {**PLAN, "prorated": True}


async def put(
    api: httpx.AsyncClient, body: dict[str, Any], code: str = "M500", if_match: str | None = None
) -> httpx.Response:
    headers = {} if if_match is None else {"If-Match": if_match}
    return await api.put(f"/discount-plans/{code}", json=body, headers=headers)


async def test_a_plan_is_added_and_told(rating_api: httpx.AsyncClient, select: Select) -> None:
    """R7: its whole state is an event of the reference topic."""
    made = await put(rating_api, PLAN)
    assert (made.status_code, made.headers["ETag"]) == (200, '"1"'), made.text
    assert (await rating_api.get("/discount-plans/M500")).json() == made.json()
    (row,) = await select("SELECT type, payload FROM outbox")
    told = DiscountPlanUpdated.model_validate(row["payload"])
    assert (row["type"], told.code, told.version, told.pools[0].name) == ("discount_plan.updated", "M500", 1, "minutes")
    assert (await rating_api.get("/discount-plans/NONE")).status_code == 404


async def test_a_change_names_the_version_that_was_seen(rating_api: httpx.AsyncClient) -> None:
    """C20: refused, not merged."""
    await put(rating_api, PLAN)
    assert (await put(rating_api, CHANGED)).status_code == 428
    assert (await put(rating_api, CHANGED, if_match='"1"')).json()["version"] == 2
    assert (await put(rating_api, PLAN, if_match='"1"')).status_code == 412
    assert (await put(rating_api, PLAN, if_match="*")).json()["version"] == 3
    assert (await put(rating_api, PLAN, if_match='"3"')).json()["version"] == 3
    assert (await put(rating_api, PLAN, if_match="soon")).status_code == 422


async def test_retired_plans_are_listed_on_demand(rating_api: httpx.AsyncClient) -> None:
    """R7: not to be given any more."""
    for code in ("A", "B", "C"):
        await put(rating_api, {**PLAN, "retired": code == "B"}, code)
    listed = (await rating_api.get("/discount-plans")).json()
    assert [each["code"] for each in listed["items"]] == ["A", "C"]
    first = (await rating_api.get("/discount-plans", params={"limit": 2, "with_retired": True})).json()
    assert ([each["code"] for each in first["items"]], first["next"]) == (["A", "B"], "B")


@pytest.mark.parametrize(
    "wrong",
    [
        {**PLAN, "pools": []},
        {**PLAN, "pools": [MINUTES, MINUTES]},
        {**PLAN, "pools": [{**MINUTES, "quantity": "-1"}]},
        {**PLAN, "pools": [{**MINUTES, "quantity": "0.0000001"}]},
        {**PLAN, "pools": [{**MINUTES, "unit": "cash", "beyond_price": "0.01"}]},
        {**PLAN, "pools": [{**MINUTES, "unit": "hours"}]},
        {**PLAN, "monthly_cap": "-1.00"},
    ],
)
async def test_what_could_not_be_billed_by_is_refused(rating_api: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    """R7."""
    assert (await put(rating_api, wrong)).status_code == 422


async def test_a_month_shows_every_pool_and_the_cap(rating_api: httpx.AsyncClient) -> None:
    """R7: what is used and left; nobody has called yet."""
    await put(rating_api, PLAN)
    state = customer(1).model_dump() | {"discount_plans": (PlanPeriod(plan="M500", start=START, quantity=2),)}
    await tell(CustomerCreated.model_validate(state))
    answer = await rating_api.get("/customers/1/discount-plans", params={"month": "2025-01"})
    pools = answer.json()["pools"]
    assert [(each["pool"], each["counted_in"], each["used"], each["left"]) for each in pools] == [
        ("minutes", "seconds", "0", "60000"),
        ("", "GBP", "0.000000", "100.000000"),
    ]
    early = await rating_api.get("/customers/1/discount-plans", params={"month": "2024-12"})
    assert early.json()["pools"] == []
    assert (await rating_api.get("/customers/1/discount-plans", params={"month": "2025-13"})).status_code == 422


async def test_a_plan_that_there_is_not_is_reported_with_who_has_it(rating_api: httpx.AsyncClient) -> None:
    """R7: who has it would be billed without; a plan of a number or a feature counts, one that is gone does not."""
    await put(rating_api, PLAN)

    def having(*codes: str) -> dict[str, Any]:
        return {"discount_plans": tuple(PlanPeriod(plan=code, start=START) for code in codes)}

    await tell(*(CustomerCreated.model_validate(customer(each).model_dump() | having("M500")) for each in (1, 2)))
    of_number = number(11, 1, "442079460001").model_dump()
    feature = {"feature_id": 12, "customer_id": 2, "version": 1, "kind": "feature", "description": "", "start": START}
    await tell(
        NumberCreated.model_validate(of_number | having("M5OO", "M500")),
        FeatureCreated.model_validate(feature | having("M5OO")),
        FeatureCreated.model_validate(feature | having("GONE") | {"feature_id": 13}),
    )
    await tell(FeatureRemoved.model_validate(feature | having("GONE") | {"feature_id": 13, "version": 2}))
    told = (await rating_api.get("/reports/unknown-plans")).json()
    assert told == {"items": [{"plan": "M5OO", "customers": 2, "first_customers": [1, 2]}]}
    await put(rating_api, PLAN, "M5OO")
    assert (await rating_api.get("/reports/unknown-plans")).json() == {"items": []}
