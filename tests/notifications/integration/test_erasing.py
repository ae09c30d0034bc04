"""An erased customer leaves nothing behind, and gets no mail."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from tests.notifications import made
from tests.notifications.integration.conftest import MailServer, Office

from contracts.customers import CustomerErased
from contracts.erasures import ErasureConfirmed
from notifications import store
from notifications.service import delivering
from notifications.service.erasing import erase_next, take_in_erased
from notifications.service.messages import resend
from service_kit.database import reading
from service_kit.problems import NotFound

ERASED_AT = datetime(2025, 6, 1, tzinfo=UTC)
KEPT = (store.message, store.recipient, store.attempt, store.suspended_address)


async def test_nothing_of_an_erased_customer_is_left_but_its_id(office: Office, mail: MailServer) -> None:
    """C17: messages, recipients, the delivery log and suspended addresses; others' stay as they are."""
    mail.recipients["ann@customer.example"] = ["550 5.1.1 no such mailbox"]
    for each in range(3):
        await office.take("ann@customer.example", f"a{each}@customer.example", customer_id=7)
    await office.take("ben@customer.example", customer_id=8)
    await office.deliver()
    assert await _counts() == [4, 7, 14, 1]
    await _erase(7, rows=2)
    assert [each.customer_id for each in await office.messages()] == [8]
    assert await _counts() == [1, 1, 2, 0]
    (confirmed,) = await office.told(ErasureConfirmed)
    assert (confirmed.customer_id, confirmed.service) == (7, "notifications")


async def test_what_waits_for_an_erased_customer_is_not_sent_and_what_comes_later_is_dropped(
    office: Office, mail: MailServer
) -> None:
    """C17: unsent emails are cancelled; a late request makes no message."""
    await office.take("ann@customer.example", customer_id=7)
    await _erase(7)
    await office.take("ann@customer.example", customer_id=7)
    await office.deliver()
    assert (await office.messages(), mail.connections) == ([], 0)


async def test_a_message_in_a_senders_hands_is_not_handed_over_once_its_customer_is_erased(office: Office) -> None:
    """C17: the sender asks once more before the first byte leaves."""
    await office.take("ann@customer.example", customer_id=7)
    job = await delivering.claim(1)
    assert job is not None
    await _erase(7)
    assert not await delivering.mark_sending(job)


async def test_a_message_cannot_be_sent_again_while_its_customer_is_being_erased(office: Office) -> None:
    """C17: a copy would stay behind."""
    await office.take("ann@customer.example", customer_id=7)
    message = await office.message()
    await take_in_erased(made.received(CustomerErased(customer_id=7, version=9, erased_at=ERASED_AT)))
    with pytest.raises(NotFound):
        await resend(message.message_id, ["ben@customer.example"])


async def _erase(customer_id: int, rows: int = 100) -> None:
    await take_in_erased(made.received(CustomerErased(customer_id=customer_id, version=9, erased_at=ERASED_AT)))
    while await erase_next(rows):
        pass


async def _counts() -> list[int]:
    async with reading() as connection:
        return [(await connection.scalar(sa.select(sa.func.count()).select_from(each))) or 0 for each in KEPT]
