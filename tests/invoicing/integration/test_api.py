"""The HTTP API: its shapes are those that the demo and the console are written against."""

from __future__ import annotations

import httpx
from tests.invoicing import made
from tests.invoicing.integration.conftest import PARTITIONS, World

from invoicing.service.approvals import approve_next
from invoicing.service.runs import start_run

NEW = {"bill_to": "2025-01-31", "invoice_date": "2025-02-01"}


async def test_a_run_from_draft_to_approved(api: httpx.AsyncClient, world: World) -> None:
    """I3, I6: made, requested, watched, approved; asked for again it stays."""
    customers = [made.customer(), made.customer(missing=("billing address",)), made.customer()]
    await world.hear(*customers)
    run = (await api.post("/billing-runs", json={**NEW, "message": "Thank you"})).json()
    assert (run["state"], run["message"], run["customers"]) == ("draft", "Thank you", None)
    where = f"/billing-runs/{run['run_id']}"
    assert (await api.post(f"{where}/request")).status_code == 202
    await world.hear(*made.markers(run["run_id"]))
    assert await start_run(run["run_id"], PARTITIONS)
    await world.answer(run["run_id"], {customers[0].customer_id: [made.usage_line("10.125")]})
    await world.draft(run["run_id"])
    assert (await api.post(f"{where}/request")).json()["state"] == "completed_with_errors"
    told = (await api.get(where)).json()
    assert told["progress"] == {
        "stage": "completed_with_errors",
        "customers": 3,
        "waiting": 0,
        "closed": 0,
        "drafted": 1,
        "skipped": 1,
        "parked": 1,
    }
    assert told["totals"] == {
        "customers": 3,
        "drafted": 1,
        "skipped": 1,
        "parked": 1,
        "net": "10.13",
        "vat": "2.03",
        "gross": "12.16",
    }
    assert (await api.post(f"{where}/approve")).status_code == 202
    assert (await api.get(where)).json()["progress"]["stage"] == "approving"
    while await approve_next(run["run_id"]):
        pass
    told = (await api.get(where)).json()
    assert (told["approved"], told["sent"], told["not_emailed"]) == (1, 0, 0)
    stages = {each["stage"]: (each["done"], each["of"], each["seconds"] is None) for each in told["stages"]}
    assert stages == {
        "markers": (4, 4, False),
        "usage": (3, 3, False),
        "drafts": (3, 3, False),
        "approved": (1, 1, False),
        "documents": (0, 1, False),
        "sent": (0, 0, True),
    }
    parked = (await api.get(f"{where}/customers", params={"state": "parked"})).json()
    assert parked["items"][0]["reason"] == "missing details: billing address"
    assert parked["next"] is None


async def test_an_invoice_with_its_lines(api: httpx.AsyncClient, world: World) -> None:
    """I7: number, dates, tax point, lines, net and VAT per rate; money as decimal strings."""
    customer = made.customer(company_name="Made-up Bakery Ltd", vat_number="GB999 9999 73")
    await world.hear(
        customer, made.feature(customer.customer_id, made.charge("19.99", made.date(2025, 1, 1), months=1))
    )
    await world.bill({customer.customer_id: [made.usage_line("1.00495")]})
    listed = (await api.get("/invoices", params={"customer_id": customer.customer_id})).json()
    invoice_id = listed["items"][0]["invoice_id"]
    approved = (await api.post(f"/invoices/{invoice_id}/approve")).json()
    assert approved == (await api.get(f"/invoices/{invoice_id}")).json()
    assert (approved["number"], approved["status"], approved["tax_point"]) == ("INV000001", "approved", "2025-02-01")
    assert (approved["net"], approved["vat"], approved["gross"]) == ("40.98", "8.20", "49.18")
    assert approved["vat_lines"] == [
        {
            "vat_rate": "standard",
            "name": "standard",
            "treatment": "standard",
            "percent": "20",
            "net": "40.98",
            "vat": "8.20",
            "statement": "",
        }
    ]
    lines = {line["kind"]: line for line in approved["lines"]}
    assert (lines["usage"]["net"], lines["usage"]["net_exact"], lines["usage"]["calls"]) == ("1.00", "1.00495", 10)
    assert (lines["recurring"]["first_day"], lines["recurring"]["last_day"]) == ("2025-01-01", "2025-02-28")
    assert (approved["company_name"], approved["vat_number"]) == ("Made-up Bakery Ltd", "GB999 9999 73")
    of_customer = (await api.get("/transactions", params={"customer_id": customer.customer_id})).json()
    assert {line["transaction_id"] for line in of_customer["items"]} == {
        line["transaction_id"] for line in approved["lines"]
    }
    assert (await api.get("/transactions", params={"unsent": True})).json()["items"] == []


