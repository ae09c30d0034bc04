"""SmartSearch: one box for customers and numbers."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text

import customers
from customers.domain.search import key_of
from service_kit.database import Database, transaction

Json = dict[str, Any]


async def search(api: AsyncClient, typed: str, **more: Any) -> Json:
    answer = await api.get("/search", params={"q": typed, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def names(api: AsyncClient, typed: str) -> list[str]:
    return [each["name"] for each in (await search(api, typed, limit=100))["customers"]]


async def add_number(api: AsyncClient, customer: Json, number: str, **more: Any) -> Json:
    body = {"number": number, "call_plan": "standard", "start": "2025-01-01", **more}
    answer = await api.post(f"/customers/{customer['customer_id']}/numbers", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["number"])


async def test_one_customer_is_gone_to_straight(api: AsyncClient, add_customer: Any) -> None:
    """F1: one customer: straight to it, with what its link shows."""
    customer = await add_customer(name="Ann O'Brien", company_name="Brightwater Tiles Ltd", account_number="AB-0042")
    await add_customer(name="Somebody Else")
    for typed in ("AB-0042", "ab 0042", "b004", "obrien", "O’BRIEN", "o brien", "ann obr", "bright water", "watertil"):
        found = await search(api, typed)
        assert (found["kind"], len(found["customers"])) == ("customer", 1), typed
        hit = found["customers"][0]
        assert hit["customer_id"] == customer["customer_id"]
        assert (hit["status"], hit["status_name"], hit["status_colour"]) == ("active", "Active", "#2e7d32")
        assert (hit["account_number"], hit["company_name"]) == ("AB-0042", "Brightwater Tiles Ltd")
    assert (await search(api, "ab0042"))["customers"][0]["match"] == "exact"
    assert (await search(api, "brightwater"))["customers"][0]["match"] == "part"


async def test_an_account_number_typed_in_full_is_the_answer_alone(api: AsyncClient, add_customer: Any) -> None:
    """F1: others that only contain it are not in the way."""
    await add_customer(account_number="F77", name="Short")
    await add_customer(account_number="F770", name="Long")
    assert await names(api, "f77") == ["Short"]
    assert (await search(api, "f7"))["kind"] == "customers"


async def test_several_customers_are_a_list_with_the_best_first(api: AsyncClient, add_customer: Any) -> None:
    """F1: several: a list. The whole name, then beginnings of names, of words, and parts."""
    for name in ("Blacksmith Forge", "John Smith", "Smithson Ltd", "Smith", "Ann Smithers"):
        await add_customer(name=name)
    found = await search(api, "smith")
    assert found["kind"] == "customers"
    listed = [each["name"] for each in found["customers"]]
    assert listed[:2] == ["Smith", "Smithson Ltd"]
    assert set(listed[2:4]) == {"John Smith", "Ann Smithers"}
    assert listed[4:] == ["Blacksmith Forge"]
    assert [each["match"] for each in found["customers"]] == ["exact", "part", "part", "part", "part"]
    few = await search(api, "smith", limit=2)
    assert ([each["name"] for each in few["customers"]], few["more_customers"]) == (listed[:2], True)


@pytest.mark.parametrize(
    "typed",
    [
        *("020 7946 0123", "+44 20 7946 0123", "00442079460123", "+44 (0)20 7946 0123", "(020) 7946-0123"),
        *("442079460123", "2079460123", "460123", "0123", "7946 01", "0207946", "+44 20 79", "0044207", "02079460123"),
    ],
)
async def test_one_number_in_any_spelling_is_gone_to_with_its_customer(
    api: AsyncClient, add_customer: Any, typed: str
) -> None:
    """F1: one number: the number's page, with its customer linked."""
    customer = await add_customer(name="Brightwater Tiles", account_number="ACC")
    number = await add_number(api, customer, "020 7946 0123", label="Reception")
    await add_number(api, customer, "0161 496 0888")
    found = await search(api, typed)
    assert found["kind"] == "number"
    hit = found["numbers"][0]
    assert (hit["number_id"], hit["number"], hit["label"]) == (number["number_id"], "+442079460123", "Reception")
    assert hit["customer"]["customer_id"] == customer["customer_id"]
    assert hit["customer"]["status"] == "active"


