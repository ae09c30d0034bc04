"""The demo's proof notices what it is there to notice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from examples.demo.driver import compare, mail
from examples.demo.driver.api import Api
from examples.demo.driver.figures import OUTCOMES, Charges, Figures, Invoice
from tests.support.reference import ReferenceResult
from tests.support.reference.bills import ReferenceInvoice

PDF = b"%PDF-1.7 an invoice"
DIGEST = hashlib.sha256(PDF).hexdigest()


def counts(**given: int) -> dict[str, int]:
    return {**dict.fromkeys(OUTCOMES, 0), **given}


@pytest.fixture
def figures() -> Figures:
    """One customer billed, one not due, three records of which one is a duplicate."""
    invoice = Invoice(
        7,
        "A1",
        "INV1",
        "sent",
        Decimal("10.01"),
        Decimal("2.00"),
        Decimal("12.01"),
        Decimal("0.01"),
        Decimal("0.0125"),
    )
    return Figures(
        outcomes={"northstar": counts(rated=2, duplicate=1)},
        received=3,
        charges={
            "A1": Charges(Decimal("0.0125"), Decimal("0.0125"), Decimal(0), Decimal(0)),
            "A2": Charges(Decimal("0.5"), Decimal(0), Decimal("0.3"), Decimal("0.2")),
        },
        invoices={"A1": invoice},
        reasons={"A1": "drafted", "A2": "not_due"},
        emails={"A1": ("ann@example.com",), "A2": ()},
    )


@pytest.fixture
def reference() -> ReferenceResult:
    """The same by the reference."""
    invoice = ReferenceInvoice(
        Decimal("10.01"), Decimal("2.00"), Decimal("12.01"), Decimal("0.01"), Decimal("0.0125"), []
    )
    return ReferenceResult(
        outcomes={"northstar": counts(rated=2, duplicate=1)},
        rated_charge=Decimal("0.5125"),
        charges_by_customer={"A1": Decimal("0.0125"), "A2": Decimal("0.5")},
        invoices={"A1": invoice},
        unbilled={"not_due": Decimal("0.3"), "after_bill_to": Decimal("0.2"), "parked": Decimal(0)},
    )


def test_equal_figures_have_no_difference(figures: Figures, reference: ReferenceResult) -> None:
    assert list(compare.own_sums(figures, 3)) == []
    assert list(compare.with_reference(figures, reference)) == []


def test_a_lost_record_is_noticed(figures: Figures) -> None:
    """R3: received is the sum of the outcomes."""
    assert any("4 records sent" in text for text in compare.own_sums(figures, 4))


def test_a_charge_that_is_neither_billed_nor_explained_is_noticed(figures: Figures) -> None:
    without_reason = replace(figures, reasons={})
    assert any("nothing says why" in text for text in compare.own_sums(without_reason, 3))
    lost = replace(figures.charges["A2"], unbilled=Decimal("0.29"))
    assert any("charges rated" in text for text in compare.own_sums(changed(figures, A2=lost), 3))


def changed(figures: Figures, **charges: Charges) -> Figures:
    return replace(figures, charges={**figures.charges, **charges})


def test_calls_that_were_closed_but_not_billed_are_noticed(figures: Figures) -> None:
    """I4: what rating closed is what invoicing billed."""
    closed = Charges(Decimal("0.0225"), Decimal("0.0225"), Decimal(0), Decimal(0))
    assert any("were closed" in text for text in compare.own_sums(changed(figures, A1=closed), 3))


def test_a_penny_of_difference_to_the_reference_is_noticed(figures: Figures, reference: ReferenceResult) -> None:
    other = replace(reference.invoices["A1"], vat=Decimal("2.01"), gross=Decimal("12.02"))
    reference.invoices["A1"] = other
    found = list(compare.with_reference(figures, reference))
    assert found == [
        "invoice of A1: vat is 2.00, by the reference 2.01",
        "invoice of A1: gross is 12.01, by the reference 12.02",
    ]


def test_an_invoice_too_many_or_too_few_is_noticed(figures: Figures, reference: ReferenceResult) -> None:
    reference.invoices["A2"] = reference.invoices.pop("A1")
    found = list(compare.with_reference(figures, reference))
    assert found[0].startswith("invoice of A1: only the platform has one")
    assert found[1].startswith("invoice of A2: only the reference has one")


def test_an_outcome_that_differs_is_noticed(figures: Figures, reference: ReferenceResult) -> None:
    reference.outcomes["northstar"] = counts(rated=3)
    found = list(compare.with_reference(figures, reference))
    assert found[:2] == [
        "source northstar: rated is 2, by the reference 3",
        "source northstar: duplicate is 1, by the reference 0",
    ]


class Log:
    """A message log that says one message was sent for invoice 7."""

    def items(self, _path: str) -> Iterator[dict[str, Any]]:
        yield {"invoice_id": 7, "state": "sent", "message_id_header": "<one@example.com>"}


LOG = cast("Api", Log())


def deliver(
    maildir: Path, message_id: str, pdfs: int, content: bytes = PDF, recipients: tuple[str, ...] = ("ann@example.com",)
) -> None:
    """Put a message into a Maildir, as the mail server does."""
    message = EmailMessage()
    message["Message-ID"] = message_id
    for recipient in recipients:
        message["Delivered-To"] = recipient
    message.set_content("Your invoice")
    for index in range(pdfs):
        message.add_attachment(content, maintype="application", subtype="pdf", filename=f"{index}.pdf")
    folder = maildir / "new"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(len(list(folder.iterdir())))).write_bytes(message.as_bytes())


def test_one_message_with_the_invoices_own_pdf_is_right(figures: Figures, tmp_path: Path) -> None:
    deliver(tmp_path, "<one@example.com>", 1)
    assert mail.check(LOG, tmp_path, figures, {7: DIGEST}) == mail.Post(1, 1, [])


@pytest.mark.parametrize(
    ("messages", "pdfs", "content"),
    [(0, 1, PDF), (2, 1, PDF), (1, 0, PDF), (1, 2, PDF), (1, 1, b"%PDF-1.7 another")],
)
def test_no_message_two_messages_and_wrong_attachments_are_noticed(
    figures: Figures, tmp_path: Path, messages: int, pdfs: int, content: bytes
) -> None:
    """N1: never twice for one request, with the right PDF."""
    for _ in range(messages):
        deliver(tmp_path, "<one@example.com>", pdfs, content)
    assert len(mail.check(LOG, tmp_path, figures, {7: DIGEST}).problems) == 1


def test_one_message_to_two_addresses_is_one_file_that_names_both(figures: Figures, tmp_path: Path) -> None:
    both = replace(figures, emails={"A1": ("ann@example.com", "bob@example.com")})
    deliver(tmp_path / "one", "<one@example.com>", 1)
    assert len(mail.check(LOG, tmp_path / "one", both, {7: DIGEST}).problems) == 1
    deliver(tmp_path / "both", "<one@example.com>", 1, recipients=("ann@example.com", "bob@example.com"))
    assert mail.check(LOG, tmp_path / "both", both, {7: DIGEST}) == mail.Post(1, 1, [])


def test_a_message_to_someone_without_an_address_is_noticed(figures: Figures, tmp_path: Path) -> None:
    deliver(tmp_path, "<one@example.com>", 1)
    silent = replace(figures, emails={})
    assert len(mail.check(LOG, tmp_path, silent, {7: DIGEST}).problems) == 1


def test_a_message_of_nobody_is_noticed(figures: Figures, tmp_path: Path) -> None:
    deliver(tmp_path, "<one@example.com>", 1)
    deliver(tmp_path, "<stray@example.com>", 1)
    assert mail.check(LOG, tmp_path, figures, {7: DIGEST}).problems == [
        "1 messages in the Maildir belong to no invoice of the run"
    ]
