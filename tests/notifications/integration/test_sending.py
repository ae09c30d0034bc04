"""Requests become emails, once each, on a real Postgres and a real mail server."""

from __future__ import annotations

import pytest
from tests.notifications import made
from tests.notifications.integration.conftest import Documents, MailServer, Office, outcomes

from contracts.notifications import AddressSuspended, NotificationFailed, NotificationSent
from notifications.post import PostAway
from notifications.service.taking import take_in_sent


async def test_an_invoice_that_is_sent_becomes_one_email_with_its_pdf(office: Office, mail: MailServer) -> None:
    """N1: text, HTML and the PDF, to all of the customer's addresses at once, logged per recipient."""
    event = await office.take("ann@customer.example", "ben@customer.example")
    await office.deliver()
    ((to, letter),) = mail.kept
    assert to == ("ann@customer.example", "ben@customer.example")
    (pdf,) = letter.iter_attachments()
    assert pdf.get_content() == made.PDF
    assert pdf.get_filename() == event.document_name
    assert event.number in letter["Subject"]
    message = await office.message()
    assert (message.state, message.message_id_header) == ("sent", letter["Message-ID"])
    assert outcomes(message) == ["queued", "queued", "sent", "sent"]
    assert message.attempts[-1].server_answer == "250 OK"
    told = await office.told(NotificationSent)
    assert [each.recipient for each in told] == ["ann@customer.example", "ben@customer.example"]
    assert {(each.request_id, each.invoice_id) for each in told} == {(event.request_id, event.invoice_id)}


async def test_a_request_that_comes_again_is_sent_once(office: Office, mail: MailServer) -> None:
    """N1, B10: whatever is redelivered: the same event, and another event with the same request."""
    event = office.request("ann@customer.example")
    (first,) = made.received(event)
    for again in (first, first, *made.received(event)):
        await take_in_sent([again])
        await office.deliver()
    assert mail.handed_over == 1
    assert len(await office.messages()) == 1


async def test_one_connection_carries_many_messages(office: Office, mail: MailServer) -> None:
    """N1: a run of bills does not connect for each."""
    for each in range(5):
        await office.take(f"c{each}@customer.example")
    await office.deliver()
    assert (len(mail.kept), mail.connections) == (5, 1)


async def test_a_customer_without_address_is_not_emailed_and_that_is_said(office: Office, mail: MailServer) -> None:
    """Z10: sending says "not emailed: no address"."""
    await office.take()
    await office.deliver()
    message = await office.message()
    assert (message.state, message.reason) == ("not_emailed", "not emailed: no address")
    assert mail.connections == 0


async def test_a_server_that_is_busy_gets_it_later(office: Office, mail: MailServer) -> None:
    """N2: 451 is deferred with the server's answer and the next try; then it is sent, once."""
    mail.contents = ["451 4.3.0 busy"]
    await office.take("ann@customer.example")
    await office.deliver()
    message = await office.message()
    assert (message.state, message.reason) == ("deferred", "451 4.3.0 busy")
    assert message.attempts[-1].next_try_at == message.next_try_at
    assert mail.kept == []
    await office.bring_forward()
    await office.deliver()
    assert outcomes(await office.message()) == ["queued", "deferred", "sent"]
    assert len(mail.kept) == 1


async def test_only_the_recipient_that_was_put_off_is_tried_again(office: Office, mail: MailServer) -> None:
    """N1, N2: who has it does not get it twice."""
    mail.recipients["ben@customer.example"] = ["450 4.2.1 greylisted"]
    await office.take("ann@customer.example", "ben@customer.example")
    await office.deliver()
    assert (await office.message()).state == "deferred"
    await office.bring_forward()
    await office.deliver()
    assert [to for to, _ in mail.kept] == [("ann@customer.example",), ("ben@customer.example",)]
    assert len(set(mail.message_ids)) == 1
    assert (await office.message()).state == "sent"


async def test_an_address_that_is_not_there_fails_and_is_suspended(office: Office, mail: MailServer) -> None:
    """N2: a hard bounce suspends that address, not the customer: the other one gets this bill and the next."""
    mail.recipients["gone@customer.example"] = ["550 5.1.1 no such user"]
    first = await office.take("gone@customer.example", "ann@customer.example")
    await office.deliver()
    first_message = await office.message()
    assert (first_message.state, outcomes(first_message)[2:]) == ("sent", ["bounced", "sent"])
    (suspended,) = await office.told(AddressSuspended)
    assert (suspended.address, suspended.customer_id) == ("gone@customer.example", first.customer_id)
    (failed,) = await office.told(NotificationFailed)
    assert failed.server_answer == "550 5.1.1 no such user"
    await office.take("Gone@customer.example", "ann@customer.example")
    await office.deliver()
    assert [to for to, _ in mail.kept] == [("ann@customer.example",)] * 2
    assert "address suspended" in (await office.messages())[1].attempts[-2].server_answer


