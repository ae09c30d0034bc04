"""Previews of Final Bill, Drop and Reinstate over HTTP, with rating answering over HTTP too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from tests.invoicing import made
from tests.invoicing.integration.conftest import World

from contracts.customers import CustomerCreated, NumberCreated

START = date(2025, 1, 1)
DROPPED = date(2025, 2, 10)
NOTHING = {"unbilled": {"calls": 0, "seconds": 0, "net_exact": "0"}, "billed": []}


class Rating:
    """Answers what customers used after a day; notes what it was asked."""

    def __init__(self) -> None:
        self.answer: Any = NOTHING
        self.status = 200
        self.asked: list[tuple[str, str | None]] = []
        rating = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                rating.asked.append((self.path, self.headers["Authorization"]))
                self.send_response(rating.status)
                self.end_headers()
                self.wfile.write(json.dumps(rating.answer).encode())

            def log_message(self, *_: Any) -> None:
                """Nothing: tests print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def rating(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Rating]:
    """A service that answers as rating does."""
    (tmp_path / "token").write_text("the-service-token\n")
    rating = Rating()
    monkeypatch.setenv("FARTHING_RATING_URL", rating.url)
    monkeypatch.setenv("FARTHING_SERVICE_TOKEN", str(tmp_path / "token"))
    thread = Thread(target=rating.server.serve_forever)
    thread.start()
    yield rating
    rating.server.shutdown()
    thread.join()
    rating.server.server_close()


@pytest.fixture
async def billed(world: World) -> tuple[CustomerCreated, NumberCreated]:
    """28.00 a month in advance, and 10.00 of calls, billed in January up to 28 February."""
    customer = made.customer()
    number = made.number(customer.customer_id, made.charge("28.00", START, months=1), start=START)
    await world.hear(customer, number)
    await world.approve(await world.bill({customer.customer_id: [made.usage_line("10.00")]}))
    return customer, number


async def test_a_final_bill_is_previewed_with_its_usage_and_nothing_is_changed(
    world: World, api: httpx.AsyncClient, rating: Rating, billed: tuple[CustomerCreated, NumberCreated]
) -> None:
    """C18: February back, and 4.005 of billed calls; 3 unbilled ones leave no line."""
    customer, _ = billed
    (invoice,) = [row for row in await world.transactions(customer.customer_id) if row["kind"] == "usage"]
    line = {"number_id": 900_001, "number": "+442079460001", "call_class": "National", "band": "peak", "plan": ""}
    rating.answer = {
        "unbilled": {"calls": 3, "seconds": 90, "net_exact": "0.123"},
        "billed": [{**line, "close_id": invoice["close_id"], "calls": 4, "seconds": 60, "net_exact": "4.005"}],
    }
    before = await world.transactions(customer.customer_id)
    body = {"action": "final_bill", "date": "2025-01-31"}
    response = await api.post(f"/customers/{customer.customer_id}/previews", json=body)
    assert response.status_code == 200, response.text
    found = response.json()
    assert (found["charges"], found["refunds"]) == ("0.00", "-32.01")
    assert (found["net"], found["vat"], found["gross"]) == ("-32.01", "-6.40", "-38.41")
    assert found["usage"] == {
        "reversed_calls": 3,
        "reversed_seconds": 90,
        "reversed_net_exact": "0.123",
        "refunded_calls": 4,
        "refunded_net": "-4.01",
    }
    assert [(each["kind"], each["net"], each["first_day"]) for each in found["lines"]] == [
        ("refund", "-28.00", "2025-02-01"),
        ("refund", "-4.01", None),
    ]
    assert await world.transactions(customer.customer_id) == before
    (asked,) = rating.asked
    assert asked == (f"/customers/{customer.customer_id}/usage-after?date=2025-01-31", "Bearer the-service-token")


