"""The reference over whole carrier folders: one small enough to work out by hand, and one of the demo's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from examples.demo.carrier.generate import generate
from tests.support.reference import ReferenceResult, compute

HEADER = (Path(__file__).parents[2] / "examples/demo/data/uk-standard-cdr-header.csv").read_text().strip()
COLUMNS = HEADER.split(",")
ADDRESS = {"lines": ["1 Example Street"], "postcode": "ZZ99 9ZZ"}


def _number(number: str, **fields: Any) -> dict[str, Any]:
    return {"number": number, "number_type": "geographic", "call_plan": "standard", "start": "2025-01-01"} | fields


def _row(record_id: str, charged: str, day: int, seconds: int, time: str = "10:00:00", **more: str) -> str:
    values = {
        "Call Type": "V",
        "Customer Identifier": charged,
        "Telephone Number Dialled": "0161 496 0000",
        "Call Date": f"{day:02d}/01/2025" if day <= 31 else f"{day - 31:02d}/02/2025",
        "Call Time": time,
        "Duration": str(seconds),
        "Record ID": record_id,
    } | more
    return ",".join(values.get(column, "") for column in COLUMNS)


CUSTOMERS: list[dict[str, Any]] = [
    {
        "account_number": "A1",
        "billing_address": ADDRESS,
        "numbers": [
            _number(
                "+441632960001",
                call_plan_charge={"amount": "10.00", "frequency_months": 1, "in_advance": True},
                charges=[{"kind": "one_off", "description": "Set-up", "amount": "5.01", "quantity": "1"}],
            )
        ],
        "features": [
            {
                "description": "Cover",
                "start": "2025-01-15",
                "charges": [
                    {
                        "kind": "recurring",
                        "description": "Cover",
                        "amount": "10.00",
                        "quantity": "1",
                        "frequency_months": 1,
                        "in_advance": False,
                        "vat_rate": "reduced",
                    }
                ],
            }
        ],
    },
    {"account_number": "B2", "numbers": [_number("+441632960002")]},
    {
        "account_number": "C3",
        "billing_address": ADDRESS,
        "status": "active_do_not_bill",
        "numbers": [_number("+441632960003")],
    },
    {
        "account_number": "D4",
        "billing_address": ADDRESS,
        "low_invoice": {"policy": "roll_forward", "threshold": "1.00"},
        "numbers": [_number("+441632960004")],
    },
    {
        "account_number": "E5",
        "billing_address": ADDRESS,
        "billing_cycle": "quarterly",
        "anchor_month": 2,
        "numbers": [_number("+441632960005")],
    },
]
ROWS = [
    _row("1", "01632960001", 15, 61),  # peak: 0.02 x 61 / 60 = 0.020333
    _row("2", "+441632960001", 15, 90),  # 0.02 x 1.5 = 0.03
    _row("3", "00441632960001", 18, 60),  # weekend: 0.01
    _row("1", "01632960001", 15, 61),  # a duplicate
    _row("4", "01632960001", 32, 60, "00:30:00"),  # after the bill-to date, a Saturday: 0.01
    _row("5", "01632960002", 15, 60),  # no address: parked, 0.02
    _row("6", "01632960003", 15, 60),  # not billed, 0.02
    _row("7", "01632960004", 15, 60),  # rolled forward, 0.02
    _row("8", "01632960005", 15, 60),  # not due, 0.02
    _row("9", "01632960009", 15, 60),  # nobody's
    _row("", "01632960001", 15, 60),  # no id
]
STREAM = [
    {
        "source": "livewire",
        "record_id": "1",
        "charged_number": "+441632960001",
        "other_party": "+441614960000",
        "start": "2025-01-15T10:00:00Z",
        "duration_seconds": 60,
    },
    {"source": "livewire", "record_id": "2"},
    "not an object",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The carrier that can be worked out by hand."""
    plan = {
        "bill_to": "2025-01-31",
        "invoice_date": "2025-02-01",
        "tariffs": [{"code": "MAIN", "is_default": True, "rounding_places": 4}],
        "default_tariffs": [],
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    (tmp_path / "customers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in CUSTOMERS))
    (tmp_path / "tariffs").mkdir()
    (tmp_path / "tariffs" / "MAIN.csv").write_text(
        "prefix,call_class,band,price_per_minute\n,National,peak,0.02\n,National,weekend,0.01\n"
    )
    (tmp_path / "destinations.csv").write_text("prefix,destination,call_class\n441,UK,National\n")
    (tmp_path / "inbound-classes.csv").write_text("prefix,call_class\n")
    (tmp_path / "cdr-files").mkdir()
    (tmp_path / "cdr-files" / "1.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    shutil.copy(tmp_path / "cdr-files" / "1.csv", tmp_path / "cdr-files" / "2.csv")
    listed = [{"file": f"{number}.csv", "source": "northstar", "mapping": "uk-standard-cdr"} for number in (1, 2)]
    (tmp_path / "cdr-files.json").write_text(json.dumps(listed))
    (tmp_path / "stream.jsonl").write_text("".join(json.dumps(value) + "\n" for value in STREAM))
    return tmp_path


def test_every_record_is_counted_once_under_its_source(folder: Path) -> None:
    """R2, R3, Z21: the same file again is not taken in; ids are unique within a source only."""
    result = compute(folder)
    counts = {source: {name: n for name, n in each.items() if n} for source, each in result.outcomes.items()}
    assert counts == {
        "northstar": {"rated": 8, "suspended": 1, "duplicate": 1, "rejected": 1},
        "livewire": {"rated": 1, "rejected": 1},
        "unknown": {"rejected": 1},
    }
    assert result.received == 14


def test_each_charge_is_on_an_invoice_or_unbilled_for_a_reason(folder: Path) -> None:
    """I4, Z3: 0.0203 + 0.03 + 0.01 + 0.02 are billed, the rest is not."""
    result = compute(folder)
    assert result.charges_by_customer == {
        "A1": Decimal("0.0903"),
        "B2": Decimal("0.0200"),
        "C3": Decimal("0.0200"),
        "D4": Decimal("0.0200"),
        "E5": Decimal("0.0200"),
    }
    assert result.unbilled == {
        "do_not_bill": Decimal("0.0200"),
        "not_due": Decimal("0.0200"),
        "parked": Decimal("0.0200"),
        "rolled_forward": Decimal("0.0200"),
        "after_bill_to": Decimal("0.0100"),
    }
    assert result.billed_charge == Decimal("0.0803")
    assert result.rated_charge == Decimal("0.1703")


def test_an_invoice_comes_to_what_can_be_worked_out_by_hand(folder: Path) -> None:
    """I1, I2, Z2, Z6, Z13: usage by number, class and band; January and February in advance; 17 of 31 days in arrears.

    Usage: peak 0.0203 + 0.03 + 0.02 = 0.0703 is 0.07, weekend 0.01. Call plan 20.00, set-up 5.01, cover 5.48 at 5 %.
    Standard: 25.09, VAT 5.018 is 5.02; reduced: 5.48, VAT 0.274 is 0.27.
    """
    result = compute(folder)
    assert list(result.invoices) == ["A1"]
    invoice = result.invoices["A1"]
    assert sorted((line.kind, line.net) for line in invoice.lines) == [
        ("one_off", Decimal("5.01")),
        ("recurring", Decimal("5.48")),
        ("recurring", Decimal("20.00")),
        ("usage", Decimal("0.01")),
        ("usage", Decimal("0.07")),
    ]
    figures = (invoice.net, invoice.vat, invoice.gross, invoice.usage_net, invoice.usage_exact)
    assert figures == tuple(map(Decimal, ("30.57", "5.29", "35.86", "0.08", "0.0803")))
    assert (result.net, result.vat, result.gross) == figures[:3]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The demo's carrier in its smallest size."""
    folder = tmp_path_factory.mktemp("carrier") / "demo"
    generate(folder, customer_count=40, cdr_count=3000, seed=7)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def demo_result(demo: Path) -> ReferenceResult:
    """What it comes to."""
    return compute(demo)


def test_what_is_charged_is_billed_or_unbilled(demo_result: ReferenceResult) -> None:
    """R3, I4: received = the six outcomes, and charges = billed + unbilled, exactly and in every part."""
    assert demo_result.received == 3000
    assert demo_result.rated_charge == demo_result.billed_charge + sum(demo_result.unbilled.values())
    assert demo_result.rated_charge == sum(demo_result.charges_by_customer.values())
    assert all(amount > 0 for amount in demo_result.unbilled.values())
    assert all(demo_result.total(outcome) > 0 for outcome in ("rated", "unpriced", "suspended", "ignored", "duplicate"))
    assert demo_result.gross > 0


def test_the_order_of_files_and_records_does_not_matter(
    demo: Path, demo_result: ReferenceResult, tmp_path: Path
) -> None:
    """R1: in whatever order it arrives, the money is the same, also with the files upside down."""
    other = tmp_path / "other"
    shutil.copytree(demo, other)
    listed = json.loads((demo / "cdr-files.json").read_text())
    (other / "cdr-files.json").write_text(json.dumps(listed[::-1]))
    for entry in listed:
        header, *rows = (demo / entry["file"]).read_text().splitlines()
        (other / entry["file"]).write_text("\n".join([header, *rows[::-1]]) + "\n")
    lines = (demo / "stream.jsonl").read_bytes().splitlines()
    (other / "stream.jsonl").write_bytes(b"\n".join(lines[::-1]) + b"\n")
    turned = compute(other)
    assert turned.outcomes == demo_result.outcomes
    assert turned.charges_by_customer == demo_result.charges_by_customer
    assert (turned.gross, turned.unbilled) == (demo_result.gross, demo_result.unbilled)
