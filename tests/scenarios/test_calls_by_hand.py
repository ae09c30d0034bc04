"""Calls as tables, each figure worked out by hand (SPEC R3 to R7, Z16 to Z22, B3, B5, B8).

`hand_calls.py` has single calls with their charge; `hand_usage.py` calls that come together on a bill.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import pytest
from examples.demo.driver import intake
from examples.demo.driver.api import Api, Json
from examples.demo.driver.screen import Screen
from rich.console import Console
from tests.scenarios import hand_calls, hand_usage
from tests.scenarios.hand_calls import COLUMNS, Hand
from tests.scenarios.hand_usage import Used
from tests.support.courses.desk import ADDRESS
from tests.support.courses.playing import PATIENCE_SECONDS, Player, own_platform
from tests.support.reference.steps import Bill

MINUTE = {"other_party": "442079460001", "start": "2025-01-15T10:00:00Z", "duration_seconds": 60}
SCOTTISH = {"name": "Scotland", "country": "GB", "subdivision": "SCT", "weekend": [6, 7]}
OFFICE_HOURS = {"days": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00"}
DEFAULTS = (("north", "mobile", "BYSOURCE"), ("", "mobile", "BYTYPE"), ("north", "", "OFSOURCE"))
FIRST_CALLS, FIRST_BILLS = "2024-01-01", "2025-01-01"
MONTHS = {"2025-01-31": "january", "2025-02-28": "february"}
Lines = dict[tuple[str, str], list[str]]
"""The usage lines of each caller's bill of each month."""