async def test_lists_come_in_pages(api: httpx.AsyncClient, world: World) -> None:
    """HTTP conventions: `next` is what to give as `after`."""
    await world.hear(*(made.customer(low_invoice=made.CREATE) for _ in range(5)))
    run_id = await world.bill()
    seen, after = [], 0
    while after is not None:
        page = (await api.get("/invoices", params={"run_id": run_id, "limit": 2, "after": after})).json()
        seen += [each["invoice_id"] for each in page["items"]]
        after = page["next"]
    assert seen == sorted(seen)
    assert len(seen) == 5
    runs = (await api.get("/billing-runs", params={"limit": 1})).json()
    assert (runs["items"][0]["run_id"], runs["next"]) == (run_id, run_id)
    assert (await api.get("/billing-runs", params={"after": run_id})).json()["items"] == []


async def test_a_draft_has_no_document(api: httpx.AsyncClient, world: World) -> None:
    """I8: documents are those of approved invoices; one that is not rendered yet says to try again."""
    await world.hear(made.customer(low_invoice=made.CREATE))
    (draft,) = await world.invoices(await world.bill())
    refused = await api.get(f"/invoices/{draft['invoice_id']}/document")
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    await api.post(f"/invoices/{draft['invoice_id']}/approve")
    waiting = await api.get(f"/invoices/{draft['invoice_id']}/document")
    assert (waiting.status_code, waiting.headers["retry-after"]) == (503, "2")
    assert (await api.get(f"/documents/{'0' * 64}")).status_code == 404


async def test_what_is_wrong_is_said_with_its_field(api: httpx.AsyncClient, world: World) -> None:
    """HTTP conventions: problem documents name the field."""
    answer = await api.post("/billing-runs", json={**NEW, "cycles": ["weekly"]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cycles")
    answer = await api.post("/billing-runs", json={**NEW, "due_date": "2025-01-01"})
    assert answer.json()["errors"][0]["field"] == "due_date"
    assert (await api.get("/billing-runs/999")).status_code == 404
    assert (await api.get("/invoices/999")).status_code == 404
    assert (await api.put("/invoice-series", json={"prefix": "INV1", "width": 6})).status_code == 422


async def test_the_series_is_seen_and_changed(api: httpx.AsyncClient, world: World) -> None:
    """I6: as configured."""
    assert (await api.get("/invoice-series")).json() == {"prefix": "INV", "width": 6, "scope": "company", "last": 0}
    assert (await api.put("/invoice-series", json={"prefix": "FT-", "width": 8})).json()["prefix"] == "FT-"


async def test_every_route_needs_its_scope(api: httpx.AsyncClient, world: World) -> None:
    """DESIGN "Every HTTP route needs a scope"."""
    assert (await api.get("/invoices", headers={"Authorization": ""})).status_code == 401
    assert (await api.get("/health", headers={"Authorization": ""})).status_code == 200


async def test_a_run_and_its_steps_sent_twice_are_done_once(api: httpx.AsyncClient, world: World) -> None:
    """I3, idempotency keys: a run is made once; sending an invoice again is a new request only under a new key."""
    customer = made.customer()
    await world.hear(customer)
    first, again = [await api.post("/billing-runs", json=NEW, headers={"Idempotency-Key": "run"}) for _ in "12"]
    assert (first.status_code, first.content) == (201, again.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert len((await api.get("/billing-runs")).json()["items"]) == 1
    run_id = await world.bill({customer.customer_id: [made.usage_line("1.00495")]})
    invoice_id = (await world.invoices(run_id))[0]["invoice_id"]
    sent = [await api.post(f"/invoices/{invoice_id}/send", headers={"Idempotency-Key": key}) for key in ("a", "a", "b")]
    assert [answer.status_code for answer in sent] == [202] * 3
    requests = [answer.json()["request_id"] for answer in sent]
    assert requests[0] == requests[1] != requests[2]
