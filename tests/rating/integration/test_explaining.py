"""Explanations over HTTP, of records on a real Postgres: what was charged, why not, and what a call would cost."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from tests.rating.support.carriers import assignment, customer, number, tell, tell_reference

from rating.domain.recordkeys import key_of
from rating.service import explaining, fallback, retrying
from rating.service.pictures import Pictures
from rating.service.sealing_keys import seal_keys
from rating.store import gate, keys
from service_kit.database import Database, transaction

NUMBER, STRANGER = "442079460123", "442079460999"
_HOLD = text(
    """
    INSERT INTO held (usage_id, revision, outcome, reason, detail, source, record_id, charged_number, other_party,
        direction, service_type, started, local_date, band, seconds, units, volume_bytes, cdr_cost_micro, currency,
        received_on, generation)
    VALUES (:usage_id, 1, 'suspended', 'unknown_number', 'no customer has it', 'northstar', :record_id, :number,
        '441614960123', 'outbound', 'voice', :started, '2025-01-15', 'peak', 77, 0, 0, 50000, 'GBP', '2025-01-16', 0)
    """
)
_TARIFF = text(
    """
    INSERT INTO tariff (code, version, name, currency, rounding_places, fallback_markup, is_default, megabyte_bytes,
                        changed_in, parent)
    VALUES (:code, 1, :name, 'GBP', 4, :fallback, :is_default, 1000000, :generation, :parent)
    """
)
_VERSION = text(
    """
    INSERT INTO tariff_version (tariff, version, effective_from, rows, changed_in)
    VALUES ('STANDARD', 2, :effective_from, 1, :generation) RETURNING version_id
    """
)
_RATE = text(
    """
    INSERT INTO rate (version_id, prefix, call_class, band, price_micro, connection_micro, initial, step,
                      minimum_micro, free)
    VALUES (:version_id, '44161', '', 'peak', 120000, 0, 60, 6, 0, 0) RETURNING rate_id
    """
)
SENTENCES = [
    "The call is charged to +442079460123, number 10 of customer 1.",
    "It began on Wednesday 15 January 2025 at 09:30:00 in Europe/London, which is peak by the calendar England and "
    "Wales.",
    "The call class is National, because +441614960123 begins with 44161, which is Manchester.",
    "The tariff is Business (BUSINESS), chosen for the customer.",
    "The rate is in version 2 of its parent Standard (STANDARD), in force from 1 January 2025.",
    "The longest prefix with a rate is 44161: £0.12 a minute at peak.",
    "77 s: 60 at once, then 3 steps of 6: 78 s billed.",
    "£0.12 a minute × 78 / 60 = £0.156.",
    "Rounded once, half up, to 4 decimal places: £0.156.",
    "The charge is £0.156, without VAT.",
    "It costs us £0.05, which leaves a margin of £0.106.",
]
CALL = {
    "source": "northstar",
    "record_id": "what-if",
    "charged_number": f"+{NUMBER}",
    "other_party": "+441614960123",
    "start": "2025-01-15T09:30:00Z",
    "duration_seconds": 77,
    "cdr_cost": "0.05",
}


@pytest.fixture(autouse=True)
async def own_pictures(rating_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's own picture may be of another test's database."""
    own = Pictures()
    for module in (retrying, explaining, fallback):
        monkeypatch.setattr(module, "pictures", own)
    await tell_reference()


async def carrier() -> None:
    """Customer 1 with number 10 and the tariff Business, whose rates are those of its parent Standard."""
    await tell(customer(1, tariff="BUSINESS"), number(10, 1, NUMBER), assignment(10, 1, NUMBER))
    async with transaction() as tx:
        generation = await gate.pass_alone(tx.connection)
        usual = {"fallback": None, "is_default": False, "generation": generation}
        await tx.connection.execute(_TARIFF, {**usual, "code": "STANDARD", "name": "Standard", "parent": None})
        await tx.connection.execute(_TARIFF, {**usual, "code": "BUSINESS", "name": "Business", "parent": "STANDARD"})
        version = {"effective_from": date(2025, 1, 1), "generation": generation}
        version_id = (await tx.connection.execute(_VERSION, version)).scalar_one()
        await tx.connection.execute(_RATE, {"version_id": version_id})
        await tx.connection.execute(text("INSERT INTO destination VALUES ('44161', 'Manchester', 'National')"))
        changed = text("UPDATE lists_changed SET changed_in = :generation")
        await tx.connection.execute(changed, {"generation": generation})


async def hold(usage_id: int = 5, record_id: str = "NS-5", called: str = NUMBER) -> None:
    """A call is held in suspense."""
    started = datetime(2025, 1, 15, 9, 30, tzinfo=UTC)
    values = {"usage_id": usage_id, "record_id": record_id, "number": called, "started": started}
    async with transaction() as tx:
        await tx.connection.execute(_HOLD, values)
        key = key_of("northstar", record_id, await keys.seed(tx.connection))
        key["usage_id"] = usage_id
        await keys.add_block(tx.connection, key.tobytes(), date(2025, 1, 16))


async def rate_held_calls() -> None:
    """What is held is judged again."""
    await retrying.retry_all()
    while await retrying.retry_next():
        pass