async def test_several_numbers_are_a_list_with_the_customer_of_each(api: AsyncClient, add_customer: Any) -> None:
    """F1: several numbers: a list with the customer of each linked."""
    one, other = await add_customer(name="Brightwater"), await add_customer(name="Fenwick")
    await add_number(api, one, "020 7946 0123")
    await add_number(api, other, "020 7946 0124")
    found = await search(api, "7946012")
    assert found["kind"] == "numbers"
    assert [(each["number"], each["customer"]["name"]) for each in found["numbers"]] == [
        ("+442079460123", "Brightwater"),
        ("+442079460124", "Fenwick"),
    ]


async def test_customers_and_numbers_are_one_list_in_two_groups(api: AsyncClient, add_customer: Any) -> None:
    """F1: customers and numbers both."""
    await add_customer(name="Route 946 Diner")
    await add_number(api, await add_customer(name="Fenwick"), "020 7946 0123")
    found = await search(api, "946")
    assert found["kind"] == "both"
    assert [each["name"] for each in found["customers"]] == ["Route 946 Diner"]
    assert [each["number"] for each in found["numbers"]] == ["+442079460123"]


async def test_a_number_held_by_one_after_the_other_shows_its_days_the_present_one_first(
    api: AsyncClient, add_customer: Any
) -> None:
    """F1, C9"""
    before, now = await add_customer(name="Before"), await add_customer(name="Now")
    await add_number(api, before, "020 7946 0123", end="2025-03-31")
    await add_number(api, now, "020 7946 0123", start="2025-04-01")
    for typed in ("02079460123", "60123"):
        found = await search(api, typed)
        assert found["kind"] == "numbers"
        days = [(hit["customer"]["name"], hit["start"], hit["end"], hit["is_present"]) for hit in found["numbers"]]
        assert days == [("Now", "2025-04-01", None, True), ("Before", "2025-01-01", "2025-03-31", False)]


@pytest.mark.parametrize(
    "typed", ["brigthwater", "brihtwater", "brightwatter", "brightwarer", "Brightwater Tilse", "brightwaer tils"]
)
async def test_a_typing_error_in_a_name_is_found(api: AsyncClient, add_customer: Any, typed: str) -> None:
    """F1: small typing errors found: letters swapped, missing, doubled, wrong."""
    await add_customer(name="Zoe", company_name="Brightwater Tiles Ltd")
    await add_customer(name="Fenwick Paper")
    found = await search(api, typed)
    assert [each["company_name"] for each in found["customers"]] == ["Brightwater Tiles Ltd"]
    assert found["customers"][0]["match"] == "similar"
    assert "brightwater" in found["meant"]


@pytest.mark.parametrize(("typed", "name"), [("jhon", "John"), ("smiht", "Ann Smith"), ("mueller", "Jörg Müller")])
async def test_a_typing_error_in_a_short_name_is_found(
    api: AsyncClient, add_customer: Any, typed: str, name: str
) -> None:
    """F1: groups of three letters would miss these."""
    await add_customer(name=name)
    await add_customer(name="Peter Jones")
    assert await names(api, typed) == [name]


@pytest.mark.parametrize("typed", ["F20371", "F203177", "F20317X", "F2O317", "f0317"])
async def test_a_typing_error_in_an_account_number_is_found(api: AsyncClient, add_customer: Any, typed: str) -> None:
    """F1: one character wrong, missing or too many."""
    await add_customer(account_number="F20317")
    found = await search(api, typed)
    assert [each["account_number"] for each in found["customers"]] == ["F20317"]


async def test_a_typing_error_in_a_number_is_found(api: AsyncClient, add_customer: Any) -> None:
    """F1: two digits swapped."""
    await add_number(api, await add_customer(), "020 7946 0123")
    found = await search(api, "020 7496 0123")
    assert [(each["number"], each["match"]) for each in found["numbers"]] == [("+442079460123", "similar")]


