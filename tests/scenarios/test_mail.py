"""What arrived by mail: counted in the Maildir, and read as the customer would."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader
from tests.scenarios.ledger import Json, Ledger


@cache
def letters(maildir: Path) -> list[EmailMessage]:
    """Every message that arrived."""
    parser = BytesParser(policy=policy.default)
    return [parser.parsebytes(path.read_bytes()) for path in sorted((maildir / "new").glob("*"))]


def mail_of(ledger: Ledger, account: str) -> EmailMessage:
    """The one message that has the Message-ID of an account's invoice in the delivery log."""
    [message] = messages_of(ledger, account)
    [letter] = [
        each for each in letters(ledger.month.platform.maildir) if each["Message-ID"] == message["message_id_header"]
    ]
    return letter


def messages_of(ledger: Ledger, account: str) -> list[Json]:
    """The delivery log of an account's invoice."""
    return list(ledger.apis.notifications.items("/messages", invoice_id=ledger.invoices[account]["invoice_id"]))


def pdfs_of(letter: EmailMessage) -> list[bytes]:
    """The PDFs attached to a message."""
    parts = [part for part in letter.iter_attachments() if part.get_content_type() == "application/pdf"]
    return [part.get_content() for part in parts]


def text_of(ledger: Ledger, role: str) -> str:
    """The text of the PDF that the customer got, in one line."""
    [pdf] = pdfs_of(mail_of(ledger, ledger.account(role)))
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


def test_every_customer_with_an_address_got_one_message_with_its_own_pdf(ledger: Ledger) -> None:
    """N1, I8: never twice for one request, and the bytes are those of the approved invoice."""
    accounts = [account for account in ledger.invoices if ledger.customers[account]["emails"]]
    assert len(accounts) > 10
    for account in accounts:
        letter = mail_of(ledger, account)
        invoice_id = ledger.invoices[account]["invoice_id"]
        document = ledger.apis.invoicing.call("GET", f"/invoices/{invoice_id}/document").content
        assert [hashlib.sha256(pdf).hexdigest() for pdf in pdfs_of(letter)] == [hashlib.sha256(document).hexdigest()]
        delivered = {str(each).strip() for each in letter.get_all("Delivered-To", [])}
        assert delivered == set(ledger.customers[account]["emails"])


def test_nobody_else_got_mail(ledger: Ledger) -> None:
    """N1: as many messages as invoices of customers with an address."""
    addressed = [account for account in ledger.invoices if ledger.customers[account]["emails"]]
    assert len(letters(ledger.month.platform.maildir)) == len(addressed)


def test_a_customer_without_an_email_address_is_billed_and_said_not_to_be_emailed(ledger: Ledger) -> None:
    """Z10: a missing email never parks: sending says "not emailed: no address"."""
    account = ledger.account("without_email")
    assert ledger.invoices[account]["status"] == "sent"
    assert [message["state"] for message in messages_of(ledger, account)] == ["not_emailed"]
    run = ledger.apis.invoicing.get(f"/billing-runs/{ledger.month.run_id}")
    assert run["not_emailed"] == sum(not ledger.customers[each]["emails"] for each in ledger.invoices)


def test_every_attempt_is_in_the_delivery_log_with_the_servers_answer(ledger: Ledger) -> None:
    """N2: per message and recipient."""
    account = ledger.account("terms_days_after")
    [message] = messages_of(ledger, account)
    assert message["state"] == "sent"
    sent = {each["recipient"]: each["server_answer"] for each in message["attempts"] if each["outcome"] == "sent"}
    assert set(sent) == set(ledger.customers[account]["emails"])
    assert all(answer.startswith("250") for answer in sent.values())


@pytest.mark.parametrize("role", ["long_periods", "own_vat_rate", "reverse_charge"])
def test_the_pdf_says_what_the_law_asks_of_a_vat_invoice(ledger: Ledger, role: str) -> None:
    """I7: number, supplier's VAT number, the customer's name and address, net and gross."""
    text, invoice = text_of(ledger, role), ledger.invoice(role)
    assert invoice["number"] in text
    assert "VAT" in text
    assert invoice["customer_name"] in text
    assert invoice["billing_address"]["postcode"] in text
    assert f"{Decimal(invoice['net']):,.2f}" in text
    assert f"{Decimal(invoice['gross']):,.2f}" in text


def test_the_pdf_of_a_reverse_charge_invoice_has_the_statement(ledger: Ledger) -> None:
    """C7: the invoice carries the statement that the law asks for."""
    [vat_line] = ledger.invoice("reverse_charge")["vat_lines"]
    assert " ".join(vat_line["statement"].split()) in text_of(ledger, "reverse_charge")


def test_the_pdf_has_the_calls_of_each_number(ledger: Ledger) -> None:
    """I8: the Long bill shows the charges per number and feature."""
    text = text_of(ledger, "terms_day_of_month").replace(" ", "")
    numbers = {each["number"] for each in ledger.lines(ledger.account("terms_day_of_month"), "usage")}
    assert numbers
    assert all(number.removeprefix("+44") in text for number in numbers)
