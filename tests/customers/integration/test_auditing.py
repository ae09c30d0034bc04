"""The audit log: every change leaves its trace, and is found (SPEC C19)."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from httpx import AsyncClient

from service_kit import clock

ANY = {"If-Match": "*"}
Json = dict[str, Any]


async def log(api: AsyncClient, path: str, **query: Any) -> list[Json]:
    answer = await api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def sent(answer: Any) -> Json:
    got = await answer
    assert got.status_code < 300, got.text
    return dict(got.json()) if got.content else {}


async def test_every_change_of_a_customer_leaves_old_and_new(api: AsyncClient, add_customer: Any) -> None:
    """C19: status, details, numbers, call plans, features, charges; each with who did it."""
    customer = await add_customer(name="Fenwick Tiles", account_number="FEN1")
    other = await add_customer(name="Other")
    path = f"/customers/{customer['customer_id']}"
    changes = {"name": "Fenwick", "portal_access": {"bills": True}, "credit_limit": "10.00", "account_number": "FEN2"}
    await sent(api.put(path, json=changes, headers=ANY))
    await sent(api.post(f"{path}/status", json={"status": "active_do_not_bill", "effective_from": "2025-01-01"}))
    line = {"number": "020 7946 0123", "call_plan": "standard", "start": "2025-01-01"}
    number_id = (await sent(api.post(f"{path}/numbers", json=line)))["number"]["number_id"]
    await sent(api.put(f"/numbers/{number_id}", json={"label": "Desk", "end": "2025-12-31"}, headers=ANY))
    charge = {"kind": "one_off", "description": "Setup", "amount": "1.00", "start": "2025-02-01"}
    charged = await sent(api.post(f"/numbers/{number_id}/charges", json=charge))
    await sent(api.put(f"/charges/{charged['charge_id']}", json={"amount": "2.00"}, headers=ANY))
    feature = await sent(api.post(f"{path}/features", json={"description": "Seat", "start": "2025-01-01"}))
    await sent(api.put(f"/features/{feature['feature_id']}", json={"end": "2025-06-30"}, headers=ANY))
    await sent(api.delete(f"/features/{feature['feature_id']}"))
    move = {"customer_id": other["customer_id"], "on": "2025-03-01"}
    await sent(api.post(f"/numbers/{number_id}/move", json=move))

    items = await log(api, f"{path}/audit", limit=1000)
    assert {each["actor"] for each in items} == {"ann"}
    traces = {(each["entity"], each["field"]): (each["old"], each["new"]) for each in items}
    assert traces["customer", "created"][1]["account_number"] == "FEN1"
    assert traces["customer", "created"][1]["history"][0]["status"] == "active"
    assert traces["customer", "name"] == ("Fenwick Tiles", "Fenwick")
    assert traces["customer", "account_number"] == ("FEN1", "FEN2")
    assert traces["customer", "credit_limit"] == (None, "10.00")
    assert [each["bills"] for each in traces["customer", "portal_access"]] == [False, True]
    assert [len(each) for each in traces["customer", "history"]] == [1, 2]
    assert traces["number", "label"] == ("", "Desk")
    told = [(each["entity_id"], each["field"], each["old"], each["new"]) for each in items]
    assert (str(feature["feature_id"]), "end", None, "2025-06-30") in told
    assert traces["feature", "removed"][1] is None
    assert traces["assignment", "end"]
    amounts = [each["new"][0]["amount"] for each in items if (each["entity"], each["field"]) == ("number", "charges")]
    assert amounts[:2] == ["1.00", "2.00"]
    moved = await log(api, f"/customers/{other['customer_id']}/audit", entity="number")
    assert [each["field"] for each in moved] == ["created"]


async def test_every_change_of_lists_and_sets_leaves_old_and_new(api: AsyncClient) -> None:
    """C4, C19"""
    url = "/reference/payment_methods/card"
    await sent(api.put(url, json={"name": "Cards", "is_default": True}, headers=ANY))
    await sent(api.delete(url.replace("card", "cheque")))
    await sent(api.post(url.replace("card", "cheque") + "/restore"))
    await sent(api.post("/reference/billing_cycles/order", json={"codes": ["quarterly"]}))
    await sent(api.put("/reference/account_managers/bob", json={"name": "Bob"}))
    charges = [{"kind": "one_off", "description": "x", "amount": "1.00"}]
    price = {"valid_from": "2025-01-01", "charges": charges}
    await sent(api.post("/reference/standard_features/broadband/prices", json=price))
    made = await sent(api.post("/default-sets", json={"name": "One", "is_default": True, "values": {}}))
    await sent(api.post("/default-sets", json={"name": "Two", "is_default": True, "values": {"notes": "x"}}))
    await sent(api.delete(f"/default-sets/{made['set_id']}"))

    items = await log(api, "/audit", entity="reference")
    told = [(each["entity_id"], each["field"], each["old"], each["new"]) for each in items]
    assert ("payment_methods/card", "name", "Card", "Cards") in told
    assert ("payment_methods/card", "is_default", False, True) in told
    assert ("payment_methods/direct_debit", "is_default", True, False) in told
    assert ("payment_methods/cheque", "retired", False, True) in told
    assert ("payment_methods/cheque", "retired", True, False) in told
    assert ("billing_cycles/quarterly", "position", 0, 1) in told
    assert [each[1] for each in told if each[0] == "account_managers/bob"] == ["created"]
    sets = [(each["entity_id"], each["field"]) for each in await log(api, "/audit", entity="default_set")]
    first = str(made["set_id"])
    assert [each[1] for each in sets if each[0] == first] == ["created", "is_default", "removed"]
    everything = await log(api, "/audit")
    assert any(each["entity"] not in ("reference", "default_set") for each in everything), "prices have traces too"


@pytest.fixture
async def path(api: AsyncClient, add_customer: Any) -> str:
    """The log of a customer whose notes were changed three times."""
    customer = await add_customer(name="Fenwick")
    url = f"/customers/{customer['customer_id']}"
    for notes in ('rang 50% of_the "time"', "Ünïcode ΑΘΗΝΑ", "back\\slash"):
        await sent(api.put(url, json={"notes": notes}, headers=ANY))
    return f"{url}/audit"


async def test_the_log_is_searched(api: AsyncClient, path: str) -> None:
    """C19: by field, entity, actor, day and text; all that is given must hold."""
    everything = await log(api, path)
    assert len(everything) == 4
    today = str(clock.today())
    for query, count in (
        ({"field": "notes"}, 3),
        ({"field": "created"}, 1),
        ({"entity": "customer", "actor": "ann"}, 4),
        ({"entity": "number"}, 0),
        ({"actor": "bob"}, 0),
        ({"from": today, "to": today}, 4),
        ({"to": "2000-01-01"}, 0),
        ({"from": "2199-12-31"}, 0),
        ({"text": "50%"}, 2),
        ({"text": "5_%"}, 0),
        ({"text": 'of_the "time"'}, 2),
        ({"text": "ünïcode αθηνα"}, 2),
        ({"text": "k\\s"}, 1),
        ({"text": "FENWICK"}, 1),
        ({"text": "' OR 1=1 --"}, 0),
        ({"entity_id": path.split("/")[2], "field": "notes", "text": "rang"}, 2),
    ):
        assert len(await log(api, path, **query)) == count, query


async def test_pages_go_both_ways(api: AsyncClient, path: str) -> None:
    """C19"""
    oldest = [each["audit_id"] for each in await log(api, path)]
    for order, wanted in (("oldest", oldest), ("newest", oldest[::-1])):
        found: list[int] = []
        page = (await api.get(path, params={"order": order, "limit": 3})).json()
        while True:
            found += [each["audit_id"] for each in page["items"]]
            if page["next"] is None:
                break
            page = (await api.get(path, params={"order": order, "limit": 3, "after": page["next"]})).json()
        assert found == wanted


async def test_the_file_has_what_the_pages_have(api: AsyncClient, path: str) -> None:
    """C19"""
    answer = await api.get(f"{path}.csv", params={"field": "notes", "order": "newest"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert [row["new"] for row in rows] == ["back\\slash", "Ünïcode ΑΘΗΝΑ", 'rang 50% of_the "time"']
    assert rows[0]["old"] == "Ünïcode ΑΘΗΝΑ"
    assert len((await api.get("/audit.csv")).text.splitlines()) == 1


@pytest.mark.parametrize(
    "query",
    [{"from": "1989-12-31"}, {"to": "9999-12-31"}, {"from": "2025-02-01", "to": "2025-01-31"}, {"from": "soon"},
     {"order": "both"}, {"text": "a\0"}, {"text": "x" * 10_000}, {"after": 2**63}, {"limit": 0}],
)  # fmt: skip
async def test_what_cannot_be_asked_for_is_said(api: AsyncClient, path: str, query: Json) -> None:
    for each in (path, "/audit", f"{path}.csv", "/audit.csv"):
        if not each.endswith(".csv") or not {"after", "limit"} & query.keys():
            assert (await api.get(each, params=query)).status_code == 422, each
    assert (await api.get("/customers/99/audit.csv")).status_code == 404