async def test_what_is_not_there_is_said_with_what_was_tried(api: AsyncClient, add_customer: Any) -> None:
    """F1"""
    await add_customer()
    found = await search(api, "020 7946 9999")
    assert (found["kind"], found["customers"], found["numbers"]) == ("nothing", [], [])
    assert any("numbers containing 02079469999" in each for each in found["tried"])
    assert any("similar names" in each for each in (await search(api, "Qwertz"))["tried"])


async def test_fewer_than_three_characters_find_beginnings(api: AsyncClient, add_customer: Any) -> None:
    """F1: one letter is in nearly every name."""
    await add_customer(name="Oz Paper", account_number="ZZ1")
    await add_customer(name="Rozalind", account_number="AA1")
    assert await names(api, "oz") == ["Oz Paper"]
    assert await names(api, "李") == []
    await add_customer(name="李小龍")
    assert await names(api, "李小") == ["李小龍"]


HOSTILE = [
    *("%", "_", "\\", "%%%", "a%b_c\\", "'; DROP TABLE customer; --", '"', "''''", "$1", ":key", "%(key)s", "{hits}"),
    *(
        "   ",
        "",
        "\t\n",
        "🙂",
        "🙂🙂🙂",
        "\u202e\u200f",
        "\ufdfa" * 20,
        "e\u0301" * 60,
        "+",
        "-",
        "0",
    ),
    *("00", "+44", "(0)", "9" * 200, "1 " * 100, "a " * 100, "a b c d e f g h i j k l", "<script>alert(1)</script>"),
    *("null", "ltd", "the and co", "١٢٣", "12٣", "½", "ﷺ", "\ud7ff", "\ue000", "\U0010ffff", "a\U0010ffffb"),
]


async def test_whatever_is_typed_is_answered(api: AsyncClient, add_customer: Any) -> None:
    """F1: signs that mean something to the database or to nobody."""
    await add_customer(name="100% Tiles_and \\ Slates", account_number="A-1")
    for typed in HOSTILE:
        assert (await search(api, typed))["kind"] in {"nothing", "customer", "customers"}, typed
    for typed in ("00% t", "100%", "tiles_and", "and \\ slates"):
        assert await names(api, typed) == ["100% Tiles_and \\ Slates"], typed
    assert (await search(api, "%"))["kind"] == (await search(api, "___"))["kind"] == "nothing"


@pytest.mark.parametrize("typed", ["\0", "abc\0def"])
async def test_a_nul_is_refused_as_everywhere(api: AsyncClient, typed: str) -> None:
    """F1, HTTP conventions: nothing that is kept can hold it."""
    answer = await api.get("/search", params={"q": typed})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "q")


async def test_ten_thousand_characters_are_refused_with_what_to_do(api: AsyncClient) -> None:
    """F1"""
    answer = await api.get("/search", params={"q": "x" * 10_000})
    assert answer.status_code == 422
    assert "q" in answer.json()["detail"]
    assert "200" in answer.json()["detail"]


async def test_what_was_changed_is_found_at_once_by_its_new_name_alone(api: AsyncClient, add_customer: Any) -> None:
    """F1: the search is kept in the transaction of the change."""
    customer = await add_customer(name="Brightwater", account_number="OLD-1")
    path = f"/customers/{customer['customer_id']}"
    change = {"name": "Fenwick", "company_name": "Marlowe Paper", "account_number": "NEW-9"}
    assert (await api.put(path, json=change, headers={"If-Match": "*"})).status_code == 200
    for typed in ("brightwater", "brigthwater", "old-1"):
        assert (await search(api, typed))["kind"] == "nothing", typed
    for typed in ("fenwick", "fenwikc", "lowe pap", "new9"):
        assert (await search(api, typed))["customers"][0]["name"] == "Fenwick", typed
    assert (await api.post(f"{path}/drop", json={"drop_date": "2025-01-31"})).status_code == 200
    assert (await search(api, "fenwick"))["customers"][0]["status_name"] == "Dropped"


