"""The HTTP API: the log, resending, suspended addresses."""

from __future__ import annotations

import httpx
from tests.notifications.integration.conftest import MailServer, Office


async def test_messages_are_listed_by_invoice_customer_and_state(office: Office, api: httpx.AsyncClient) -> None:
    """N2: the delivery log per message and recipient."""
    first = await office.take("ann@customer.example")
    await office.take()
    await office.deliver()
    (found,) = (await api.get("/messages", params={"invoice_id": first.invoice_id})).json()["items"]
    assert (found["state"], found["recipients"]) == ("sent", ["ann@customer.example"])
    assert [each["outcome"] for each in found["attempts"]] == ["queued", "sent"]
    assert (await api.get(f"/messages/{found['message_id']}")).json() == found
    (other,) = (await api.get("/messages", params={"state": "not_emailed"})).json()["items"]
    assert other["customer_id"] != first.customer_id
    page = (await api.get("/messages", params={"limit": 1})).json()
    (rest,) = (await api.get("/messages", params={"limit": 100, "after": page["next"]})).json()["items"]
    assert rest["message_id"] != page["items"][0]["message_id"]


async def test_the_report_counts_every_state(office: Office, api: httpx.AsyncClient) -> None:
    """N2: what became of all of them."""
    await office.take("ann@customer.example")
    await office.take()
    report = (await api.get("/reports/messages")).json()
    assert report == {
        **dict.fromkeys(("queued", "sending", "sent", "deferred", "failed", "unconfirmed", "not_emailed"), 0),
        "queued": 1,
        "not_emailed": 1,
    }


async def test_a_message_that_was_sent_is_sent_again_as_a_new_one(
    office: Office, api: httpx.AsyncClient, mail: MailServer
) -> None:
    """N1: resend at any time; a Message-ID of its own, or the reader's mail program would drop it."""
    await office.take("ann@customer.example")
    await office.deliver()
    old = await office.message()
    answer = await api.post(f"/messages/{old.message_id}/resend")
    assert answer.status_code == 202
    assert (answer.json()["resend_of"], answer.json()["request_id"]) == (old.message_id, None)
    await office.deliver()
    assert len(set(mail.message_ids)) == 2


async def test_a_held_message_is_sent_again_under_its_message_id(
    office: Office, api: httpx.AsyncClient, mail: MailServer
) -> None:
    """N1: a person decides about an unconfirmed one; where it did arrive, the reader's side can tell."""
    mail.contents = ["drop"]
    await office.take("ann@customer.example")
    await office.deliver()
    held = await office.message()
    assert held.state == "unconfirmed"
    assert (await api.post(f"/messages/{held.message_id}/resend")).json()["message_id"] == held.message_id
    await office.deliver()
    assert (await office.message()).state == "sent"
    assert mail.message_ids == [held.message_id_header] * 2


async def test_it_goes_to_others_for_this_time_only(office: Office, api: httpx.AsyncClient, mail: MailServer) -> None:
    """N1: also where the customer has no address."""
    await office.take()
    message = await office.message()
    refused = await api.post(f"/messages/{message.message_id}/resend")
    assert (refused.status_code, "recipients" in refused.json()["detail"]) == (409, True)
    bad = await api.post(f"/messages/{message.message_id}/resend", json={"recipients": ["nonsense"]})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "recipients.0")
    await api.post(f"/messages/{message.message_id}/resend", json={"recipients": ["ann@customer.example"]})
    await office.deliver()
    assert [to for to, _ in mail.kept] == [("ann@customer.example",)]


async def test_a_message_on_its_way_is_not_sent_again(office: Office, api: httpx.AsyncClient) -> None:
    """N1: never twice."""
    await office.take("ann@customer.example")
    answer = await api.post(f"/messages/{(await office.message()).message_id}/resend")
    assert answer.status_code == 409
    assert (await api.post("/messages/999999/resend")).status_code == 404


async def test_a_suspended_address_can_be_released(office: Office, api: httpx.AsyncClient, mail: MailServer) -> None:
    """N2: the mailbox is there again."""
    mail.recipients["gone@customer.example"] = ["550 5.1.1 no such user"]
    await office.take("gone@customer.example")
    await office.deliver()
    (found,) = (await api.get("/suspended-addresses")).json()["items"]
    assert (found["address"], found["reason"]) == ("gone@customer.example", "550 5.1.1 no such user")
    assert (await api.delete("/suspended-addresses/Gone@customer.example")).status_code == 204
    assert (await api.delete("/suspended-addresses/gone@customer.example")).status_code == 404
    await api.post(f"/messages/{(await office.message()).message_id}/resend")
    await office.deliver()
    assert len(mail.kept) == 1


async def test_a_resend_that_is_asked_for_twice_goes_out_once(
    office: Office, api: httpx.AsyncClient, mail: MailServer
) -> None:
    """N1, idempotency keys: the repeat is answered with the same new message."""
    await office.take("ann@customer.example")
    await office.deliver()
    path = f"/messages/{(await office.message()).message_id}/resend"
    first, again = [await api.post(path, headers={"Idempotency-Key": "again"}) for _ in "12"]
    assert (first.status_code, first.content) == (202, again.content)
    assert again.headers["idempotent-replayed"] == "true"
    await office.deliver()
    assert len(mail.message_ids) == 2
