"""The carrier's customers, numbers and features, in the shape of `POST /imports/customers`.

The first customers play one role each (`roles.ROLES`), so that the smallest carrier has every variety; of the others
a third plays a role drawn by lot. Home customers have one or two numbers, businesses more: three on average.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from examples.demo.carrier import people, phones, tariffs
from examples.demo.carrier.roles import ROLES, Role

HOME_SHARE = 40
"""Percent of the customers that are households."""
ROLE_SHARE = 33
"""Percent of the customers beyond the first that play a role."""
STEADY_STARTS = ("2025-01-01",) * 6 + ("2024-12-01",) * 3 + ("2024-12-16", "2024-11-20")

Customer = dict[str, Any]


@dataclass(frozen=True)
class Supply:
    """Numbers not given out yet."""

    geographic: Iterator[str]
    mobile: Iterator[str]
    freephone: Iterator[str]

    def take(self, number_type: str) -> str:
        """The next number of a type, in digits of E.164."""
        return next({"mobile": self.mobile, "freephone": self.freephone}.get(number_type, self.geographic))


def generate(count: int, seed: int) -> Iterator[tuple[Role | None, Customer]]:
    """Every customer with the role that it plays, the same ones for the same seed."""
    random = Random(f"customers-{seed}")
    supply = Supply(phones.geographic_supply(random), phones.mobile_supply(random), phones.freephone_supply(random))
    for index in range(1, count + 1):
        role = _role(random, index)
        customer = _customer(random, index, supply)
        if role is not None:
            role.play(customer, random)
        yield role, customer


def _role(random: Random, index: int) -> Role | None:
    if index <= len(ROLES):
        return ROLES[index - 1]
    return random.choice(ROLES) if random.randrange(100) < ROLE_SHARE else None


def _customer(random: Random, index: int, supply: Supply) -> Customer:
    home = random.randrange(100) < HOME_SHARE
    customer = people.household(random, index) if home else people.company(random, index)
    customer |= {
        "account_number": f"D{index:06d}",
        "billing_cycle": "monthly",
        "payment_method": random.choice(("direct_debit", "direct_debit", "bank_transfer", "card", "cheque")),
        "vat_rate": "standard",
        "status": "active",
        "status_from": "2024-06-01",
    }
    if home:
        customer["tariff"] = tariffs.HOME
    elif random.randrange(100) < 60:
        customer["tariff"] = tariffs.BUSINESS
    customer["numbers"] = _numbers(random, supply, home)
    customer["features"] = _features(random, customer["numbers"], home)
    return customer


def _numbers(random: Random, supply: Supply, home: bool) -> list[dict[str, Any]]:
    if home:
        types = ["geographic", "mobile"][: random.randint(1, 2)]
    else:
        types = ["geographic", *random.choices(("geographic", "sip", "mobile"), (5, 3, 3), k=random.randint(0, 6))]
        types += ["freephone"] if random.randrange(100) < 12 else []
    return [_number(random, supply, number_type, home) for number_type in types]


def _number(random: Random, supply: Supply, number_type: str, home: bool) -> dict[str, Any]:
    return {
        "number": f"+{supply.take(number_type)}",
        "number_type": number_type,
        "call_plan": "standard",
        "start": random.choice(STEADY_STARTS),
        "call_plan_charge": _call_plan_charge(random, home),
        "charges": _number_charges(random, number_type),
    }


def _call_plan_charge(random: Random, home: bool) -> dict[str, Any]:
    if home:
        return {"amount": random.choice(("7.99", "11.50", "0.00")), "frequency_months": 1, "in_advance": True}
    frequency = random.choice((1, 1, 1, 3, 12))
    in_advance = random.randrange(100) < 70
    amount = str(random.randint(300, 1500) * frequency)
    return {"amount": f"{amount[:-2]}.{amount[-2:]}", "frequency_months": frequency, "in_advance": in_advance}


def _number_charges(random: Random, number_type: str) -> list[dict[str, Any]]:
    charges: list[dict[str, Any]] = []
    if random.randrange(100) < 15:
        description = "SIM card" if number_type == "mobile" else "Number set-up"
        charges.append({"kind": "one_off", "description": description, "amount": "4.17", "quantity": "1"})
    if random.randrange(100) < 10:
        charges.append(_recurring("Voicemail", "1.333333", 1, in_advance=False))
    return charges


def _features(random: Random, numbers: list[dict[str, Any]], home: bool) -> list[dict[str, Any]]:
    features = []
    if random.randrange(100) < (50 if home else 40):
        charges = [_recurring("Broadband", "24.99" if home else "31.25", 1, in_advance=True)]
        charges += [one_off("Router", "35.00")] if random.randrange(100) < 30 else []
        features.append(_feature(random, "Broadband", charges))
    if not home and random.randrange(100) < 40:
        seats = str(random.randint(2, 40))
        charge = _recurring("Hosted seat", "6.45", 1, in_advance=random.randrange(100) < 50, quantity=seats)
        features.append(_feature(random, "Hosted telephony", [charge]))
    if not home and random.randrange(100) < 15:
        linked = _feature(random, "Line care", [_recurring("Line care", "10.00", 3, in_advance=False)])
        features.append(linked | {"number": numbers[0]["number"], "start": max(linked["start"], numbers[0]["start"])})
    return features


def _feature(random: Random, description: str, charges: list[dict[str, Any]]) -> dict[str, Any]:
    start = random.choice((*STEADY_STARTS, "2025-01-13", "2025-02-10"))
    return {"description": description, "start": start, "charges": charges}


def _recurring(description: str, amount: str, months: int, *, in_advance: bool, quantity: str = "1") -> dict[str, Any]:
    return {
        "kind": "recurring",
        "description": description,
        "amount": amount,
        "quantity": quantity,
        "frequency_months": months,
        "in_advance": in_advance,
    }


def one_off(description: str, amount: str) -> dict[str, Any]:
    """A charge asked for once, on its start date."""
    return {"kind": "one_off", "description": description, "amount": amount, "quantity": "1"}
