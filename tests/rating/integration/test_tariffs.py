"""Tariffs by HTTP (SPEC R5, R6, R10)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import httpx
import pytest

Select = Callable[[str], Any]
HEADER = (
    "prefix,call_class,band,price_per_minute,connection_charge,initial_seconds,step_seconds,minimum_charge,"
    "maximum_charge,free_seconds,valid_from,valid_to"
)


async def add(api: httpx.AsyncClient, code: str, **fields: Any) -> dict[str, Any]:
    answer = await api.post("/tariffs", json={"code": code, "name": code.title(), **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def imported(api: httpx.AsyncClient, path: str, *rows: str) -> httpx.Response:
    content = "\r\n".join(rows).encode("utf-8-sig")
    return await api.post(path, files={"file": ("deck.csv", content, "text/csv")})


async def rates(api: httpx.AsyncClient, code: str, **query: Any) -> list[dict[str, Any]]:
    answer = await api.get(f"/tariffs/{code}/rates", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def generation(select: Select) -> int:
    return int((await select("SELECT generation FROM gate"))[0]["generation"])


async def test_a_tariff_is_added_once_and_told(rating_api: httpx.AsyncClient, select: Select) -> None:
    """R5: its header is an event of the reference topic; what judges calls sees it in the next generation."""
    made = await add(rating_api, "BUSINESS", fallback_markup="25.5")
    assert made["version"] == 1
    assert made["rounding_places"] == 4
    assert made["megabyte_bytes"] == 1_000_000
    assert (await rating_api.get("/tariffs/BUSINESS")).json() == made
    again = await rating_api.post("/tariffs", json={"code": "BUSINESS", "name": "Other"})
    assert again.status_code == 409
    (row,) = await select("SELECT changed_in, fallback_markup FROM tariff")
    assert (row["changed_in"], str(row["fallback_markup"])) == (await generation(select), "25.5")
    (event,) = await select("SELECT type, payload FROM outbox")
    assert (event["type"], event["payload"]["code"]) == ("tariff.updated", "BUSINESS")


async def test_one_tariff_at_most_is_the_default(rating_api: httpx.AsyncClient) -> None:
    """R5: the last one chosen."""
    await add(rating_api, "OLD", is_default=True)
    await add(rating_api, "NEW", is_default=True)
    tariffs = {each["code"]: each for each in (await rating_api.get("/tariffs")).json()["items"]}
    assert [tariffs[code]["is_default"] for code in ("OLD", "NEW")] == [False, True]
    assert tariffs["OLD"]["version"] == 2


async def test_rates_come_in_versions_that_stay(rating_api: httpx.AsyncClient, select: Select) -> None:
    """R10: of two versions for always the last one counts; the rates of the one before can still be named."""
    await add(rating_api, "HOME")
    first = await imported(rating_api, "/tariffs/HOME/rates", HEADER, "33,,,0.1,,,,,,,,", "49,,,0.2,,,,,,,,")
    told = {"rows": 2, "effective_from": None, "problems": [], "totals": {}}
    assert first.json() == {**told, "prefixes": 2, "version": 2}
    rows = ("33,,,0.008271,0.1,30,6,0.05,1.75,10,2025-01-01,", "49,,,0.1,,,,,,,,", ",SMS,,0.03,,,,,,,,")
    second = await imported(rating_api, "/tariffs/HOME/rates", HEADER, *rows)
    assert second.json() == {**told, "rows": 3, "prefixes": 2, "version": 3}
    (rate, *_) = await select("SELECT rate.* FROM rate JOIN tariff_version USING (version_id) WHERE version = 3")
    assert (rate["price_micro"], rate["connection_micro"], rate["maximum_micro"]) == (8271, 100_000, 1_750_000)
    assert (rate["valid_from"], rate["valid_to"]) == (date(2025, 1, 1), None)
    changed = await select("SELECT max(tariff_version.changed_in), max(tariff.changed_in) FROM tariff_version, tariff")
    assert set(changed[0].values()) == {await generation(select)}
    prices = [each["price_per_minute"] for each in await rates(rating_api, "HOME")]
    assert prices == ["0.008271", "0.100000", "0.030000"]
    assert [each["prefix"] for each in await rates(rating_api, "HOME", version=2)] == ["33", "49"]


async def test_a_file_with_a_problem_changes_nothing(rating_api: httpx.AsyncClient, select: Select) -> None:
    """R10: checked; each problem with its row."""
    await add(rating_api, "HOME")
    await imported(rating_api, "/tariffs/HOME/rates", HEADER, "33,,,0.1,,,,,,,,")
    before = await generation(select)
    refused = await imported(
        rating_api, "/tariffs/HOME/rates", HEADER, "34,,,1,,,,,,,,", "34,,,x,,,,,,,,", "34,,,2,,,,,,,,"
    )
    assert refused.status_code == 422
    found = [(each["row"], each["kind"], each["severity"]) for each in refused.json()["problems"]]
    assert found == [(2, "unreadable", "error"), (3, "duplicate", "error")]
    assert refused.json()["totals"] == {"unreadable": 1, "duplicate": 1}
    assert [row["prefix"] for row in await select("SELECT prefix FROM rate")] == ["33"]
    assert await generation(select) == before
    missing = await imported(rating_api, "/tariffs/NONE/rates", HEADER)
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("path", "header", "table", "what"),
    [
        ("/destinations", "prefix,destination,call_class", "destination", "destinations"),
        ("/inbound-classes", "prefix,call_class", "inbound_class", "inbound_classes"),
    ],
)
async def test_a_prefix_table_is_replaced_whole(
    rating_api: httpx.AsyncClient, select: Select, path: str, header: str, table: str, what: str
) -> None:
    """R4: and pictures in memory learn that it changed."""
    middle = ",Somewhere" if table == "destination" else ""
    await imported(rating_api, path, header, f"44{middle},National", f"447{middle},Mobile")
    report = (await imported(rating_api, path, header, f"33{middle},International")).json()
    assert (report["rows"], report["prefixes"], report["problems"]) == (1, 1, [])
    assert [row["prefix"] for row in await select(f"SELECT prefix FROM {table}")] == ["33"]
    (changed,) = await select(f"SELECT changed_in FROM lists_changed WHERE what = '{what}'")
    assert changed["changed_in"] == await generation(select)
    refused = await imported(rating_api, path, header, f"33{middle},A", f"33{middle},B")
    assert refused.status_code == 422


async def test_default_tariffs_go_by_source_and_number_type(rating_api: httpx.AsyncClient, select: Select) -> None:
    """R5: per source and number type, else number type."""
    await add(rating_api, "HOME")
    for body in ({"number_type": "mobile"}, {"source": "skylark", "number_type": "mobile"}, {"number_type": "mobile"}):
        assert (await rating_api.post("/default-tariffs", json={**body, "tariff": "HOME"})).status_code == 200
    found = (await rating_api.get("/default-tariffs")).json()["items"]
    assert [(each["source"], each["number_type"]) for each in found] == [("", "mobile"), ("skylark", "mobile")]
    (changed,) = await select("SELECT changed_in FROM lists_changed WHERE what = 'default_tariffs'")
    assert changed["changed_in"] == await generation(select)
    assert (await rating_api.post("/default-tariffs", json={"number_type": "sip", "tariff": "NONE"})).status_code == 422
    assert (await rating_api.post("/default-tariffs", json={"tariff": "HOME"})).status_code == 422


async def test_mappings_are_data(rating_api: httpx.AsyncClient) -> None:
    """R2: the UK Standard CDR ships; another can be added, one that names no column of its header cannot."""
    shipped = (await rating_api.get("/mappings/uk-standard-cdr")).json()
    assert (shipped["version"], len(shipped["header"])) == (1, 42)
    definition = {name: value for name, value in shipped.items() if name not in ("name", "version")}
    other = await rating_api.put("/mappings/northstar", json={**definition, "date_format": "%Y-%m-%d"})
    assert (other.status_code, other.json()["version"]) == (200, 1)
    assert (await rating_api.put("/mappings/northstar", json=definition)).json()["version"] == 2
    wrong = {**definition, "columns": {**definition["columns"], "date": "Day"}}
    assert (await rating_api.put("/mappings/northstar", json=wrong)).status_code == 422
    names = [each["name"] for each in (await rating_api.get("/mappings")).json()["items"]]
    assert names == ["northstar", "uk-standard-cdr"]


async def test_what_is_not_built_says_so(rating_api: httpx.AsyncClient) -> None:
    """R8."""
    assert (await rating_api.post("/re-ratings")).status_code == 501
