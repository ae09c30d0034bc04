"""The Long bill as PDF: what HMRC asks for stands on it, and the data is inert."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from pypdf import PdfReader

from invoicing.documents import ChargeLine, InvoiceDocument, Party, Section, Supplier, UsageLine, VatRow, render

D = Decimal
BILL = InvoiceDocument(
    supplier=Supplier(
        name="Farthing Example Telecom Ltd",
        brand="Farthing Example",
        lines=("1 Imaginary Way", "London", "ZZ1 1ZZ"),
        vat_number="GB999999973",
    ),
    customer=Party(name="Zoë Example", company_name="Widgets Invented Ltd", lines=("1 Mill Lane", "EX1 1AA")),
    account_number="F000123",
    number="INV000042",
    invoice_date=date(2025, 2, 1),
    tax_point=date(2025, 2, 3),
    bill_to=date(2025, 1, 31),
    due_date=date(2025, 2, 15),
    sections=(
        Section(
            title="020 7946 0123",
            charges=(ChargeLine(description="Call plan", net=D("10.00"), first_day=date(2025, 2, 1)),),
            usage=(UsageLine(call_class="National", band="peak", calls=2, seconds=3725, net=D("1.25")),),
        ),
    ),
    vat_rows=(VatRow(name="Standard rate", percent_words="20 %", net=D("11.25"), vat=D("2.25")),),
    net=D("11.25"),
    vat=D("2.25"),
    gross=D("13.50"),
)


def words(bill: InvoiceDocument) -> str:
    """Everything that stands on the bill, page after page."""
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(render(bill))).pages)


@pytest.mark.parametrize(
    "needed",
    [
        "INV000042",
        "1 February 2025",
        "3 February 2025",
        "Farthing Example Telecom Ltd",
        "1 Imaginary Way",
        "GB999999973",
        "Widgets Invented Ltd",
        "1 Mill Lane",
        "Call plan",
        "£11.25",
        "20 %",
        "£2.25",
        "£13.50",
        "15 February 2025",
        "F000123",
        "1:02:05",
    ],
)
def test_what_the_tax_office_asks_for_stands_on_the_bill(needed: str) -> None:
    """I7: number, invoice date, tax point, supplier, VAT number, customer, lines; net, rate and VAT per rate."""
    assert needed in words(BILL)


def test_the_same_bill_gives_the_same_bytes() -> None:
    """I8: documents of an approved invoice never change."""
    assert render(BILL) == render(BILL)
    assert render(BILL) != render(replace(BILL, number="INV000043"))


@pytest.mark.parametrize("name", ['#eval("1+1")', "*bold* _it_ $x^2$", "<script>", "[a](b) @ref `code`", "\\ #include"])
def test_no_text_is_read_as_mark_up(name: str) -> None:
    """STYLE: inert data: a customer's name is printed as it is."""
    text = words(replace(BILL, customer=replace(BILL.customer, company_name=name)))
    assert name.replace(" ", "") in text.replace(" ", "").replace("\n", "")


def test_a_credit_note_says_so_and_asks_for_nothing() -> None:
    """Z14: a negative total is a credit note, with no due date."""
    text = words(replace(BILL, kind="credit_note", due_date=None, net=D("-11.25"), vat=D("-2.25"), gross=D("-13.50")))
    assert "CREDIT NOTE" in text
    assert "Amount credited" in text
    assert "Please pay" not in text


def test_the_customers_vat_number_and_the_reverse_charge_statement_are_printed() -> None:
    """C7, I7: the customer's VAT number where given, and the statement that the law asks for."""
    row = VatRow(name="Reverse charge", percent_words="0 %", net=D("11.25"), vat=D("0.00"), statement="Customer to pay")
    text = words(replace(BILL, customer=replace(BILL.customer, vat_number="GB123456782"), vat_rows=(row,)))
    assert "GB123456782" in text
    assert "Customer to pay" in text


def test_a_thousand_numbers_make_a_bill() -> None:
    """B9: a long bill can be made, and its pages are counted."""
    bill = replace(BILL, sections=tuple(replace(BILL.sections[0], title=f"number {i}") for i in range(1000)))
    pages = PdfReader(io.BytesIO(render(bill))).pages
    assert len(pages) > 50
    assert f"Page 2 of {len(pages)}" in pages[1].extract_text()
