"""What the platform reports at the end, read through its public APIs; money in pounds, exact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from examples.demo.driver.api import Api, Apis, Json

OUTCOMES = ("rated", "unpriced", "suspended", "ignored", "duplicate", "rejected")
NOTHING = Decimal("0.00")
DO_NOT_BILL_STATUSES = frozenset({"active_do_not_bill"})
ROLL_FORWARD = frozenset({"roll_forward", "nothing_to_bill"})

Accounts = dict[int, str]
"""Account number by customer id."""


@dataclass(frozen=True)
class Invoice:
    """An invoice as the platform has it; `usage_net` is the net of its usage lines, `usage_exact` before rounding."""

    invoice_id: int
    account: str
    number: str
    status: str
    net: Decimal
    vat: Decimal
    gross: Decimal
    usage_net: Decimal
    usage_exact: Decimal


@dataclass(frozen=True)
class Charges:
    """Call charges of a customer, exact: all; in a close that stands; in none, up to the bill-to date and after it."""

    rated: Decimal
    closed: Decimal
    unbilled: Decimal
    later: Decimal


@dataclass(frozen=True)
class Figures:
    """Everything that is compared.

    `reasons` says by account why a customer's charges up to the bill-to date are on no invoice; `emails` holds each
    account's email addresses.
    """

    outcomes: dict[str, dict[str, int]]
    received: int
    charges: dict[str, Charges]
    invoices: dict[str, Invoice]
    reasons: dict[str, str]
    emails: dict[str, tuple[str, ...]]

    def total(self, outcome: str) -> int:
        """How many records of all sources ended so."""
        return sum(counts[outcome] for counts in self.outcomes.values())

    @property
    def net(self) -> Decimal:
        """All invoices, net."""
        return sum((invoice.net for invoice in self.invoices.values()), NOTHING)

    @property
    def vat(self) -> Decimal:
        """The VAT on all invoices."""
        return sum((invoice.vat for invoice in self.invoices.values()), NOTHING)

    @property
    def gross(self) -> Decimal:
        """All invoices with VAT."""
        return sum((invoice.gross for invoice in self.invoices.values()), NOTHING)

    @property
    def rated(self) -> Decimal:
        """All call charges."""
        return sum((charges.rated for charges in self.charges.values()), Decimal(0))

    @property
    def billed(self) -> Decimal:
        """Call charges on invoices, exact."""
        return sum((invoice.usage_exact for invoice in self.invoices.values()), Decimal(0))

    def unbilled(self) -> dict[str, Decimal]:
        """Call charges on no invoice, by reason. What has no reason stands under "unexplained"."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for account, charges in self.charges.items():
            sums["after_bill_to"] += charges.later
            left = charges.unbilled if account in self.invoices else charges.unbilled + charges.closed
            if left:
                reason = "unexplained" if account in self.invoices else self.reasons.get(account, "unexplained")
                sums[reason] += left
        return dict(sums)


def collect(apis: Apis, run_id: int, bill_to: str) -> Figures:
    """Read all figures."""
    customers = list(apis.customers.items("/customers"))
    accounts = {customer["customer_id"]: customer["account_number"] for customer in customers}
    outcomes, received = _outcomes(apis.rating)
    return Figures(
        outcomes=outcomes,
        received=received,
        charges=_charges(apis.rating, accounts, bill_to),
        invoices=_invoices(apis.invoicing, accounts, run_id),
        reasons=_why_not_in_run(customers) | _reasons(apis.invoicing, accounts, run_id),
        emails={customer["account_number"]: tuple(customer["emails"]) for customer in customers},
    )


def _outcomes(rating: Api) -> tuple[dict[str, dict[str, int]], int]:
    sources: dict[str, dict[str, int]] = {}
    received = 0
    for item in rating.get("/reports/outcomes", group="source")["items"]:
        counts = sources.setdefault(item["source"], dict.fromkeys(OUTCOMES, 0))
        for outcome in OUTCOMES:
            counts[outcome] += item[outcome]
        received += item["received"]
    return sources, received


def _charges(rating: Api, accounts: Accounts, bill_to: str) -> dict[str, Charges]:
    return {
        accounts[item["customer_id"]]: Charges(
            rated=Decimal(item["rated_charge"]),
            closed=Decimal(item["closed_charge"]),
            unbilled=Decimal(item["unbilled_to_date"]),
            later=Decimal(item["unbilled_after"]),
        )
        for item in rating.items("/reports/charges", bill_to=bill_to)
    }


def _invoices(invoicing: Api, accounts: Accounts, run_id: int) -> dict[str, Invoice]:
    found = {}
    for listed in invoicing.items("/invoices", run_id=run_id):
        if listed["status"] == "removed":
            continue
        invoice = invoicing.get(f"/invoices/{listed['invoice_id']}")
        account = accounts[invoice["customer_id"]]
        usage = [line for line in invoice["lines"] if line["kind"] == "usage"]
        found[account] = Invoice(
            invoice_id=invoice["invoice_id"],
            account=account,
            number=invoice["number"] or "",
            status=invoice["status"],
            net=Decimal(invoice["net"]),
            vat=Decimal(invoice["vat"]),
            gross=Decimal(invoice["gross"]),
            usage_net=sum((Decimal(line["net"]) for line in usage), NOTHING),
            usage_exact=sum((Decimal(line["net_exact"]) for line in usage), Decimal(0)),
        )
    return found


def _why_not_in_run(customers: Iterable[Json]) -> dict[str, str]:
    return {
        customer["account_number"]: "do_not_bill" if customer["status"] in DO_NOT_BILL_STATUSES else "not_due"
        for customer in customers
    }


def _reasons(invoicing: Api, accounts: Accounts, run_id: int) -> dict[str, str]:
    return {
        accounts[entry["customer_id"]]: _reason(entry) for entry in invoicing.items(f"/billing-runs/{run_id}/customers")
    }


def _reason(entry: Json) -> str:
    if entry["state"] == "parked":
        return "parked"
    reason = str(entry["reason"] or entry["state"])
    return "rolled_forward" if reason in ROLL_FORWARD else reason
