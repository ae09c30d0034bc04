"""How an invoice's transactions are laid out on paper."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.invoicing import made

from contracts.billing import VatLine
from invoicing.documents.model import InvoiceDocument, Party, Supplier
from invoicing.domain.transactions import Transaction
from invoicing.service.printing import _vat_row, sections_of
from invoicing.store.readmodel import Labels

A_DOCUMENT = InvoiceDocument(
    supplier=Supplier(name=made.STYLE.supplier_name, brand=made.STYLE.brand),
    customer=Party(name="Ada Example"),
    account_number="C1",
    number="INV000001",
    invoice_date=date(2025, 2, 1),
    tax_point=date(2025, 2, 1),
    bill_to=date(2025, 1, 31),
    sections=(),
    vat_rows=(),
    net=Decimal("0.00"),
    vat=Decimal("0.00"),
    gross=Decimal("0.00"),
)
LABELS = Labels({1: ("+442079460002", "Shop"), 2: ("+442079460001", "")}, {8: "Broadband", 9: "Alarm line"})


def line(net: str, **what: object) -> Transaction:
    usual = {"customer_id": 1, "kind": "recurring", "description": "Line rental", "net": Decimal(net)}
    return Transaction(**{**usual, **what})  # type: ignore[arg-type]


def test_charges_stand_under_their_number_then_feature_then_account() -> None:
    """I8: charges per number and feature; a feature of a number stands with it; what sums up is the net."""
    lines = [
        line("5.00", kind="low_usage_charge", description="Low usage charge"),
        line("3.00", feature_id=8),
        line("4.00", feature_id=9),
        line("1.00", number_id=1),
        line("2.00", number_id=1, feature_id=7, description="Voicemail"),
        line("0.50", number_id=2, kind="usage", call_class="National", band="peak", calls=3, seconds=90),
    ]
    sections = sections_of(lines, LABELS)
    assert [(each.title, each.subtitle, each.net) for each in sections] == [
        ("+442079460001", "", Decimal("0.50")),
        ("+442079460002", "Shop", Decimal("3.00")),
        ("Alarm line", "", Decimal("4.00")),
        ("Broadband", "", Decimal("3.00")),
        ("Account", "", Decimal("5.00")),
    ]


def test_refunds_say_so_and_a_quantity_of_one_does_not() -> None:
    """I8: in words that a customer reads."""
    (section,) = sections_of(
        [line("-5.00", kind="refund", quantity=Decimal(1)), line("6.00", quantity=Decimal(3))], LABELS
    )
    assert [(each.description, each.quantity) for each in section.charges] == [
        ("Refund: Line rental", None),
        ("Line rental", Decimal(3)),
    ]


def test_a_rate_is_named_by_its_treatment() -> None:
    """I7: rate and VAT per rate; where none is added, why."""
    words = {
        treatment: _vat_row(
            VatLine(
                vat_rate="x", name="X", treatment=treatment, percent=percent, net=Decimal("1.00"), vat=Decimal("0.00")
            )
        ).percent_words
        for treatment, percent in (
            ("standard", Decimal("17.50")),
            ("exempt", Decimal(0)),
            ("reverse_charge", Decimal(0)),
        )
    }
    assert words == {"standard": "17.5 %", "exempt": "exempt", "reverse_charge": "reverse charge"}
