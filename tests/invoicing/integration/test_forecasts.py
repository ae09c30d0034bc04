"""The report of what a run would bill, with rating answering over HTTP or away."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Thread

import httpx
import pytest
from tests.invoicing import made
from tests.invoicing.integration.conftest import PARTITIONS, World
from tests.invoicing.integration.test_previews import Rating

from contracts.closing import UsageUnbilled
from invoicing.service.credit import take_in_usage
from invoicing.service.runs import NewRun, create_run, request_run, start_run

JANUARY = date(2025, 1, 31)
NEW = NewRun(bill_to=JANUARY, invoice_date=date(2025, 2, 1))


async def told(customer_id: int, net_exact: str) -> None:
    """Rating tells of unbilled usage."""
    usage = UsageUnbilled(
        customer_id=customer_id, version=1, as_of=datetime(2025, 1, 31, tzinfo=UTC), calls=7, net_exact=net_exact
    )
    await take_in_usage(made.received(usage))


async def test_a_report_before_the_run_says_what_it_would_come_to(api: httpx.AsyncClient, world: World) -> None:
    """I3: charges, Unsent and usage; the difference from the last bill; who would be parked, and for what."""
    whole, lacking, busy = made.customer(), made.customer(missing=("billing address",)), made.customer()
    await world.hear(whole, lacking, busy, made.customer(billing_cycle="manual"))
    await world.hear(made.number(whole.customer_id, made.charge("10.00", date(2025, 1, 15), months=1)))
    await world.approve(await world.bill({whole.customer_id: [made.usage_line("3.00")]}, bill_to=date(2025, 1, 1)))
    other = await world.start(customers=(busy.customer_id,))
    await told(whole.customer_id, "1.005")
    run = await create_run(NEW, "tests")
    where = f"/billing-runs/{run.run_id}/report"
    first, second, third = (await api.get(where)).json()["items"]
    assert (first["customer_id"], first["state"], first["usage"], first["charges"]) == (
        whole.customer_id,
        "drafted",
        "1.01",
        "10.00",
    )
    assert (first["net"], first["gross"], first["before"], first["difference"]) == ("11.01", "13.21", "8.48", "2.53")
    assert (second["state"], second["reason"]) == ("parked", "missing details: billing address")
    assert (third["state"], third["reason"], third["other_run"]) == (
        "parked",
        f"in another active run: run {other}",
        other,
    )
    assert len(await world.transactions(whole.customer_id)) == 2


async def test_the_report_is_what_the_run_then_comes_to(api: httpx.AsyncClient, world: World) -> None:
    """I3: before, while requested, and when it is drafted: the same figures, in pages, as CSV and in total."""
    customers = [made.customer(name=f"=Customer {each}") for each in range(5)]
    await world.hear(*customers)
    for each in customers:
        await world.hear(made.number(each.customer_id, made.charge("10.00", date(2025, 1, 1), months=1)))
        await told(each.customer_id, "5.00")
    run_id = (await create_run(NEW, "tests")).run_id
    where = f"/billing-runs/{run_id}/report"
    seen, after = [], 0
    while after is not None:
        page = (await api.get(where, params={"limit": 2, "after": after})).json()
        seen += page["items"]
        after = page["next"]
    assert [each["net"] for each in seen] == ["25.00"] * 5
    await request_run(run_id)
    assert (await api.get(where)).json()["items"] == seen
    written = list(csv.DictReader((await api.get(f"{where}.csv")).text.splitlines()))
    assert [(row["net"], row["name"]) for row in written] == [("25.00", f"'=Customer {each}") for each in range(5)]
    before = (await api.get(f"{where}/totals")).json()
    assert (before["customers"], before["net"], before["difference"]) == ({"drafted": 5}, "125.00", "125.00")
    await world.hear(*made.markers(run_id))
    assert await start_run(run_id, PARTITIONS)
    await world.answer(run_id, {each.customer_id: [made.usage_line("5.00")] for each in customers})
    await world.draft(run_id)
    drafted = (await api.get(f"{where}/totals")).json()
    assert (drafted["customers"], drafted["net"]) == ({"drafted": 5}, "125.00")
    assert sum(row["net"] for row in await world.invoices(run_id)) == Decimal("125.00")
    await world.approve(run_id)
    assert (await api.get(where)).json()["items"][0]["before"] is None
    assert (await api.get("/billing-runs/999/report")).status_code == 404


async def test_with_rating_away_the_report_says_so(
    api: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """I3: what is known is told, what is not is said."""
    (tmp_path / "token").write_text("the-service-token\n")
    monkeypatch.setenv("FARTHING_SERVICE_TOKEN", str(tmp_path / "token"))
    monkeypatch.setenv("FARTHING_RATING_URL", "http://127.0.0.1:9")
    await world.hear(made.customer())
    run_id = (await create_run(NEW, "tests")).run_id
    held = (await api.get(f"/billing-runs/{run_id}/report/totals")).json()["not_rated"]
    assert held["suspended"] is held["unpriced"] is held["lag"] is held["unknown_plans"] is None
    assert held["problem"].startswith("rating could not be asked")


async def test_what_rating_holds_is_in_the_report(
    api: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """I3: in suspense, unpriced, not stored yet, what it cannot discount; asked with the token for such calls."""
    (tmp_path / "token").write_text("the-service-token\n")
    rating = Rating()
    monkeypatch.setenv("FARTHING_SERVICE_TOKEN", str(tmp_path / "token"))
    monkeypatch.setenv("FARTHING_RATING_URL", rating.url)
    positions = [{"topic": "cdr.received", "partition": each, "position": 5, "end": 5 + each} for each in range(3)]
    plan = {"plan": "M5OO", "customers": 3, "first_customers": [1, 2, 3]}
    answers = {"total": {"suspended": 12, "unpriced": 5, "rated": 950}, "items": [each | plan for each in positions]}
    rating.answer = answers
    await world.hear(made.customer())
    run_id = (await create_run(NEW, "tests")).run_id
    thread = Thread(target=rating.server.serve_forever)
    thread.start()
    try:
        held = (await api.get(f"/billing-runs/{run_id}/report/totals")).json()["not_rated"]
    finally:
        rating.server.shutdown()
        thread.join()
        rating.server.server_close()
    assert held == {"suspended": 12, "unpriced": 5, "lag": 3, "unknown_plans": ["M5OO"] * 3, "problem": ""}
    assert [path for path, _ in rating.asked] == ["/reports/outcomes?group=all", "/positions", "/reports/unknown-plans"]
    assert {token for _, token in rating.asked} == {"Bearer the-service-token"}
