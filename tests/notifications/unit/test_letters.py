"""What the emails say, in text and HTML."""

from __future__ import annotations

from typing import Any

import pytest
from tests.notifications.made import STYLE, invoice_sent

from notifications.domain.letters import bill_letter
from notifications.domain.mime import Letter
from notifications.templating import write


def letter(**what: Any) -> Letter:
    event = invoice_sent("a@x.example", number="INV000042", account_number="F000123", **what)
    return write(event.kind, bill_letter(event))


def credit_note() -> Letter:
    usual = invoice_sent()
    return letter(kind="credit_note", due_date=None, net=-usual.net, vat=-usual.vat, gross=-usual.gross)


@pytest.mark.parametrize(
    "said", ["INV000042", "F000123", "£1,264.76", "£1,053.97", "£210.79", "15 February 2025", "31 January 2025"]
)
def test_text_and_html_say_the_same(said: str) -> None:
    """N1: plain clients miss nothing."""
    written = letter()
    assert said in written.text
    assert said in written.html


def test_the_subject_names_the_bill_its_amount_and_when_it_is_due() -> None:
    """N1: seen without opening it."""
    assert letter().subject == "Your bill INV000042 from Farthing Example, £1,264.76 due 15 February 2025"


def test_a_credit_note_says_so_and_asks_for_nothing() -> None:
    """Z14: amounts are positive, there is no due date."""
    written = credit_note()
    assert written.subject == "Credit note INV000042 from Farthing Example, £1,264.76"
    for words in (written.text, written.html):
        assert "credited" in words
        assert "-£" not in words
        assert "pay by" not in words


def test_data_is_never_read_as_html() -> None:
    """N1: escaped in HTML, as it is in text."""
    written = letter(customer_name="<script>alert('x')</script> & {{ 7*7 }}")
    assert "<script>" not in written.html
    assert "&lt;script&gt;" in written.html
    assert "{{ 7*7 }}" in written.html
    assert "<script>alert('x')</script> & {{ 7*7 }}" in written.text


@pytest.mark.parametrize(
    ("colour", "used", "on_it"),
    [
        ("#0b5fff", "#0b5fff", "#ffffff"),
        ("#ffd166", "#ffd166", "#1a1f26"),
        ('red;"><script>', "#0b5fff", "#ffffff"),
    ],
)
def test_the_brands_colour_is_a_colour_and_readable(colour: str, used: str, on_it: str) -> None:
    """N1: in the bill style."""
    style = STYLE.model_copy(update={"colour": colour})
    made = bill_letter(invoice_sent("a@x.example", bill_style=style))
    assert (made.colour, made.on_colour) == (used, on_it)


def test_nothing_is_loaded_from_elsewhere() -> None:
    """N1: no image or style from the network: no tracking, and it looks the same offline."""
    html = letter().html
    assert "http" not in html
    assert "<img" not in html
    assert "<script" not in html
