"""A message as bytes: its parts, its headers, and what cannot get into them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest

from notifications.domain.mime import (
    Attachment,
    BadAddress,
    Envelope,
    Letter,
    address,
    compose,
    is_address,
    message_id_of,
)

DATE = datetime(2025, 2, 1, 9, 30, tzinfo=UTC)
LETTER = Letter("Your bill", "Dear Zoë, £1", "<p>Dear Zoë, £1</p>")
BILL = Attachment("INV1.pdf", b"%PDF-1.7 \x00\xff")
ENVELOPE = Envelope("Brand", "billing@farthing.example", ("a@x.example", "b@x.example"), "<1.abc@farthing.example>")


def parsed(content: bytes) -> EmailMessage:
    return BytesParser(policy=policy.default).parsebytes(content)  # type: ignore[return-value]


def test_a_message_is_text_and_html_and_the_pdf() -> None:
    """N1: email with the right PDF, text and HTML."""
    message = parsed(compose(ENVELOPE, LETTER, BILL, DATE))
    assert message.get_content_type() == "multipart/mixed"
    alternative, pdf = message.iter_parts()
    assert [part.get_content_type() for part in alternative.iter_parts()] == ["text/plain", "text/html"]
    assert message.get_body(("plain",)).get_content().strip() == LETTER.text
    assert message.get_body(("html",)).get_content().strip() == LETTER.html
    assert (pdf.get_content_type(), pdf.get_filename()) == ("application/pdf", "INV1.pdf")
    assert pdf.get_content() == BILL.content


def test_its_headers_are_those_of_the_bill_style() -> None:
    """N1: sender, reply-to, all recipients, wall time, the message's own id."""
    message = parsed(compose(replace(ENVELOPE, reply_to="help@farthing.example"), LETTER, BILL, DATE))
    assert message["From"] == "Brand <billing@farthing.example>"
    assert message["To"] == "a@x.example, b@x.example"
    assert message["Reply-To"] == "help@farthing.example"
    assert message["Date"].datetime == DATE
    assert message["Message-ID"] == ENVELOPE.message_id


def test_lines_are_short_and_end_with_crlf() -> None:
    """RFC 5321: no line over 998 octets, whatever the text."""
    content = compose(ENVELOPE, replace(LETTER, text="é" * 5000, html="<p>" + "x " * 5000), BILL, DATE)
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_no_data_breaks_out_of_a_header() -> None:
    """N1: a brand or a subject with a line break stays in its header."""
    evil = "Brand\r\nBcc: other@x.example\n\n<b>"
    content = compose(replace(ENVELOPE, sender_name=evil), replace(LETTER, subject=evil), BILL, DATE)
    message = parsed(content)
    assert message["Bcc"] is None
    assert message["Subject"] == "Brand Bcc: other@x.example <b>"


def test_a_file_name_is_only_a_name() -> None:
    """N1: no folders and no line breaks in the attachment's name."""
    message = parsed(compose(ENVELOPE, LETTER, replace(BILL, name="../é\r\n/INV1.pdf"), DATE))
    (pdf,) = message.iter_attachments()
    assert pdf.get_filename() == "..-é -INV1.pdf"


def test_names_in_every_script_travel() -> None:
    """N1: UTF-8 in brand and subject."""
    content = compose(replace(ENVELOPE, sender_name="Żółć 電話"), replace(LETTER, subject="電話 £"), BILL, DATE)
    assert content.split(b"\r\n\r\n")[0].isascii()
    message = parsed(content)
    assert (message["From"].addresses[0].display_name, message["Subject"]) == ("Żółć 電話", "電話 £")


def test_the_message_id_is_the_same_for_every_try() -> None:
    """N1: a server that knows it can tell a second try; no other message has it."""
    assert message_id_of(7, "seed", "billing@farthing.example") == message_id_of(7, "seed", "x@Farthing.Example")
    different = {message_id_of(id, seed, "a@b.example") for id in (7, 8) for seed in ("seed", "other")}
    assert len(different) == 4
    assert message_id_of(7, "seed", "billing@farthing.example").endswith("@farthing.example>")


@pytest.mark.parametrize(
    "bad", ["", "x", "@x.example", "a@", "a b@x.example", "a@x.example, b@x.example", "a@b\r\nc", "<a@b>"]
)
def test_what_is_no_address_is_refused(bad: str) -> None:
    """N1: it is said, and nobody else's message suffers."""
    assert not is_address(bad)
    with pytest.raises(BadAddress):
        address(bad)


def test_a_domain_in_any_script_goes_out_in_ascii() -> None:
    """RFC 5890; the local part is the other side's business and stays as it is."""
    assert address(" Jo.Bloggs+x@BÜCHER.example ") == "Jo.Bloggs+x@xn--bcher-kva.example"
