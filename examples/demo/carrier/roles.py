"""What single customers are there to show: each role changes a plain customer so that one rule is met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from examples.demo.carrier import tariffs

Customer = dict[str, Any]


@dataclass(frozen=True)
class Role:
    """A role and what it does to a customer. `traffic` says which calls its numbers get, see `lines.Line`."""

    name: str
    play: Callable[[Customer, Random], None]
    traffic: str = "steady"


def _set(**fields: Any) -> Callable[[Customer, Random], None]:
    def play(customer: Customer, _random: Random) -> None:
        customer.update(fields)

    return play


def _dropped(customer: Customer, random: Random) -> None:
    """SPEC Z7: nothing is allocated to a dropped customer, earlier calls included."""
    day = f"2025-01-{random.randint(8, 22):02d}"
    customer["status_history"] = [
        {"status": "active", "effective_from": "2024-06-01"},
        {"status": "dropped", "effective_from": day, "reason": "closed its doors"},
    ]
    customer.update(status="dropped", status_from="2024-06-01")
    for item in customer["numbers"] + customer["features"]:
        if item["start"] <= day:
            item["end"] = day


def _without_address(customer: Customer, _random: Random) -> None:
    del customer["billing_address"]


def _nothing_to_charge(customer: Customer) -> None:
    """One number with a free call plan, and no other charge."""
    customer["features"] = []
    customer["numbers"] = customer["numbers"][:1]
    free = {"amount": "0.00", "frequency_months": 1, "in_advance": True}
    customer["numbers"][0].update(call_plan_charge=free, charges=[], start="2024-12-01")


def _low(policy: str | None, threshold: str = "0.00", charge: str = "0.00") -> Callable[[Customer, Random], None]:
    def play(customer: Customer, _random: Random) -> None:
        _nothing_to_charge(customer)
        if policy is not None:
            customer["low_invoice"] = {"policy": policy, "threshold": threshold, "charge": charge}

    return play


def _own_vat_rate(customer: Customer, _random: Random) -> None:
    """SPEC Z13: a charge's own rate goes before the customer's."""
    charges = [
        {"kind": "one_off", "description": "Printed directory", "amount": "12.35", "quantity": "3", "vat_rate": "zero"},
        _monthly("Energy monitor", "2.49", vat_rate="reduced"),
    ]
    customer["features"].append({"description": "Extras", "start": "2025-01-06", "charges": charges})


def _monthly(description: str, amount: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "recurring",
        "description": description,
        "amount": amount,
        "quantity": "1",
        "frequency_months": 1,
        "in_advance": True,
        **more,
    }


def _without_email(customer: Customer, _random: Random) -> None:
    customer["emails"] = []


def _class_markups(customer: Customer, _random: Random) -> None:
    customer["tariff"] = tariffs.UK_ONLY
    customer["class_markups"] = {"International": "35", "Premium": "12.5", "Non-Geographic": "20"}


def _number_choices(customer: Customer, _random: Random) -> None:
    """SPEC Z16: the number's choice goes before the customer's."""
    customer["tariff"] = tariffs.HOME
    customer["class_tariffs"] = {"SMS": tariffs.UK_ONLY}
    first = customer["numbers"][0]
    first.update(tariff=tariffs.BUSINESS, class_tariffs={"Mobile": tariffs.HOME}, class_markups={"Directory": "40"})


def _ignored(customer: Customer, _random: Random) -> None:
    for number in customer["numbers"]:
        number["number_type"] = "ignore_traffic"


def _part_month(customer: Customer, random: Random) -> None:
    """Numbers and features that start or end in the middle of January."""
    for index, number in enumerate(customer["numbers"]):
        if index % 2 == 0:
            number["start"] = f"2025-01-{random.randint(7, 15):02d}"
        if index % 2 == 1 or random.randrange(2):
            number["end"] = f"2025-01-{random.randint(18, 27):02d}"
    line = {"description": "Temporary line", "start": "2025-01-09", "end": "2025-01-24"}
    customer["features"].append(line | {"charges": [_monthly("Temporary line", "19.99")]})
    for feature in customer["features"]:  # a feature of a number lives no longer than the number
        feature.pop("number", None)


def _long_periods(customer: Customer, _random: Random) -> None:
    """SPEC I2: quarterly and yearly charges, in advance and in arrears, some of them ended."""
    charges = [
        _monthly("Site survey", "100.00") | {"frequency_months": 3, "in_advance": False},
        _monthly("Licence", "365.00") | {"frequency_months": 12},
    ]
    customer["features"].append({"description": "Quarterly and yearly", "start": "2024-11-01", "charges": charges})
    ended = {"description": "Ended", "start": "2024-12-10", "end": "2025-01-19"}
    arrears = _monthly("Ended in arrears", "30.00") | {"frequency_months": 3, "in_advance": False}
    customer["features"].append(ended | {"charges": [arrears]})


def _terms(kind: str, value: int) -> Callable[[Customer, Random], None]:
    return _set(payment_terms={"kind": kind, "value": value})


ROLES: tuple[Role, ...] = (
    Role("dropped", _dropped, "dropped"),
    Role("do_not_bill", _set(status="active_do_not_bill")),
    Role("missing_details", _without_address),
    Role("ignored", _ignored, "ignored"),
    Role("part_month", _part_month, "part_month"),
    Role("rolls_forward_small", _low("roll_forward", "50.00"), "small"),
    Role("rolls_forward_zero", _low(None), "quiet"),
    Role("low_usage_charge", _low("low_usage_charge", "10.00", "3.50"), "quiet"),
    Role("empty_invoice", _low("create", "5.00"), "quiet"),
    Role("quarterly_due", _set(billing_cycle="quarterly", anchor_month=1)),
    Role("quarterly_due_from_october", _set(billing_cycle="quarterly", anchor_month=10)),
    Role("quarterly_not_due", _set(billing_cycle="quarterly", anchor_month=2)),
    Role("quarterly_first_bill", _set(billing_cycle="quarterly")),
    Role("manual_cycle", _set(billing_cycle="manual")),
    Role("zero_rated", _set(vat_rate="zero")),
    Role("exempt", _set(vat_rate="exempt")),
    Role("outside_scope", _set(vat_rate="outside_scope")),
    Role("reverse_charge", _set(vat_rate="reverse_charge")),
    Role("own_vat_rate", _own_vat_rate),
    Role("without_email", _without_email),
    Role("class_tariffs", _set(tariff=tariffs.UK_ONLY, class_tariffs={"International": tariffs.BUSINESS})),
    Role("class_markups", _class_markups),
    Role("number_choices", _number_choices),
    Role("unpriced", _set(tariff=tariffs.UK_ONLY)),
    Role("long_periods", _long_periods),
    Role("terms_days_after", _terms("days_after", 21)),
    Role("terms_day_of_month", _terms("day_of_month", 31)),
    Role("terms_before_month_end", _terms("days_before_month_end", -2)),
)