async def explained(api: httpx.AsyncClient, usage_id: int) -> dict[str, Any]:
    answer = await api.get(f"/usage/{usage_id}/explanation")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_charge_is_explained_with_its_arithmetic(rating_api: httpx.AsyncClient) -> None:
    """R9: number, tariff, prefix, rate, band, increment, step of the chain, arithmetic; margin beside it."""
    await carrier()
    await hold()
    await rate_held_calls()
    told = await explained(rating_api, 5)
    assert told["sentences"] == SENTENCES
    assert (told["outcome"], told["step"], told["charge"], told["worked_out"]) == ("rated", 1, "0.156000", "0.156000")
    assert (told["agrees"], told["cost"], told["customer_id"], told["number_id"]) == (True, "0.050000", 1, 10)
    facts = {step["kind"]: step["facts"] for step in told["steps"]}
    assert facts["increments"] == {"used": 77, "initial": 60, "step": 6, "billed": 78}
    assert (facts["version"]["inherited_from"], facts["rate"]["price"]) == ("STANDARD", "0.120000")


async def test_a_call_that_is_asked_about_costs_what_it_would_and_is_not_stored(
    rating_api: httpx.AsyncClient, select: Any
) -> None:
    """R9: the same arithmetic for a call that never came."""
    await carrier()
    answer = await rating_api.post("/explanations", content=json.dumps(CALL))
    told = answer.json()
    assert (answer.status_code, told["usage_id"], told["sentences"]) == (200, None, SENTENCES)
    assert await select("SELECT usage_id FROM usage UNION ALL SELECT usage_id FROM held") == []


@pytest.mark.parametrize(
    ("change", "outcome", "reason"),
    [
        ({"charged_number": f"+{STRANGER}"}, "suspended", "unknown_number"),
        ({"other_party": "+33612345678", "cdr_cost": None}, "unpriced", "no_price"),
        ({"duration_seconds": None}, "rejected", "missing_duration"),
    ],
)
async def test_a_call_that_would_not_be_charged_says_why(
    rating_api: httpx.AsyncClient, change: dict[str, Any], outcome: str, reason: str
) -> None:
    """R3, R5 (4): why not, and what would help."""
    await carrier()
    told = (await rating_api.post("/explanations", content=json.dumps({**CALL, **change}))).json()
    assert (told["outcome"], told["reason"], told["charge"]) == (outcome, reason, None)
    assert told["steps"][-1]["kind"] == "help"


async def test_a_record_that_is_no_json_is_a_rejected_one(rating_api: httpx.AsyncClient) -> None:
    """R2: an answer, not an error: it would be kept as rejected."""
    told = (await rating_api.post("/explanations", content=b"{")).json()
    assert (told["outcome"], told["reason"]) == ("rejected", "bad_json")


async def test_a_held_call_is_explained(rating_api: httpx.AsyncClient) -> None:
    """R3: never lost, and anybody can see why it is not charged."""
    await hold(called=STRANGER)
    told = await explained(rating_api, 5)
    assert (told["outcome"], told["reason"], told["detail"]) == ("suspended", "unknown_number", "no customer has it")
    assert told["sentences"][0] == f"The call names +{STRANGER} as the one to be charged."


async def test_a_rejected_record_and_a_second_copy_are_explained(rating_api: httpx.AsyncClient) -> None:
    """R2, Z21: the same route for whatever came."""
    async with transaction() as tx:
        await tx.connection.execute(
            text(
                "INSERT INTO rejected VALUES (7, 'northstar', 'NS-7', 'bad_duration', 'duration_seconds', 'no number',"
                " 'x', NULL, NULL, '2025-01-16')"
            )
        )
        await tx.connection.execute(
            text("INSERT INTO duplicate VALUES (8, 'northstar', 'NS-5', 5, true, 'x', '2025-01-16')")
        )
    assert (await explained(rating_api, 7))["reason"] == "bad_duration"
    assert (await explained(rating_api, 8))["steps"][0]["facts"] == {"first_usage_id": 5, "conflict": True}


async def test_an_unknown_id_is_not_found(rating_api: httpx.AsyncClient) -> None:
    """R9: 404 for what never came, and only for that."""
    assert (await rating_api.get("/usage/99/explanation")).status_code == 404


@pytest.mark.parametrize("sealed", [False, True])
async def test_a_record_is_found_by_its_identity_with_its_copies(rating_api: httpx.AsyncClient, sealed: bool) -> None:
    """R1, Z21: ids compare exactly, trimmed; what is charged comes first, wherever its key lies by now."""
    await carrier()
    await hold(6, "NS-6")
    await hold()
    await rate_held_calls()
    if sealed:
        assert await seal_keys(least=1)
    async with transaction() as tx:
        copy = "INSERT INTO duplicate VALUES (3, 'northstar', 'NS-5', 5, false, 'x', '2025-01-16')"
        await tx.connection.execute(text(copy))
    found = (await rating_api.get("/usage", params={"source": "northstar", "record_id": " NS-5 "})).json()
    assert [(each["usage_id"], each["outcome"]) for each in found["items"]] == [(5, "rated"), (3, "duplicate")]
    missing = (await rating_api.get("/usage", params={"source": "northstar", "record_id": "ns-5"})).json()
    assert missing == {"items": [], "next": None}


async def test_a_charge_under_a_rounding_that_was_changed_says_both(rating_api: httpx.AsyncClient) -> None:
    """R9: what is charged stays; the explanation says that it would be another today."""
    await carrier()
    await hold()
    await rate_held_calls()
    async with transaction() as tx:
        await tx.connection.execute(text("UPDATE tariff SET rounding_places = 2 WHERE code = 'BUSINESS'"))
    told = await explained(rating_api, 5)
    assert (told["charge"], told["worked_out"], told["agrees"]) == ("0.156000", "0.160000", False)
    assert Decimal(told["charge"]) == Decimal("0.156")