async def test_a_preview_is_what_the_action_then_does(
    world: World, api: httpx.AsyncClient, rating: Rating, billed: tuple[CustomerCreated, NumberCreated]
) -> None:
    """C18: the same rules are asked."""
    customer, number = billed
    body = {"action": "drop", "date": "2025-02-10"}
    found = (await api.post(f"/customers/{customer.customer_id}/previews", json=body)).json()
    gone = customer.model_copy(update={"version": 2, "status": "dropped", "drop_date": DROPPED})
    await world.hear(gone, number.model_copy(update={"version": 2, "end": DROPPED}))
    unsent = [row for row in await world.transactions(customer.customer_id) if row["invoice_id"] is None]
    assert [each["net"] for each in found["lines"]] == [str(row["net"]) for row in unsent] == ["-18.00"]


async def test_a_reinstatement_is_previewed_without_asking_rating(
    world: World, api: httpx.AsyncClient, rating: Rating, billed: tuple[CustomerCreated, NumberCreated]
) -> None:
    """C16, C18: 18 of 28 days of February and March, in the old periods."""
    customer, number = billed
    gone = customer.model_copy(update={"version": 2, "status": "dropped", "drop_date": DROPPED})
    await world.hear(gone, number.model_copy(update={"version": 2, "end": DROPPED}))
    url = f"/customers/{customer.customer_id}/previews"
    body = {"action": "reinstate", "date": "2025-02-11", "reopen_dropped_on": "2025-02-10", "bill_to": "2025-02-28"}
    found = (await api.post(url, json=body)).json()
    assert (found["net"], found["usage"], rating.asked) == ("46.00", None, [])
    early = await api.post(url, json={**body, "date": "2025-02-10"})
    assert (early.status_code, early.json()["errors"][0]["field"]) == (422, "date")
    again = await api.post(url, json={"action": "drop", "date": "2025-02-10"})
    assert (again.status_code, again.json()["type"]) == (409, "urn:farthing:problem:customer-dropped")


@pytest.mark.parametrize("trouble", ["away", "failing", "not understood", "no address"])
async def test_without_rating_there_are_no_figures_that_only_look_whole(
    world: World, api: httpx.AsyncClient, rating: Rating, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """C18: 503, says what is missing and what to do."""
    await world.hear(customer := made.customer())
    if trouble == "failing":
        rating.status = 500
    elif trouble == "not understood":
        rating.answer = {"calls": "many"}
    else:
        monkeypatch.setenv("FARTHING_RATING_URL", "http://127.0.0.1:1" if trouble == "away" else "")
    body = {"action": "drop", "date": "2025-02-10"}
    response = await api.post(f"/customers/{customer.customer_id}/previews", json=body)
    assert response.status_code == 503
    assert response.json()["type"] == "urn:farthing:problem:rating-away"
    assert "Try again" in response.json()["detail"]


async def test_who_cannot_be_previewed_is_said(world: World, api: httpx.AsyncClient, rating: Rating) -> None:
    """C18: unknown customers; a reinstatement of who is not dropped; no VAT rate."""
    await world.hear(active := made.customer(), without := made.customer(vat_rate=None))
    await world.hear(made.number(without.customer_id, made.charge("28.00", START, months=1)))
    unknown = await api.post("/customers/999999/previews", json={"action": "drop", "date": "2025-02-10"})
    assert unknown.status_code == 404
    far = await api.post(f"/customers/{active.customer_id}/previews", json={"action": "drop", "date": "9999-12-31"})
    assert (far.status_code, far.json()["errors"][0]["field"]) == (422, "date")
    not_dropped = await api.post(
        f"/customers/{active.customer_id}/previews", json={"action": "reinstate", "date": "2025-02-10"}
    )
    assert (not_dropped.status_code, not_dropped.json()["type"]) == (409, "urn:farthing:problem:not-dropped")
    no_rate = await api.post(
        f"/customers/{without.customer_id}/previews", json={"action": "drop", "date": "2025-02-10"}
    )
    assert no_rate.status_code == 409
    assert "VAT rate" in no_rate.json()["detail"]