async def test_a_refusal_for_another_reason_fails_without_suspending(office: Office, mail: MailServer) -> None:
    """N2: a permanent failure is kept; the address is not to blame."""
    mail.contents = ["554 5.7.1 not from you"]
    await office.take("ann@customer.example")
    await office.deliver()
    message = await office.message()
    assert (message.state, message.reason) == ("failed", "554 5.7.1 not from you")
    assert await office.told(AddressSuspended) == []
    assert len(await office.told(NotificationFailed)) == 1


async def test_what_is_no_address_fails_and_the_others_get_it(office: Office, mail: MailServer) -> None:
    """N2: one slip of the pen does not keep the bill from the rest."""
    await office.take("not an address", "ann@customer.example")
    await office.deliver()
    ((to, letter),) = mail.kept
    assert (to, letter["To"]) == (("ann@customer.example",), "ann@customer.example")
    assert {each.recipient: each.outcome for each in (await office.message()).attempts[2:]} == {
        "not an address": "failed",
        "ann@customer.example": "sent",
    }


async def test_a_document_with_other_bytes_is_never_sent(
    office: Office, mail: MailServer, documents: Documents
) -> None:
    """N1: the right PDF or none; once it is right again it goes out."""
    documents.content = b"another customer's bill"
    await office.take("ann@customer.example")
    await office.deliver()
    message = await office.message()
    assert message.state == "deferred"
    assert "sha256" in message.reason
    assert mail.connections == 0
    documents.content = made.PDF
    await office.bring_forward()
    await office.deliver()
    assert len(mail.kept) == 1


async def test_a_mail_server_that_is_away_costs_no_try(office: Office, mail: MailServer) -> None:
    """N1: the message is as it was, and goes when the server is back."""
    await office.take("ann@customer.example")
    mail.recipients["ann@customer.example"] = ["421 4.3.2 closing"]
    with pytest.raises(PostAway):
        await office.deliver()
    assert outcomes(await office.message()) == ["queued"]
    await office.deliver()
    assert outcomes(await office.message()) == ["queued", "sent"]


async def test_a_document_that_cannot_be_had_now_lets_others_pass(
    office: Office, mail: MailServer, documents: Documents
) -> None:
    """N1: no try is spent on it; the message says what it waits for."""
    first = await office.take("ann@customer.example", document_url="http://127.0.0.1:1/documents/away")
    await office.deliver()
    await office.take("ben@customer.example")
    await office.deliver()
    waiting, sent = await office.messages()
    assert (waiting.state, outcomes(waiting), sent.state) == ("queued", ["queued"], "sent")
    assert first.document_url in waiting.reason
    documents.status = 503
    await office.take("cat@customer.example")
    await office.deliver()
    assert "answered 503" in (await office.messages())[2].reason
    assert mail.handed_over == 1


async def test_a_connection_that_breaks_with_the_message_leaves_it_unconfirmed(
    office: Office, mail: MailServer
) -> None:
    """N1 "never twice": nobody knows whether it went out, so it is held for a person."""
    mail.contents = ["drop"]
    await office.take("ann@customer.example")
    await office.deliver()
    await office.bring_forward()
    await office.deliver()
    message = await office.message()
    assert (message.state, outcomes(message)) == ("unconfirmed", ["queued", "unconfirmed"])
    assert mail.handed_over == 1


async def test_with_a_server_that_knows_message_ids_it_is_sent_again(office: Office, mail: MailServer) -> None:
    """N1: under `resend` it goes again under the same Message-ID, and is kept once."""
    mail.by_message_id, mail.contents = True, ["drop"]
    await office.take("ann@customer.example")
    await office.deliver(unconfirmed="resend")
    await office.bring_forward()
    await office.deliver()
    assert (await office.message()).state == "sent"
    assert (mail.handed_over, len(mail.kept)) == (2, 1)


async def test_a_message_that_cannot_be_made_does_not_stop_the_others(office: Office, mail: MailServer) -> None:
    """N2: a bad sender address is said on the message, and the next message goes out."""
    bad = made.STYLE.model_copy(update={"email_from": "nonsense"})
    await office.take("ann@customer.example", bill_style=bad)
    await office.take("ben@customer.example")
    await office.deliver()
    first, second = await office.messages()
    assert (first.state, second.state) == ("deferred", "sent")
    assert "'nonsense' is not an email address" in first.reason
