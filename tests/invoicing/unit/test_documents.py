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
    assert "Credit note" in text
    assert "Invoice number" not in text
    assert "Amount credited" in text
    assert "Please pay" not in text


def test_a_copy_says_so_on_every_page_and_shows_the_same_figures() -> None:
    """I6: marked as a copy, number and figures unchanged."""
    original, copy = words(BILL), words(replace(BILL, copy=True))
    assert "COPY" in copy
    assert "Invoice (copy)" in copy
    assert "COPY" not in original
    for figure in (BILL.number, str(BILL.gross)):
        assert copy.count(figure) >= original.count(figure) > 0


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


def test_charges_are_added_up_by_number_and_by_kind() -> None:
    """I8 Long: subtotals per number, and a summary over all numbers by kind of charge and class."""
    text = words(replace(BILL, sections=(BILL.sections[0], replace(BILL.sections[0], title="020 7946 0124"))))
    summary, detail = text.split("Charges in detail")
    assert "4 calls, 2:04:10" in summary
    assert "£2.50" in summary
    assert "£20.00" in summary
    assert detail.count("£11.25") == 2


def test_a_draft_cannot_be_taken_for_an_invoice() -> None:
    """I6: it has no number yet, and says so across the page."""
    text = words(replace(BILL, number=""))
    assert "DRAFT" in text
    assert "not yet numbered" in text


def test_nothing_to_pay_is_said() -> None:
    """C14: a final invoice may be empty."""
    text = words(replace(BILL, sections=(), vat_rows=(), net=D("0.00"), vat=D("0.00"), gross=D("0.00")))
    assert "There is nothing to pay" in text
    assert "Please pay by" not in text


@pytest.mark.parametrize(
    "name", ["Ελληνικά", "Кириллица", "Żółć Ñandú", "Tiếng Việt", "עברית", "العربية", "ไทย", "देवनागरी", "ქართული"]
)
def test_names_in_many_scripts_are_printed(name: str) -> None:
    """I7: the customer's name: our own fonts have these scripts, so that the bill is PDF/A."""
    assert b"pdfaid:conformance>A<" in render(replace(BILL, customer=replace(BILL.customer, name=name)))


def test_a_script_that_no_font_has_does_not_stop_the_bill() -> None:
    """I7: boxes where the letters would be, and no claim to be PDF/A."""
    made = render(replace(BILL, customer=replace(BILL.customer, company_name="電話 한국어 தமிழ்")))
    assert b"pdfaid" not in made
    assert "INV000042" in PdfReader(io.BytesIO(made)).pages[0].extract_text()


def test_a_very_long_name_leaves_the_rest_readable() -> None:
    """I7: the whole address stands in the envelope's window, however long."""
    customer = replace(BILL.customer, company_name="W" * 300, lines=tuple(f"Address line {i}" for i in range(9)))
    text = words(replace(BILL, customer=customer, supplier=replace(BILL.supplier, brand="B" * 200)))
    assert all(f"Address line {i}" in text for i in range(9))
    assert text.replace("\n", "").count("W" * 300) == 1
    assert max(map(len, text.splitlines())) < 120, "it runs out of its column"
    assert "£13.50" in text


def test_the_documents_properties_say_what_it_is() -> None:
    """I8: title, author and date are the invoice's, never the moment of rendering."""
    about = PdfReader(io.BytesIO(render(BILL))).metadata
    assert about is not None
    assert (about.title, about.author) == ("Invoice INV000042", "Farthing Example Telecom Ltd")
    assert about.creation_date is not None
    assert about.creation_date.date() == BILL.invoice_date


def test_a_colour_that_is_none_is_not_used() -> None:
    """STYLE: inert data, in the colour too."""
    odd = replace(BILL.supplier, colour='red"); #panic("')
    assert render(replace(BILL, supplier=odd)).startswith(b"%PDF-")


def test_line_breaks_and_control_characters_do_no_harm() -> None:
    """I7: data that came from a spreadsheet."""
    text = words(replace(BILL, customer=replace(BILL.customer, name="Zoë\r\nEx\x00ample\u2028")))
    assert "Zoë Ex ample" in text
