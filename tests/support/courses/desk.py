"""One customer at the platform's APIs: what its steps are there, and what is on its account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from examples.demo.driver.api import Api, Json, wait_until
from tests.support.reference import steps
from tests.support.reference.steps import Course

from local_platform.platform import Platform

LONDON = ZoneInfo("Europe/London")
SOURCE = "courses"
CALLED = "+441632960999"
ADDRESS = {"lines": ["1 Example Street", "Sampletown"], "postcode": "ZZ1 1ZZ", "country": "GB"}
NEWEST = {"If-Match": "*"}
DONE = ("completed", "completed_with_errors")
PATIENCE = 120.0
"""Seconds to wait for a run."""


class Apis:
    """The APIs of the three services that courses need, and the business day."""

    def __init__(self, platform: Platform, make: Callable[[Api], Api] = lambda api: api) -> None:
        token = platform.token(subject="courses")
        made = {name: make(Api(name, platform.url(name), token)) for name in ("customers", "rating", "invoicing")}
        self.customers, self.rating, self.invoicing = made["customers"], made["rating"], made["invoicing"]
        self.today = ""


@dataclass
class Account:
    """A customer of a course. `line` is its number; `refused` says which step the platform did not take, and why."""

    apis: Apis
    course: Course
    line: str
    customer_id: int = 0
    refused: list[str] = field(default_factory=list)
    _features: dict[str, int] = field(default_factory=dict)
    _calls: int = 0

    def open(self) -> None:
        """The customer with its number, as of the first day."""
        body = {
            "name": self.course.name,
            "billing_address": ADDRESS,
            "status_from": self.course.opened,
            "tariff": "FLAT",
            **self.course.fields,
        }
        self.customer_id = int(self.apis.customers.post("/customers", body)["customer_id"])
        number = {"number": self.line, "call_plan": "standard", "start": self.course.opened}
        self._post("numbers", number)

    def do(self, step: steps.Step) -> None:
        """One step but bills and approvals, which are everybody's together."""
        match step:
            case steps.Charge():
                self._charge(step)
            case steps.Change():
                self._change(step)
            case steps.Cease(name, end):
                self.apis.customers.post(f"/features/{self._features[name]}/end", {"on": end})
            case steps.Call():
                self._call(step)
            case steps.Pay(amount):
                self._pay(amount)
            case steps.ByHand():
                self._by_hand(step)
            case steps.VatRate(rate):
                self.apis.customers.call("PUT", self._at(""), json={"vat_rate": rate}, headers=NEWEST)
            case _:
                self._act(step)

    def _act(self, step: steps.Step) -> None:
        match step:
            case steps.FinalBill(on):
                self._post("final-bill", {"final_bill_date": on})
            case steps.Withdraw():
                self.apis.customers.call("DELETE", self._at("/final-bill"))
            case steps.Drop(on, kind):
                self._post("drop", {"drop_date": on, **({"ignore_traffic_type": kind} if kind else {})})
            case steps.Reinstate(on):
                self._post("reinstate", {"reinstate_date": on})
            case steps.Status(status, effective_from):
                self._post("status", {"status": status, "effective_from": effective_from})
            case _:
                raise ValueError(f"no step of a customer: {step}")

    def _charge(self, step: steps.Charge) -> None:
        charge: Json = {"description": step.name, "amount": step.price, "quantity": step.quantity}
        recurring = {"kind": "recurring", "frequency_months": step.months, "in_advance": step.advance}
        charge |= recurring if step.months else {"kind": "one_off"}
        charge |= {"vat_rate": step.vat_rate} if step.vat_rate else {}
        body = {"description": step.name, "start": step.start, "end": step.end, "charges": [charge]}
        self._features[step.name] = int(self._post("features", body)["feature_id"])

    def _change(self, step: steps.Change) -> None:
        charges = self.apis.customers.get(f"/features/{self._features[step.name]}/charges")["items"]
        newest = max(charges, key=lambda each: (each["start"], each["charge_id"]))
        told = {"amount": step.price, "quantity": step.quantity, "from": step.first_day}
        body = {name: value for name, value in told.items() if value is not None}
        self.apis.customers.call("PUT", f"/charges/{newest['charge_id']}", json=body, headers=NEWEST)

    def _call(self, step: steps.Call) -> None:
        self._calls += 1
        start = datetime.fromisoformat(step.start).replace(tzinfo=LONDON)
        record = {
            "source": SOURCE,
            "record_id": f"{self.customer_id}-{self._calls}",
            "charged_number": self.line,
            "other_party": CALLED,
            "start": start.isoformat(),
            "duration_seconds": step.seconds,
            "call_class": "National",
        }
        assert self.apis.rating.post("/cdrs", {"records": [record]})["accepted"] == 1

    def _pay(self, amount: str | None) -> None:
        paid = self.balance if amount is None else Decimal(amount)
        body = {"customer_id": self.customer_id, "amount": f"{paid}", "received_on": self.apis.today}
        self.apis.invoicing.post("/payments", body)

    def _by_hand(self, step: steps.ByHand) -> None:
        lines = [{"description": words, "net": net} for words, net in step.lines]
        body = {"customer_id": self.customer_id, "bill_to": step.bill_to, "lines": lines}
        run_id = self.apis.invoicing.post("/invoices", body)["run_id"]
        wait_until("the invoice", lambda: self.apis.invoicing.get(f"/billing-runs/{run_id}")["state"] in DONE, PATIENCE)
        for invoice in self.apis.invoicing.items("/invoices", run_id=run_id) if step.approve else ():
            self.apis.invoicing.post(f"/invoices/{invoice['invoice_id']}/approve")

    @property
    def balance(self) -> Decimal:
        """What it owes, in pounds."""
        return Decimal(self.apis.invoicing.get(self._at("/account"))["balance"])

    @property
    def status(self) -> str:
        """Its status as it is shown."""
        return str(self.apis.customers.get(self._at(""))["status"])

    @property
    def bills(self) -> list[Json]:
        """Its invoices with their lines, in the order in which they were made; not those that were removed."""
        listed = self.apis.invoicing.items("/invoices", customer_id=self.customer_id)
        live = [each["invoice_id"] for each in listed if each["status"] != "removed"]
        return [self.apis.invoicing.get(f"/invoices/{each}") for each in live]

    @property
    def unsent(self) -> list[Json]:
        """Its transactions that are on no invoice."""
        found = self.apis.invoicing.items("/transactions", customer_id=self.customer_id, unsent=True)
        return list(found)

    @property
    def held(self) -> dict[str, str]:
        """Why each of its calls that are not charged is held, by the call's local day."""
        calls = (each for kind in ("suspended", "ignored") for each in self.apis.rating.items("/held", outcome=kind))
        return {each["local_date"]: each["reason"] or each["outcome"] for each in calls if self._is_ours(each)}

    @property
    def calls_charged(self) -> list[str]:
        """The local days of its calls that are charged."""
        return [each["local_date"] for each in self.apis.rating.items(self._at("/usage"))]

    def _is_ours(self, call: Mapping[str, Any]) -> bool:
        return str(call["record_id"]).startswith(f"{self.customer_id}-")

    def _at(self, path: str) -> str:
        return f"/customers/{self.customer_id}{path}"

    def _post(self, path: str, body: Json) -> Json:
        return self.apis.customers.post(self._at(f"/{path}"), body)