async def test_an_import_is_found_at_once(api: AsyncClient) -> None:
    """F1: by whatever way a customer came."""
    number = {"number": "0161 496 0123", "call_plan": "standard", "start": "2025-01-01"}
    rows = [{"name": f"Imported {word}", "numbers": [number] if word == "one" else []} for word in ("one", "two")]
    body = "\n".join(json.dumps(row) for row in rows)
    answer = await api.post("/imports/customers", content=body, headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text
    assert await names(api, "imported") == ["Imported one", "Imported two"]
    assert (await search(api, "01614960123"))["numbers"][0]["customer"]["name"] == "Imported one"


async def test_any_part_of_any_name_finds_its_customer(api: AsyncClient, add_customer: Any) -> None:
    """F1: any part, from three characters on."""
    stored = (
        "Zoë O’Brien-Smyth",
        "A.B.C. Straße & Söhne GmbH",
        "Łódź Żabka Sp. z o.o.",
        "株式会社ブライト",
        "Ιωάννης 24/7 Σίγμα",
    )
    for name in stored:
        await add_customer(name=name)
    chance = Random(3)
    for name in stored:
        for _ in range(12):
            begin = chance.randrange(len(name) - 2)
            part = name[begin : chance.randint(begin + 3, len(name))]
            if len(key_of(part)) >= 3:
                assert name in await names(api, part), (name, part)


async def test_words_of_names_and_of_account_numbers_are_found_together(api: AsyncClient, add_customer: Any) -> None:
    """F1: any part of any of them, in any order."""
    await add_customer(name="Margaret Thornton", company_name="Penwick Glass", account_number="QX-1234")
    await add_customer(name="Margaret Thornley", company_name="Penwick Glass", account_number="QX-9876")
    for typed in (
        "thornton qx12",
        "glass 1234",
        "garet thornt",
        "thornton penwick",
        "margaretthornt",
        "PEN wick ornton",
    ):
        assert await names(api, typed) == ["Margaret Thornton"], typed
    assert await names(api, "thorn penw") == ["Margaret Thornley", "Margaret Thornton"]


async def test_a_part_that_very_many_words_have_is_found_all_the_same(api: AsyncClient, add_customer: Any) -> None:
    """F1: whichever way it is looked for; whole words first, then beginnings, then the rest."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    async with transaction() as tx:
        rows = [{"word": f"{one}{two}ellow"} for one in letters for two in letters[:5]]
        await tx.connection.execute(text("INSERT INTO search_word VALUES (:word, '{}')"), rows)
    for name in ("Swellow", "Ellow", "Ellower"):
        await add_customer(name=f"{name} Person")
    assert await names(api, "ellow") == ["Ellow Person", "Ellower Person", "Swellow Person"]
    assert await names(api, "ellow person") == ["Ellow Person", "Ellower Person", "Swellow Person"]
    assert await names(api, "llower") == ["Ellower Person"]


async def test_customers_without_a_row_of_the_search_are_given_one_by_the_migration(
    api: AsyncClient, add_customer: Any, database: Database
) -> None:
    """F1: what was there before there was a search is found too."""
    await add_customer(name="Brightwater", company_name="Tiles Ltd", account_number="OLD-1", emails=["a@b.example"])
    async with transaction() as tx:
        before = (await tx.connection.execute(text("SELECT * FROM customer_search"))).mappings().all()
        words = (await tx.connection.execute(text("SELECT * FROM search_word ORDER BY word"))).all()
        await tx.connection.execute(text("TRUNCATE customer_search, search_word"))
        await tx.connection.run_sync(_migration().fill)
        assert (await tx.connection.execute(text("SELECT * FROM customer_search"))).mappings().all() == before
        assert (await tx.connection.execute(text("SELECT * FROM search_word ORDER BY word"))).all() == words


def _migration() -> Any:
    path = Path(customers.__file__).parents[2] / "migrations" / "versions" / "0006_search.py"
    spec = importlib.util.spec_from_file_location("search_migration", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
