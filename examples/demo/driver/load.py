"""Loads a carrier's folder: tariffs and destinations into rating, customers into customers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from examples.demo.driver.api import Api, DemoError
from examples.demo.driver.screen import Step

from money.dates import day_before

CUSTOMERS_IN_A_REQUEST = 200

Customer = dict[str, Any]


def tariffs(rating: Api, folder: Path, plan: dict[str, Any], step: Step) -> None:
    """Create the tariffs, import their rates, and the tables of destinations and inbound classes."""
    step.total(len(plan["tariffs"]) + 2)
    rows = 0
    for tariff in plan["tariffs"]:
        rating.post("/tariffs", tariff)
        rows += _import(rating, f"/tariffs/{tariff['code']}/rates", folder / "tariffs" / f"{tariff['code']}.csv")
        step.advance(1)
    for name in ("destinations", "inbound-classes"):
        rows += _import(rating, f"/{name}", folder / f"{name}.csv")
        step.advance(1)
    for default in plan["default_tariffs"]:
        rating.post("/default-tariffs", default)
    step.note = f"{rows:,} rows"


def _import(rating: Api, path: str, file: Path) -> int:
    with file.open("rb") as content:
        report = rating.post(path, files={"file": (file.name, content, "text/csv")})
    if report.get("problems"):
        raise DemoError(f"rating: {file.name} has problems: {report['problems'][:3]}")
    return int(report["rows"])


def customers(api: Api, folder: Path, count: int, step: Step) -> int:
    """Import every customer with its numbers and features, then the changes of status that some had.

    Returns:
        How many numbers they hold.
    """
    step.total(count)
    numbers = 0
    for batch in _batches(folder / "customers.jsonl"):
        ids = _import_customers(api, [_first_status(customer) for customer in batch])
        for customer in batch:
            _later_statuses(api, ids[customer["account_number"]], customer)
            numbers += len(customer["numbers"])
        step.advance(len(ids))
    step.note = f"{count:,} customers"
    return numbers


def versions(api: Api) -> dict[int, int]:
    """The version of each customer by its id."""
    return {customer["customer_id"]: customer["version"] for customer in api.items("/customers")}


def _batches(path: Path) -> Iterator[list[Customer]]:
    with path.open(encoding="utf-8") as file:
        while lines := list(islice(file, CUSTOMERS_IN_A_REQUEST)):
            yield [json.loads(line) for line in lines]


def _first_status(customer: Customer) -> Customer:
    """The customer as it was before its status changed: the import takes one status."""
    history = customer.get("status_history")
    if not history:
        return customer
    fields = {name: value for name, value in customer.items() if name != "status_history"}
    return fields | {"status": history[0]["status"], "status_from": history[0]["effective_from"]}


def _import_customers(api: Api, batch: list[Customer]) -> dict[str, int]:
    content = "\n".join(json.dumps(customer) for customer in batch).encode()
    answers = api.lines("/imports/customers", content)
    problems = [answer for answer in answers if "customer_id" not in answer]
    if problems or len(answers) != len(batch):
        raise DemoError(f"customers: {len(problems)} of {len(batch)} rows were refused, the first: {problems[:1]}")
    return {answer["account_number"]: answer["customer_id"] for answer in answers}


def _later_statuses(api: Api, customer_id: int, customer: Customer) -> None:
    for change in customer.get("status_history", [])[1:]:
        if change["status"] == "dropped":
            last_day = day_before(date.fromisoformat(change["effective_from"]))
            api.post(f"/customers/{customer_id}/drop", {"drop_date": f"{last_day}", "reason": change["reason"]})
        else:
            api.post(f"/customers/{customer_id}/status", change)
