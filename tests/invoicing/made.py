"""Hand-made events, as the other services would send them, for the tests of invoicing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

from contracts.base import Event
from contracts.closing import ControlTotals, UsageClosed, UsageLine
from contracts.customers import (
    Address,
    Charge,
    CustomerCreated,
    FeatureCreated,
    LowInvoicePolicy,
    NumberCreated,
    ReferenceRunMarker,
    RunMarker,
    StatusPeriod,
)
from contracts.reference import (
    BillingCycle,
    BillStyle,
    PaymentMethod,
    PaymentTerms,
    ReferenceUpdated,
    StatusFlags,
    VatPeriod,
    VatRate,
)
from invoicing.domain.reference import ReferenceLists
from money.rounding import to_pennies
from service_kit.kafka import Received

_ids = count(1)
CREATE = LowInvoicePolicy(policy="create")
"""Invoices are made however low."""


def fresh_id() -> int:
    """An id that no other entity of this test process has."""
    return next(_ids)


def reference(name: str, code: str, **what: Any) -> ReferenceUpdated:
    """An entry of a reference list."""
    return ReferenceUpdated(list=name, code=code, name=code.replace("_", " "), **{"version": 1, **what})


def _status(code: str, *, accumulates: bool, billed: bool, **flags: bool) -> ReferenceUpdated:
    return reference(
        "statuses", code, status=StatusFlags(accumulates_charges=accumulates, billed_in_runs=billed, **flags)
    )


def _vat(code: str, treatment: str, *periods: VatPeriod, statement: str = "") -> ReferenceUpdated:
    rate = VatRate(treatment=treatment, periods=periods, statement=statement)  # type: ignore[arg-type]
    return reference("vat_rates", code, vat_rate=rate)


def _percent(percent: str, valid_from: date, valid_to: date | None = None) -> VatPeriod:
    return VatPeriod(percent=Decimal(percent), valid_from=valid_from, valid_to=valid_to)


def _terms(days: int) -> PaymentMethod:
    return PaymentMethod(terms=PaymentTerms(kind="days_after", value=days))


STYLE = BillStyle(
    supplier_name="Harbour Example Telecom Ltd",
    supplier_address=Address(lines=("1 Quay Street", "Exampleton"), postcode="EX1 1AA"),
    supplier_vat_number="GB999 9999 73",
    brand="Harbour Example",
    email_from="billing@harbour.example",
)
REFERENCE: tuple[ReferenceUpdated, ...] = (
    _status("active", accumulates=True, billed=True),
    _status("active_do_not_bill", accumulates=True, billed=False),
    _status("final_bill", accumulates=True, billed=True, final_bill=True),
    _status("dropped", accumulates=False, billed=False, dropped=True),
    reference("billing_cycles", "monthly", billing_cycle=BillingCycle(every_months=1)),
    reference("billing_cycles", "quarterly", billing_cycle=BillingCycle(every_months=3)),
    reference("billing_cycles", "manual", billing_cycle=BillingCycle()),
    reference("payment_methods", "direct_debit", payment_method=_terms(14)),
    _vat(
        "standard",
        "standard",
        _percent("17.5", date(1991, 4, 1), date(2008, 11, 30)),
        _percent("15", date(2008, 12, 1), date(2009, 12, 31)),
        _percent("17.5", date(2010, 1, 1), date(2011, 1, 3)),
        _percent("20", date(2011, 1, 4)),
    ),
    _vat("reduced", "reduced", _percent("5", date(1997, 9, 1))),
    _vat("zero", "zero"),
    _vat("exempt", "exempt"),
    _vat("outside_scope", "outside_scope"),
    _vat("reverse_charge", "reverse_charge", statement="Reverse charge: the customer accounts for the VAT"),
    reference("bill_styles", "farthing", bill_style=STYLE, is_default=True),
)
LISTS = ReferenceLists(REFERENCE)


def customer(customer_id: int | None = None, **what: Any) -> CustomerCreated:
    """A complete, active, monthly customer, but for what is said."""
    customer_id = customer_id or fresh_id()
    status = what.pop("status", "active")
    usual: dict[str, Any] = {
        "version": 1,
        "account_number": f"C{customer_id:05d}",
        "name": f"Customer {customer_id}",
        "billing_address": Address(lines=("7 Made-up Road", "Exampleton"), postcode="EX2 2BB"),
        "emails": (f"accounts{customer_id}@customer.example",),
        "payment_method": "direct_debit",
        "vat_rate": "standard",
        "billing_cycle": "monthly",
        "bill_style": "farthing",
        "status": status,
        "status_history": (StatusPeriod(status=status, effective_from=date(2020, 1, 1)),),
    }
    return CustomerCreated(customer_id=customer_id, **{**usual, **what})


def charge(amount: str, start: date, *, months: int | None = None, **what: Any) -> Charge:
    """A charge: recurring every so many months, or a one-off."""
    usual = {"charge_id": fresh_id(), "description": "Line rental" if months else "Connection"}
    kind = "recurring" if months else "one_off"
    return Charge(**{**usual, "kind": kind, "amount": amount, "frequency_months": months, "start": start, **what})


def number(customer_id: int, *charges: Charge, **what: Any) -> NumberCreated:
    """A number of a customer, with charges."""
    number_id = what.pop("number_id", None) or fresh_id()
    usual: dict[str, Any] = {
        "version": 1,
        "number": f"+4420794600{number_id % 100:02d}",
        "number_type": "geographic",
        "start": date(2024, 1, 1),
    }
    return NumberCreated(customer_id=customer_id, number_id=number_id, charges=charges, **{**usual, **what})


def feature(customer_id: int, *charges: Charge, **what: Any) -> FeatureCreated:
    """A feature of a customer, with charges."""
    usual: dict[str, Any] = {"version": 1, "description": "Broadband", "start": date(2024, 1, 1)}
    feature_id = what.pop("feature_id", None) or fresh_id()
    return FeatureCreated(customer_id=customer_id, feature_id=feature_id, charges=charges, **{**usual, **what})


def usage_line(net_exact: str, *, calls: int = 10, seconds: int = 600, **what: Any) -> UsageLine:
    """A line of a close."""
    exact = Decimal(net_exact)
    usual: dict[str, Any] = {
        "number_id": 900_001,
        "number": "+442079460001",
        "call_class": "National",
        "band": "peak",
        "list_price": exact,
        "net_exact": exact,
        "net": to_pennies(exact),
    }
    return UsageLine(calls=calls, seconds=seconds, **{**usual, **what})


def totals(*lines: UsageLine) -> ControlTotals:
    """The control totals of lines."""
    return ControlTotals(
        calls=sum(line.calls for line in lines),
        seconds=sum(line.seconds for line in lines),
        net_exact=sum((line.net_exact for line in lines), Decimal(0)),
    )


def closed(run_id: int, customer_id: int, *lines: UsageLine, **what: Any) -> UsageClosed:
    """Rating's answer for a customer, in one part."""
    usual: dict[str, Any] = {
        "close_id": fresh_id(),
        "bill_to": date(2025, 1, 31),
        "generation": 1,
        "part": 1,
        "parts": 1,
        "totals": totals(*lines),
    }
    return UsageClosed(run_id=run_id, customer_id=customer_id, lines=lines, **{**usual, **what})


def markers(run_id: int, partitions: int = 2) -> list[RunMarker]:
    """The run's markers on every partition of both topics."""
    return [
        kind(run_id=run_id, marked_topic=topic, partition=partition, partitions=partitions)
        for kind, topic in ((RunMarker, "customers"), (ReferenceRunMarker, "reference"))
        for partition in range(partitions)
    ]


def received(*events: Event) -> list[Received]:
    """Events as they arrive, each with an id of its own."""
    return [
        Received(id=uuid4(), type=event.event_type, topic=event.topic, partition=0, offset=offset, event=event)
        for offset, event in enumerate(events)
    ]
