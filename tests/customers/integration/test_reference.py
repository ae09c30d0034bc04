"""Reference lists over HTTP, and what a new installation starts with."""

from __future__ import annotations

from typing import Any

from httpx import AsyncClient
from sqlalchemy import text

from customers.domain import uk
from customers.main import app
from customers.service.reference import seed_defaults
from service_kit.database import Database, transaction

ANY = {"If-Match": "*"}


async def test_every_default_is_told_once(database: Database, outbox: Any) -> None:
    """C4"""
    assert len(await outbox("reference.updated")) == len(uk.defaults())
    assert await seed_defaults() == []
    assert len(await outbox("reference.updated")) == len(uk.defaults())


async def test_starting_again_does_not_undo_an_edit(api: AsyncClient) -> None:
    edit = {"name": "Cheque by post", "payment_method": {"terms": {"kind": "days_after", "value": 45}}}
    await api.put("/reference/payment_methods/cheque", json={**edit, "is_default": True}, headers=ANY)
    await seed_defaults()
    read = (await api.get("/reference/payment_methods/cheque")).json()
    assert (read["name"], read["version"], read["is_default"]) == ("Cheque by post", 2, True)


async def test_a_default_that_is_missing_comes_back_but_not_as_a_second_default(
    api: AsyncClient, database: Database
) -> None:
    async with transaction() as tx:
        await tx.connection.execute(text("DELETE FROM reference_entry WHERE code = 'monthly'"))
    quarterly = {"name": "Quarterly", "billing_cycle": {"every_months": 3}, "is_default": True}
    await api.put("/reference/billing_cycles/quarterly", json=quarterly, headers=ANY)
    assert [entry.code for entry in await seed_defaults()] == ["monthly"]
    items = (await api.get("/reference/billing_cycles")).json()["items"]
    assert {item["code"]: item["is_default"] for item in items} == {
        "manual": False,
        "monthly": False,
        "quarterly": True,
    }


async def test_the_lists_are_there_before_the_first_request(database: Database, outbox: Any) -> None:
    async with transaction() as tx:
        await tx.connection.execute(text("DELETE FROM reference_entry"))
    made = app()
    async with made.router.lifespan_context(made):
        assert len(await outbox("reference.updated")) == 2 * len(uk.defaults())


async def test_an_entry_becomes_the_default_in_place_of_another(api: AsyncClient, outbox: Any) -> None:
    """C4: both are told, the one that is no more first."""
    before = len(await outbox())
    card = {"name": "Card", "is_default": True, "payment_method": {"terms": {"kind": "days_after", "value": 14}}}
    assert (await api.put("/reference/payment_methods/card", json=card, headers=ANY)).json()["version"] == 2
    told = [(row["aggregateid"], row["payload"]["is_default"]) for row in (await outbox())[before:]]
    assert told == [("payment_methods/direct_debit", False), ("payment_methods/card", True)]
    assert (await api.put("/reference/payment_methods/card", json=card, headers=ANY)).json()["version"] == 2
    assert len(await outbox()) == before + 2


async def test_new_entries_can_be_used_and_retired_ones_cannot(api: AsyncClient, add_customer: Any) -> None:
    """C4"""
    await api.put("/reference/account_managers/ann", json={"name": "Ann Ashdown"})
    await add_customer(account_manager="ann")
    await api.put("/reference/account_managers/ann", json={"name": "Ann Ashdown", "retired": True}, headers=ANY)
    answer = await api.post("/customers", json={"name": "Other", "account_manager": "ann"})
    assert answer.status_code == 422
    assert "'ann' is retired" in answer.json()["detail"]


async def test_an_edit_of_an_older_version_is_refused(api: AsyncClient) -> None:
    """C20"""
    url, body = "/reference/status_reasons/other", {"name": "Another reason"}
    tag = (await api.get(url)).headers["ETag"]
    assert (await api.put(url, json=body, headers={"If-Match": tag})).status_code == 200
    assert (await api.put(url, json={"name": "Else"}, headers={"If-Match": tag})).status_code == 412


async def test_an_entry_says_what_its_list_needs_and_nothing_else(api: AsyncClient) -> None:
    vat = {"treatment": "zero", "periods": [{"percent": "0", "valid_from": "2025-01-01"}]}
    for url, body in (
        ("/reference/vat_rates/odd", {"name": "Odd"}),
        ("/reference/number_types/odd", {"name": "Odd", "vat_rate": vat}),
        ("/reference/vat_rates/odd", {"name": "Odd", "vat_rate": {**vat, "periods": []}}),
        ("/reference/vat_rates/has%20space", {"name": "Odd", "vat_rate": vat}),
    ):
        assert (await api.put(url, json=body)).status_code == 422, url
    assert (await api.put("/reference/vat_rates/odd", json={"name": "Odd", "vat_rate": vat})).status_code == 200


async def test_there_is_no_such_list_or_entry(api: AsyncClient) -> None:
    assert (await api.get("/reference/colours")).status_code == 404
    assert (await api.put("/reference/colours/red", json={"name": "Red"})).status_code == 404
    assert (await api.get("/reference/statuses/asleep")).status_code == 404
    items = (await api.get("/reference")).json()["items"]
    assert len(items) == len(uk.defaults())