class World:
    """A platform that has the tables' tariffs, on which their calls are rated and billed."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.apis = player.apis

    def set_up(self) -> None:
        """Destinations, calendars, tariffs, defaults and discount plans."""
        rating = self.apis.rating
        rating.post("/destinations", files=_csv(hand_calls.DESTINATIONS))
        rating.call("PUT", "/calendars/scotland", json={**SCOTTISH, "peak": [OFFICE_HOURS]})
        _tariff(rating, "PLAIN", hand_calls.DECK)
        _tariff(rating, "SCOT", hand_calls.DECK, calendar="scotland")
        _tariff(rating, "BINARY", hand_calls.DECK, megabyte_bytes=1_048_576)
        for code, more in (("PENNIES", {}), ("FALLS", {"fallback_markup": "10"})):
            _tariff(rating, code, f"{COLUMNS}\n,Local,,0.01,,,,,,,,\n", rounding_places=2, **more)
        for code, price in hand_calls.CLASS_PRICES.items():
            _tariff(rating, code, f"{COLUMNS}\n,National,,{price},,,,,,,,\n")
        for source, kind, code in DEFAULTS:
            rating.post("/default-tariffs", {"source": source, "number_type": kind, "tariff": code})
        for code, plan in hand_usage.PLANS.items():
            rating.call("PUT", f"/discount-plans/{code}", json=plan)

    def customer(self, name: str, first: str, number: Mapping[str, object], **fields: object) -> tuple[int, int]:
        """A customer with one number from a day on. Returns the ids of both."""
        body = {"name": name, "billing_address": ADDRESS, "status_from": first, **fields}
        customer_id = self.apis.customers.post("/customers", body)["customer_id"]
        added = {"call_plan": "standard", "start": first, **number}
        line = self.apis.customers.post(f"/customers/{customer_id}/numbers", added)
        return int(customer_id), int(line["number"]["number_id"])

    def take_in(self, batches: Sequence[Sequence[Json]]) -> None:
        """Hand in batches of records, one after the other, and wait until all are rated."""
        self.player.at_rest()
        for records in batches:
            self.apis.rating.post("/cdrs", {"records": list(records)})
        with Screen(Console(quiet=True)).step("calls") as shown:
            intake.wait_rated(self.apis.rating, intake.ends(self.player.platform.kafka), PATIENCE_SECONDS, shown)

    def explained(self, position: int) -> Json:
        """What became of a call of `hand_calls`, and why."""
        source = hand_calls.ALL[position].told.get("source", "hand")
        [found] = self.apis.rating.get("/usage", source=source, record_id=f"H{position}")["items"]
        return dict(found)


def _tariff(rating: Api, code: str, deck: str, **more: object) -> None:
    rating.post("/tariffs", {"code": code, "name": code, **more})
    rating.post(f"/tariffs/{code}/rates", files=_csv(deck))


def _csv(text: str) -> dict[str, tuple[str, bytes, str]]:
    return {"file": ("table.csv", text.encode(), "text/csv")}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """The platform, on 31 January 2025."""
    with own_platform() as platform:
        world = World(Player(platform))
        world.player.go_to("2025-01-31")
        world.set_up()
        yield world


@pytest.fixture(scope="module")
def called(world: World) -> World:
    """The calls of `hand_calls`, in one batch."""
    ids = {}
    for name, (fields, number) in hand_calls.CUSTOMERS.items():
        line = {"number": hand_calls.NUMBERS[name], **number}
        ids[name] = world.customer(name, FIRST_CALLS, line, **fields)
    elsewhere = {"customer_id": ids["PLAIN"][0], "on": "2024-07-15"}
    world.apis.customers.post(f"/numbers/{ids['MOVED'][1]}/move", elsewhere)
    world.take_in([[_record(at, hand) for at, hand in enumerate(hand_calls.ALL)]])
    return world


def _record(position: int, hand: Hand) -> Json:
    known = {"source": "hand", "record_id": f"H{position}", "charged_number": hand_calls.NUMBERS[hand.customer]}
    return {**MINUTE, **known, **hand.told}


@pytest.mark.parametrize("position", range(len(hand_calls.ALL)), ids=[each.why for each in hand_calls.ALL])
def test_a_call_costs_what_was_worked_out(called: World, position: int) -> None:
    """R3 to R6, Z16 to Z18: the charge to the last place, its band, billed seconds and step; or why it is held."""
    hand, found = hand_calls.ALL[position], called.explained(position)
    if hand.held:
        assert hand.held in (found["outcome"], found["reason"])
        assert found["charge"] is None
        return
    facts = {name: value for step in found["steps"] for name, value in step["facts"].items()}
    assert Decimal(found["charge"]) == Decimal(hand.charge)
    assert found["agrees"]
    assert facts["band"] == (hand.band or facts["band"])
    assert facts["billed_seconds"] == (facts["billed_seconds"] if hand.billed is None else hand.billed)
    assert found["step"] == (found["step"] if hand.step is None else hand.step)


class Caller:
    """A customer of `hand_usage` with its number; to a run it is an account."""

    def __init__(self, world: World, position: int, used: Used) -> None:
        self.used, self.invoicing = used, world.apis.invoicing
        self.line = f"+4416329608{position:02d}"
        plans = [{"plan": code, "start": FIRST_BILLS} for code in used.plans]
        number = {"number": self.line, **used.number}
        self.customer_id, _ = world.customer(f"{position}", FIRST_BILLS, number, discount_plans=plans, **used.customer)

    def records(self, month: str) -> list[Json]:
        """Its calls of a month, in the order in which they come."""
        calls = self.used.january if month == "january" else self.used.february
        known = {"source": "hand", "charged_number": self.line}
        return [{**known, "record_id": f"{self.line}-{month}-{at}", **call} for at, call in enumerate(calls)]

    def lines(self, day: str) -> list[str]:
        """The usage lines of the bill of a day: class, band, plan and net, in that order."""
        listed = self.invoicing.items("/invoices", customer_id=self.customer_id)
        bills = [self.invoicing.get(f"/invoices/{each['invoice_id']}") for each in listed if each["bill_to"] == day]
        found = [line for bill in bills for line in bill["lines"] if line["kind"] == "usage"]
        return sorted(f"{each['call_class']} {each['band']} {each['plan']} {each['net']}" for each in found)


@pytest.fixture(scope="module")
def billed(called: World) -> Lines:
    """The usage lines of `hand_usage` by caller and month, each month's calls one by one in their order."""
    world, lines = called, Lines()
    callers = [Caller(world, at, used) for at, used in enumerate(hand_usage.ALL)]
    for day, month in MONTHS.items():
        world.player.go_to(day)
        world.take_in([[record] for caller in callers for record in caller.records(month)])
        world.player.approve_run(world.player.run(Bill(day, day), callers))
        lines |= {(caller.used.why, month): caller.lines(day) for caller in callers}
    return lines


@pytest.mark.parametrize("used", hand_usage.ALL, ids=lambda used: used.why)
def test_calls_come_to_the_lines_that_were_worked_out(billed: Lines, used: Used) -> None:
    """R1, R6, R7, I4, Z3, Z19: a bill's usage lines of two months, by class, band and plan."""
    assert billed[used.why, "january"] == sorted(used.billed)
    assert billed[used.why, "february"] == sorted(used.billed_then)
