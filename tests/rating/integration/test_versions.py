"""Versions of tariffs by HTTP: scheduled, checked, exported, taken back; parents, calendars (SPEC R5, R6, R10)."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import xlsxwriter

from rating.service import desk
from rating.service.pictures import Pictures
from service_kit import clock

Select = Callable[[str], Any]
SHORT = "prefix,call_class,band,price_per_minute"
NUMBER = "+442079460123"
MONDAY = "2026-01-05T10:00:00Z"


@pytest.fixture(autouse=True)
def _in_january(rating_api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 12 January 2026, and no picture of another database is in memory."""
    monkeypatch.setattr(desk, "pictures", Pictures())
    clock.move_to(datetime(2026, 1, 12, 12, tzinfo=UTC))


async def add(api: httpx.AsyncClient, code: str, **fields: Any) -> None:
    answer = await api.post("/tariffs", json={"code": code, "name": code.title(), **fields})
    assert answer.status_code == 201, answer.text


async def imported(api: httpx.AsyncClient, code: str, *rows: str, header: str = SHORT, **query: Any) -> dict[str, Any]:
    content = "\n".join((header, *rows)).encode()
    answer = await api.post(f"/tariffs/{code}/rates", params=query, files={"file": ("deck.csv", content, "text/csv")})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def asked(api: httpx.AsyncClient, code: str, at: str = MONDAY, **query: Any) -> dict[str, Any]:
    answer = await api.get(f"/tariffs/{code}/rate", params={"number": NUMBER, "at": at, **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def price(api: httpx.AsyncClient, code: str, at: str = MONDAY, **query: Any) -> str | None:
    rate = (await asked(api, code, at, **query))["rate"]
    return rate and rate["price_per_minute"]


def messages(report: dict[str, Any], kind: str) -> list[str]:
    assert all(each["severity"] == "warning" for each in report["problems"])
    return [each["message"] for each in report["problems"] if each["kind"] == kind]


async def test_a_version_takes_effect_for_calls_of_its_day_on(rating_api: httpx.AsyncClient) -> None:
    """R10: it is imported before; nothing else happens on the day. The local day counts: 1 July begins in June, UTC."""
    await add(rating_api, "HOME")
    await imported(rating_api, "HOME", "44,,,0.1")
    report = await imported(rating_api, "HOME", "44,,,0.2", effective_from="2026-07-01", note="summer")
    assert (report["version"], report["effective_from"]) == (3, "2026-07-01")
    assert await price(rating_api, "HOME", "2026-06-30T22:59:59Z") == "0.100000"
    assert await price(rating_api, "HOME", "2026-06-30T23:00:00Z") == "0.200000"
    items = (await rating_api.get("/tariffs/HOME/versions")).json()["items"]
    told = [(each["version"], each["effective_from"], each["note"], each["created_by"]) for each in items]
    assert told == [(2, None, "", "ann"), (3, "2026-07-01", "summer", "ann")]
    for query, expected in (({}, "0.100000"), ({"on": "2026-07-01"}, "0.200000"), ({"version": 3}, "0.200000")):
        (row,) = (await rating_api.get("/tariffs/HOME/rates", params=query)).json()["items"]
        assert row["price_per_minute"] == expected


async def test_an_import_behind_a_scheduled_version_says_until_when_it_holds(rating_api: httpx.AsyncClient) -> None:
    """R10: who forgets the date is told that later versions stay."""
    await add(rating_api, "HOME")
    await imported(rating_api, "HOME", "44,,,0.2", effective_from="2026-07-01")
    report = await imported(rating_api, "HOME", "44,,,0.1")
    assert messages(report, "later_version") == [
        "it is in force until version 2 takes its place on 2026-07-01",
    ]


async def test_gaps_are_told_and_kept_with_the_version(rating_api: httpx.AsyncClient) -> None:
    """R10: compared with the version that it takes the place of."""
    await add(rating_api, "HOME")
    await imported(rating_api, "HOME", "44,,,0.1", "4420,,,0.2", "33,,,0.3", ",SMS,,0.01")
    report = await imported(rating_api, "HOME", "44,,peak,0.1", ",SMS,,0.01")
    assert messages(report, "gap") == [
        "prefix 33 has a rate in version 2 and none here: nothing of this file answers instead",
        "prefix 4420 has a rate in version 2 and none here: prefix 44 of this file answers instead",
        "prefix 44: there is no rate for the band offpeak, and none for all bands",
        "prefix 44: there is no rate for the band weekend, and none for all bands",
    ]
    kept = (await rating_api.get("/tariffs/HOME/versions/3")).json()
    assert (kept["problems"], kept["totals"], kept["prefixes"]) == (report["problems"], {"gap": 4}, 1)


async def test_prices_below_cost_are_told_with_both(rating_api: httpx.AsyncClient) -> None:
    """R10: a call of 60 seconds, in each band, under the cost tariff's longest prefix; or the file's own column."""
    await add(rating_api, "COST")
    await imported(rating_api, "COST", "44,,,0.01", "447,,peak,0.05", "447,,,0.02", ",SMS,,0.04")
    await add(rating_api, "HOME")
    rows = ("4420,,,0.01", "44770,,,0.03", ",SMS,,0.039999", "49,,,0.001")
    report = await imported(rating_api, "HOME", *rows, against="COST", dry_run=True)
    assert messages(report, "negative_margin") == [
        "prefix 44770: a call of 60 seconds is sold for £0.03 and costs £0.05 in the band peak (COST, prefix 447)",
        "class SMS: a message is sold for £0.039999 and costs £0.04 in the band weekend (COST, its class)"
        "; below cost in peak, offpeak too",
    ]
    by_column = await imported(rating_api, "HOME", "44,,,0.02,0.03", header=f"{SHORT},cost_per_minute", dry_run=True)
    assert messages(by_column, "negative_margin") == [
        "prefix 44: a call of 60 seconds is sold for £0.02 and costs £0.03 by the file's own column"
    ]
    wrong = {"params": {"against": "NONE"}, "files": {"file": ("a", b"", "text/csv")}}
    assert (await rating_api.post("/tariffs/HOME/rates", **wrong)).status_code == 422  # type: ignore[arg-type]


async def test_a_dry_run_reports_and_changes_nothing(rating_api: httpx.AsyncClient, select: Select) -> None:
    """R10: errors too are a report then, not a refusal."""
    await add(rating_api, "HOME")
    before = await select("SELECT generation FROM gate")
    report = await imported(rating_api, "HOME", "44,,,0.1", "44,,,0.1", "45,,night,1", dry_run=True)
    assert (report["version"], report["totals"]) == (None, {"duplicate": 1, "unreadable": 1})
    assert [(each["row"], each["severity"]) for each in report["problems"]] == [(3, "error"), (2, "error")]
    assert await select("SELECT 1 FROM rate UNION ALL SELECT 1 FROM tariff_version") == []
    assert await select("SELECT generation FROM gate") == before


async def test_what_is_exported_can_be_imported_again(rating_api: httpx.AsyncClient, select: Select) -> None:
    """R10: the same columns, to the millionth; no row is another after the round trip."""
    await add(rating_api, "HOME")
    header = (
        "prefix,call_class,band,price_per_minute,connection_charge,initial_seconds,step_seconds,minimum_charge,"
        "maximum_charge,free_seconds,valid_from,valid_to"
    )
    rows = ("33,,peak,0.008271,0.1,30,6,0.05,1.75,10,2025-01-01,2026-12-31", ',"S, ""x""",,999999999.999999,,,,,,,,')
    await imported(rating_api, "HOME", *rows, header=header)
    exported = await rating_api.get("/tariffs/HOME/rates.csv")
    assert exported.headers["content-type"].startswith("text/csv")
    again = await rating_api.post("/tariffs/HOME/rates", files={"file": ("again.csv", exported.content, "text/csv")})
    assert again.json()["version"] == 3
    columns = (
        "prefix, call_class, band, price_micro, connection_micro, initial, step, minimum_micro, maximum_micro, free"
    )
    by_version = "SELECT {} FROM rate JOIN tariff_version USING (version_id) WHERE version = {} ORDER BY rate_id"
    first, second = [await select(by_version.format(columns + ", valid_from, valid_to", number)) for number in (2, 3)]
    assert first == second
    assert (await rating_api.get("/tariffs/HOME/rates.csv?version=3")).text == exported.text
    assert (await rating_api.get("/tariffs/HOME/rates.csv?version=9")).status_code == 404


async def test_only_a_version_that_is_not_in_force_yet_is_taken_back(rating_api: httpx.AsyncClient) -> None:
    """R9, R10: what may have rated a call stays, so that the call can be explained."""
    await add(rating_api, "HOME")
    await imported(rating_api, "HOME", "44,,,0.1")
    await imported(rating_api, "HOME", "44,,,0.2", effective_from="2026-01-12")
    await imported(rating_api, "HOME", "44,,,0.3", effective_from="2026-01-13")
    assert await price(rating_api, "HOME", "2026-01-13T10:00:00Z") == "0.300000"
    statuses = [(await rating_api.delete(f"/tariffs/HOME/versions/{each}")).status_code for each in (2, 3, 4, 4)]
    assert statuses == [409, 409, 204, 404]
    assert await price(rating_api, "HOME", "2026-01-13T10:00:00Z") == "0.200000"
    assert (await imported(rating_api, "HOME", "44,,,0.4"))["version"] == 6


async def test_an_excel_file_is_known_by_its_content(rating_api: httpx.AsyncClient) -> None:
    """R10: numbers, texts and days as cells, whatever the file is called."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    sheet, days = book.add_worksheet(), book.add_format({"num_format": "dd/mm/yyyy"})
    sheet.write_row(0, 0, ["prefix", "price_per_minute", "valid_from"])
    sheet.write_row(1, 0, [442079, 0.000071])
    sheet.write_datetime(1, 2, datetime(2025, 1, 31), days)
    sheet.write_row(2, 0, ["33", 1])
    book.close()
    await add(rating_api, "HOME")
    answer = await rating_api.post("/tariffs/HOME/rates", files={"file": ("deck.csv", content.getvalue())})
    assert answer.status_code == 200, answer.text
    first, second = (await rating_api.get("/tariffs/HOME/rates")).json()["items"]
    assert (first["prefix"], first["price_per_minute"], first["valid_from"]) == ("442079", "0.000071", "2025-01-31")
    assert (second["prefix"], second["price_per_minute"]) == ("33", "1.000000")
    broken = await rating_api.post("/tariffs/HOME/rates", files={"file": ("deck.xlsx", content.getvalue()[:900])})
    assert broken.status_code == 422
    assert "workbook" in broken.json()["detail"]


async def test_a_tariff_inherits_what_it_has_no_rate_for(rating_api: httpx.AsyncClient) -> None:
    """R5: over both decks the longest prefix wins; the answer says whose rate it is."""
    await add(rating_api, "BASE")
    await imported(rating_api, "BASE", "4420,,,0.1")
    await add(rating_api, "HOME", parent="BASE")
    await imported(rating_api, "HOME", "44,,,0.2")
    told = await asked(rating_api, "HOME")
    assert (told["rate"]["prefix"], told["inherited_from"], told["version"]["version"]) == ("4420", "BASE", 2)
    changed = await rating_api.patch("/tariffs/HOME", json={"parent": None, "name": "Alone"})
    assert (changed.json()["parent"], changed.json()["name"], changed.json()["version"]) == (None, "Alone", 3)
    told = await asked(rating_api, "HOME")
    assert (told["rate"]["prefix"], told["inherited_from"]) == ("44", None)
    assert await price(rating_api, "HOME", number="+33100000000") is None


async def test_parents_stand_in_no_circle_and_not_too_deep(rating_api: httpx.AsyncClient, select: Select) -> None:
    """R5: four levels at most; who inherits in another currency would sell pounds for euros."""
    await add(rating_api, "A")
    for code, parent in (("B", "A"), ("C", "B"), ("D", "C")):
        await add(rating_api, code, parent=parent)
    before = await select("SELECT generation FROM gate")
    deep = await rating_api.post("/tariffs", json={"code": "E", "name": "E", "parent": "D"})
    assert (deep.status_code, deep.json()["errors"][0]["field"]) == (422, "parent")
    assert "E > D > C > B > A" in deep.json()["detail"]
    circle = await rating_api.patch("/tariffs/A", json={"parent": "C"})
    assert "A > C > B > A" in circle.json()["detail"]
    for body in ({"parent": "NONE"}, {"calendar": "none"}, {"currency": "EUR"}, {"name": None}, {"colour": "red"}):
        assert (await rating_api.patch("/tariffs/A", json=body)).status_code == 422, body
    euros = {"code": "F", "name": "F", "currency": "EUR", "parent": "A"}
    assert (await rating_api.post("/tariffs", json=euros)).status_code == 422
    assert await select("SELECT generation FROM gate") == before


async def test_a_change_of_a_tariff_is_told_and_ends_another_default(
    rating_api: httpx.AsyncClient, select: Select
) -> None:
    """R5: a change to what it is already is none."""
    await add(rating_api, "OLD", is_default=True)
    await add(rating_api, "NEW")
    body = {"is_default": True, "rounding_places": 2, "fallback_markup": "12.5"}
    changed = (await rating_api.patch("/tariffs/NEW", json=body)).json()
    assert (changed["version"], changed["rounding_places"], changed["fallback_markup"]) == (2, 2, "12.5")
    assert (await rating_api.get("/tariffs/OLD")).json()["is_default"] is False
    assert (await rating_api.patch("/tariffs/NEW", json=body)).json()["version"] == 2
    events = await select("SELECT payload FROM outbox ORDER BY seq DESC LIMIT 2")
    assert {each["payload"]["code"] for each in events} == {"OLD", "NEW"}
    await imported(rating_api, "NEW", "44,,,0.1", effective_from="2026-07-01")
    (event,) = await select("SELECT payload FROM outbox ORDER BY seq DESC LIMIT 1")
    told = {name: event["payload"][name] for name in ("code", "version", "effective_from", "calendar", "parent")}
    assert told == {
        "code": "NEW",
        "version": 3,
        "effective_from": "2026-07-01",
        "calendar": "england-and-wales",
        "parent": None,
    }


async def test_a_tariff_names_the_calendar_of_its_bands(rating_api: httpx.AsyncClient) -> None:
    """R6, Z18: peak hours and bank holidays are data. 2 January is one in Scotland only."""
    await add(rating_api, "HOME")
    await imported(rating_api, "HOME", "44,,peak,0.3", "44,,offpeak,0.2", "44,,weekend,0.1")
    at = "2026-01-02T18:30:00Z"
    assert await price(rating_api, "HOME", at) == "0.200000"
    calendar = {
        "name": "Scotland",
        "country": "GB",
        "subdivision": "SCT",
        "peak": [{"days": [1, 2, 3, 4, 5], "from": "07:00", "to": "24:00"}],
        "weekend": [7],
    }
    put = await rating_api.put("/calendars/scotland", json=calendar)
    assert (put.status_code, put.json()) == (200, {"code": "scotland", **calendar})
    await rating_api.patch("/tariffs/HOME", json={"calendar": "scotland"})
    assert await price(rating_api, "HOME", at) == "0.100000"
    assert (await asked(rating_api, "HOME", "2026-01-05T23:59:59Z"))["band"] == "peak"
    await rating_api.put("/calendars/scotland", json={**calendar, "peak": [], "subdivision": "ENG"})
    assert (await asked(rating_api, "HOME", at))["band"] == "offpeak"
    codes = [each["code"] for each in (await rating_api.get("/calendars")).json()["items"]]
    assert codes == ["england-and-wales", "scotland"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"country": "XX"},
        {"subdivision": "BAYERN"},
        {"weekend": [0]},
        {"peak": [{"days": [1], "from": "18:00", "to": "08:00"}]},
        {"peak": [{"days": [1], "from": "8", "to": "18:00"}]},
    ],
)
async def test_a_calendar_that_means_nothing_is_refused(rating_api: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    """R6: bank holidays must be known, hours must be hours."""
    calendar = {"name": "X", "country": "GB", "subdivision": "ENG", "peak": [], "weekend": [6, 7]}
    assert (await rating_api.put("/calendars/x", json={**calendar, **wrong})).status_code == 422


async def test_the_desk_is_told_the_class_that_a_call_would_have(rating_api: httpx.AsyncClient) -> None:
    """R4, R5: prefixes are those of voice calls made; messages and inbound calls have class rates."""
    await add(rating_api, "HOME")
    await imported(rating_api, "HOME", "44,,,0.1", ",SMS,,0.02", ",Inbound,,0.03", ",Premium,,0.9")
    table = b"prefix,destination,call_class\n4420,London,National\n"
    await rating_api.post("/destinations", files={"file": ("a.csv", table, "text/csv")})
    told = await asked(rating_api, "HOME")
    assert (told["destination"], told["call_class"], told["band"], told["day"]) == (
        "London",
        "National",
        "peak",
        "2026-01-05",
    )
    assert await price(rating_api, "HOME", service="sms") == "0.020000"
    assert await price(rating_api, "HOME", direction="inbound") == "0.030000"
    assert await price(rating_api, "HOME", number="+33100000000", **{"class": "Premium"}) == "0.900000"
    assert (await rating_api.get("/tariffs/HOME/rate", params={"number": "nobody"})).status_code == 422
    assert (await rating_api.get("/tariffs/NONE/rate", params={"number": NUMBER})).status_code == 404


async def test_a_large_deck_is_checked_against_another_and_imported_whole(
    rating_api: httpx.AsyncClient, select: Select
) -> None:
    """R10: compared with the one before, in pieces."""
    await add(rating_api, "WORLD")
    deck = [f"{number},,,0.0{number % 97:02d}1" for number in range(100_000, 120_000)]
    await imported(rating_api, "WORLD", *deck[:10_000])
    content = "\n".join((SHORT, *deck)).encode()
    answer = await rating_api.post(
        "/tariffs/WORLD/rates", params={"against": "WORLD"}, files={"file": ("deck.csv", content, "text/csv")}
    )
    assert (answer.json()["prefixes"], answer.json()["totals"]) == (20_000, {})
    assert (await select("SELECT count(*) FROM rate"))[0]["count"] == 30_000


async def test_a_tariff_and_its_rates_sent_twice_are_one_version(rating_api: httpx.AsyncClient, select: Select) -> None:
    """R10, idempotency keys: a file that arrives twice is not imported twice."""
    for _ in range(2):
        key = {"Idempotency-Key": "tariff"}
        answer = await rating_api.post("/tariffs", json={"code": "HOME", "name": "Home"}, headers=key)
        assert answer.status_code == 201
    key = {"Idempotency-Key": "rates"}
    reports = []
    for content in (f"{SHORT}\n44,,,x", f"{SHORT}\n44,,,0.1", f"{SHORT}\n44,,,0.1"):
        files = {"file": ("deck.csv", content.encode(), "text/csv")}
        reports.append(await rating_api.post("/tariffs/HOME/rates", files=files, headers=key))
    assert [report.status_code for report in reports] == [422, 200, 200]
    assert reports[1].json() == reports[2].json()
    assert [row["version"] for row in await select("SELECT version FROM tariff_version")] == [2]
    assert len(await select("SELECT 1 FROM outbox WHERE type = 'tariff.updated'")) == 2