@dataclass(frozen=True)
class Outcome:
    """What became of a course; read once, so that its platform may go.

    Attributes:
        bills: invoices with their lines, in the order in which they were made.
        held: why each of its calls that are not charged is held, by the call's local day.
        charged: the local days of the calls that are charged.
        refused: which step was not taken, and why.
    """

    customer_id: int
    status: str
    dropped_on: str | None
    balance: Decimal
    bills: list[Json]
    unsent: list[Json]
    held: dict[str, str]
    charged: list[str]
    refused: list[str]

    @classmethod
    def of(cls, account: Account) -> Outcome:
        """Read it."""
        customer = account.apis.customers.get(f"/customers/{account.customer_id}")
        return cls(
            account.customer_id,
            customer["status"],
            customer["drop_date"],
            account.balance,
            account.bills,
            account.unsent,
            account.held,
            account.calls_charged,
            account.refused,
        )

    @property
    def figures(self) -> list[tuple[Decimal, Decimal, Decimal, list[tuple[str, str, str, Decimal]]]]:
        """For each bill net, VAT, gross and its lines: kind, first and last day, net."""
        return [(*(Decimal(bill[name]) for name in ("net", "vat", "gross")), self.lines(bill)) for bill in self.bills]  # type: ignore[misc]

    @staticmethod
    def lines(bill: Json) -> list[tuple[str, str, str, Decimal]]:
        """Kind, first and last day (empty where it is for none), net."""
        return sorted(
            (line["kind"], line["first_day"] or "", line["last_day"] or "", Decimal(line["net"]))
            for line in bill["lines"]
        )
