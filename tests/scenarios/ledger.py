"""What a month's scenarios read: what the carrier gave in, as plain text, and what the platform's APIs answer."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

from examples.demo.carrier.roles import ROLES
from tests.support.month import Month

Json = dict[str, Any]


def rounded(amount: Decimal, places: str = "0.01") -> Decimal:
    """Half up, away from zero (SPEC Z1)."""
    return amount.quantize(Decimal(places), ROUND_HALF_UP)


@dataclass(frozen=True)
class Row:
    """A row of a CDR file; `number` counts from 1, the header not counted."""

    file: str
    source: str
    number: int
    fields: dict[str, str]

    @property
    def record_id(self) -> str:
        """The supplier's own id of the record."""
        return self.fields["Record ID"]


class Ledger:
    """A billed month, read once. Everything about the platform comes over HTTP."""

    def __init__(self, month: Month) -> None:
        self.month = month
        self.apis = month.apis

    @cached_property
    def ids(self) -> dict[str, int]:
        """Customer ids by account number, of the carrier's customers."""
        known = {customer["account_number"] for customer in self.month.customers}
        found = {each["account_number"]: each["customer_id"] for each in self.apis.customers.items("/customers")}
        return {account: found[account] for account in known}

    @cached_property
    def customers(self) -> dict[str, Json]:
        """The carrier's customers as they were imported, by account number."""
        return {customer["account_number"]: customer for customer in self.month.customers}

    def account(self, role: str) -> str:
        """The first customer that plays a role: the generator gives the first ones a role each, in order."""
        return f"D{[each.name for each in ROLES].index(role) + 1:06d}"

    @cached_property
    def usage(self) -> dict[str, list[Json]]:
        """Every customer's priced calls, by account number."""
        return {
            account: list(self.apis.rating.items(f"/customers/{customer_id}/usage"))
            for account, customer_id in sorted(self.ids.items())
        }

    @cached_property
    def calls(self) -> list[Json]:
        """Every priced call."""
        return [call for calls in self.usage.values() for call in calls]

    @cached_property
    def charged(self) -> dict[tuple[str, str], Json]:
        """Every priced call by its source and record id."""
        return {(call["source"], call["record_id"]): call for call in self.calls}

    def priced(self, **wanted: object) -> list[Json]:
        """The priced calls that have these values."""
        return [call for call in self.calls if all(call[name] == value for name, value in wanted.items())]

    def held(self, outcome: str, reason: str | None = None) -> list[Json]:
        """Calls that are not charged; of all sources."""
        more = {} if reason is None else {"reason": reason}
        return list(self.apis.rating.items("/held", outcome=outcome, **more))

    @cached_property
    def number_types(self) -> dict[str, str]:
        """The type of each number, by its E.164."""
        return {each["number"]: each["number_type"] for one in self.month.customers for each in one["numbers"]}

    @cached_property
    def rows(self) -> list[Row]:
        """Every row of every CDR file, in the order they were handed in."""
        found = []
        for entry in json.loads((self.month.folder / "cdr-files.json").read_text()):
            with (self.month.folder / entry["file"]).open(newline="", encoding="utf-8") as file:
                for number, fields in enumerate(csv.DictReader(file), start=1):
                    found.append(Row(entry["file"].rpartition("/")[2], entry["source"], number, fields))
        return found

    @cached_property
    def stream(self) -> list[str]:
        """Every line of the stream, in order."""
        return (self.month.folder / "stream.jsonl").read_text(encoding="utf-8").splitlines()

    @cached_property
    def values(self) -> list[Json]:
        """The lines of the stream that are JSON objects."""
        return [value for line in self.stream if isinstance(value := _json(line), dict)]

    @cached_property
    def rates(self) -> dict[str, dict[str, str]]:
        """For each tariff the price per minute of its prefixes."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for path in sorted((self.month.folder / "tariffs").glob("*.csv")):
            with path.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    if row["prefix"]:
                        found[path.stem][row["prefix"]] = row["price_per_minute"]
        return found

    @cached_property
    def invoices(self) -> dict[str, Json]:
        """The run's invoices with their lines, by account number."""
        listed = self.apis.invoicing.items("/invoices", run_id=self.month.run_id)
        found = (self.apis.invoicing.get(f"/invoices/{each['invoice_id']}") for each in listed)
        return {invoice["account_number"]: invoice for invoice in found}

    def invoice(self, role: str) -> Json:
        """The invoice of the customer that plays a role."""
        return self.invoices[self.account(role)]

    def lines(self, account: str, *kinds: str) -> list[Json]:
        """The lines of an account's invoice, of some kinds."""
        return [line for line in self.invoices[account]["lines"] if line["kind"] in kinds]

    @cached_property
    def in_run(self) -> dict[int, Json]:
        """What became of each customer in the run, by customer id."""
        entries = self.apis.invoicing.items(f"/billing-runs/{self.month.run_id}/customers")
        return {entry["customer_id"]: entry for entry in entries}

    def fate(self, role: str) -> tuple[str, str] | None:
        """State and reason in the run of the customer that plays a role; None where the run did not take it."""
        entry = self.in_run.get(self.ids[self.account(role)])
        return None if entry is None else (entry["state"], entry["reason"])

    @cached_property
    def charges(self) -> dict[int, Json]:
        """What each customer's calls come to, by customer id."""
        found = self.apis.rating.items("/reports/charges", bill_to=self.month.plan["bill_to"])
        return {each["customer_id"]: each for each in found}


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
