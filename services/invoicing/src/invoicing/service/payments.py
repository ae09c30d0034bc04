"""Payments: recorded, allocated, reversed and refunded, each in one transaction under its customer's lock (SPEC I9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, TypeVar

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.billing import PaymentReceived, PaymentRefunded, PaymentReversed, PaymentState
from invoicing.domain.allocations import Allocation, Credit, Refused, Source, chosen, given_back
from invoicing.service import accounts
from invoicing.service.marked import refuse_marked_among
from invoicing.store import allocations, readmodel
from invoicing.store import payments as store
from service_kit import clock
from service_kit.database import Transaction, reading, transaction
from service_kit.faults import crash_point
from service_kit.problems import Conflict, Invalid, NotFound

Plan = Literal["oldest", "none"] | Sequence[tuple[int, Decimal]]
"""Where a payment goes: the oldest open invoices, now and later; nowhere by itself; or these invoices, with amounts."""

_PaymentEvent = TypeVar("_PaymentEvent", bound=PaymentState)


@dataclass(frozen=True, slots=True)
class NewPayment:
    """A payment that came in; the amount in pounds, above zero."""

    customer_id: int
    amount: Decimal
    received_on: date
    method: str | None = None
    reference: str = ""
    plan: Plan = "oldest"


@dataclass(frozen=True)
class PaymentReport:
    """A payment with what it pays, the oldest invoice first, and what was given back of it."""

    payment: Row[Any]
    allocations: Sequence[Allocation]
    refunds: Sequence[Row[Any]]


async def record_payment(new: NewPayment, by: str) -> PaymentReport:
    """Keep a payment and allocate it; what is left of it is the customer's credit.

    Raises:
        NotFound: there is no such customer.
        Conflict: it is marked for deletion.
        Invalid: a date that is still to come, a payment method that is not known, or invoices that cannot be paid so.
    """
    async with transaction() as tx:
        await _lock_customer(tx, new.customer_id)
        await _check_method(tx.connection, new.method)
        _check_day("received_on", new.received_on)
        payment = await store.create(tx.connection, _payment_row(new, by))
        await tx.publish(_event(PaymentReceived, payment, payment.received_on))
        await accounts.owe(tx, {new.customer_id: -new.amount})
        await _give(tx, payment, new.plan, set())
        crash_point("invoicing.paid")
        return await _report(tx.connection, payment.payment_id)


def _payment_row(new: NewPayment, by: str) -> dict[str, Any]:
    return {
        "version": 1,
        "customer_id": new.customer_id,
        "amount": new.amount,
        "currency": "GBP",
        "received_on": new.received_on,
        "method": new.method,
        "reference": new.reference,
        "spread": new.plan == "oldest",
        "recorded_by": by,
        "created_at": clock.now(),
    }


async def reallocate(payment_id: int, plan: Plan) -> PaymentReport:
    """Take a payment back from all it pays, and allocate it anew.

    Raises:
        NotFound: there is no such payment.
        Conflict: it was reversed.
        Invalid: invoices that cannot be paid so.
    """
    async with transaction() as tx:
        payment = await _lock(tx, payment_id)
        _refuse_reversed(payment)
        changed = await accounts.release(tx, await _pays(tx.connection, payment_id))
        payment = await store.save(tx.connection, payment_id, spread=plan == "oldest")
        await _give(tx, payment, plan, changed)
        return await _report(tx.connection, payment_id)


async def _give(tx: Transaction, payment: Row[Any], plan: Plan, changed: set[int]) -> None:
    """Allocate what is free of a payment, and tell of all invoices that changed, those before it too."""
    if not isinstance(plan, str):
        changed |= await accounts.allocate(tx, await _chosen(tx.connection, payment, plan))
    changed |= await accounts.spread(tx, [payment.customer_id])
    await accounts.tell(tx, changed)


async def _chosen(
    connection: AsyncConnection, payment: Row[Any], wanted: Sequence[tuple[int, Decimal]]
) -> list[Allocation]:
    credit = Credit(Source("payment", payment.payment_id), payment.amount - payment.allocated - payment.refunded)
    debts = await allocations.debts(connection, [payment.customer_id])
    try:
        return chosen(credit, wanted, {each.invoice_id: each for each in debts.get(payment.customer_id, ())})
    except Refused as error:
        raise Invalid(str(error), errors=[{"field": "allocate", "message": str(error)}]) from error


async def reverse_payment(payment_id: int, on: date | None, reason: str) -> PaymentReport:
    """The bank took a payment back: what it paid is open again. `on` is today where it is not given.

    Raises:
        NotFound: there is no such payment.
        Conflict: it was reversed already.
        Invalid: a date before the payment, or still to come.
    """
    async with transaction() as tx:
        payment = await _lock(tx, payment_id)
        _refuse_reversed(payment)
        day = _day_after(payment, on)
        changed = await accounts.release(tx, await _pays(tx.connection, payment_id))
        payment = await store.save(
            tx.connection, payment_id, version=payment.version + 1, reversed=True, reversed_on=day, reason=reason
        )
        await tx.publish(_event(PaymentReversed, payment, day))
        await accounts.owe(tx, {payment.customer_id: payment.amount})
        await accounts.tell(tx, changed | await accounts.spread(tx, [payment.customer_id]))
        return await _report(tx.connection, payment_id)


async def refund_payment(payment_id: int, amount: Decimal | None, on: date | None, by: str) -> PaymentReport:
    """Give a payment, or a part of it, back to the customer: what is not allocated first, then from the newest invoice.

    Args:
        amount: in pounds; None for all that was not given back yet.
        on: None for today.

    Raises:
        NotFound: there is no such payment.
        Conflict: it was reversed, or all of it was given back.
        Invalid: more than is left of it, a date before the payment, or still to come.
    """
    async with transaction() as tx:
        payment = await _lock(tx, payment_id)
        _refuse_reversed(payment)
        day, amount = _day_after(payment, on), _refundable(payment, amount)
        free = payment.amount - payment.allocated - payment.refunded
        taken = given_back(await _pays(tx.connection, payment_id), amount - free) if amount > free else []
        changed = await accounts.release(tx, taken)
        await store.add_refund(tx.connection, _refund_row(payment, amount, day, by))
        payment = await store.save(
            tx.connection, payment_id, version=payment.version + 1, refunded=payment.refunded + amount
        )
        await tx.publish(_event(PaymentRefunded, payment, day))
        await accounts.owe(tx, {payment.customer_id: amount})
        await accounts.tell(tx, changed | await accounts.spread(tx, [payment.customer_id]))
        return await _report(tx.connection, payment_id)


def _refundable(payment: Row[Any], amount: Decimal | None) -> Decimal:
    left: Decimal = payment.amount - payment.refunded
    if left == 0:
        raise Conflict(f"payment {payment.payment_id} was refunded in full")
    if amount is not None and amount > left:
        told = f"payment {payment.payment_id} has {left} left to refund, not {amount}"
        raise Invalid(told, errors=[{"field": "amount", "message": told}])
    return left if amount is None else amount


def _refund_row(payment: Row[Any], amount: Decimal, day: date, by: str) -> dict[str, Any]:
    return {
        "payment_id": payment.payment_id,
        "customer_id": payment.customer_id,
        "amount": amount,
        "refunded_on": day,
        "recorded_by": by,
        "created_at": clock.now(),
    }


async def payment_report(payment_id: int) -> PaymentReport:
    """A payment with what it pays. Raises NotFound."""
    async with reading() as connection:
        return await _report(connection, payment_id)


async def payment_page(customer_id: int, after: int, limit: int) -> list[Row[Any]]:
    """A customer's payments in the order of their ids. Raises NotFound."""
    async with reading() as connection:
        if not await readmodel.customers_by_id(connection, [customer_id]):
            raise NotFound(f"there is no customer {customer_id}")
        return await store.page(connection, customer_id, after, limit)


async def _report(connection: AsyncConnection, payment_id: int) -> PaymentReport:
    payment = await _found(connection, payment_id)
    pays = await _pays(connection, payment_id)
    return PaymentReport(payment, pays[::-1], await store.refunds(connection, payment_id))


async def _pays(connection: AsyncConnection, payment_id: int) -> list[Allocation]:
    return await allocations.of_source(connection, Source("payment", payment_id))


async def _lock_customer(tx: Transaction, customer_id: int) -> None:
    if not await readmodel.lock_customers(tx.connection, [customer_id]):
        raise NotFound(f"there is no customer {customer_id}")
    await refuse_marked_among(tx, [customer_id])


async def _lock(tx: Transaction, payment_id: int) -> Row[Any]:
    """The payment as it is under its customer's lock."""
    payment = await _found(tx.connection, payment_id)
    await _lock_customer(tx, payment.customer_id)
    return await _found(tx.connection, payment_id)


async def _found(connection: AsyncConnection, payment_id: int) -> Row[Any]:
    payment = await store.find(connection, payment_id)
    if payment is None:
        raise NotFound(f"there is no payment {payment_id}")
    return payment


def _refuse_reversed(payment: Row[Any]) -> None:
    if payment.reversed:
        raise Conflict(f"payment {payment.payment_id} was reversed on {payment.reversed_on}")


async def _check_method(connection: AsyncConnection, method: str | None) -> None:
    lists = await readmodel.reference_lists(connection) if method is not None else None
    if lists is not None and lists.entry("payment_methods", method) is None:
        told = f"there is no payment method {method}"
        raise Invalid(told, errors=[{"field": "method", "message": told}])


def _day_after(payment: Row[Any], on: date | None) -> date:
    day = on or clock.today()
    if day < payment.received_on:
        told = f"payment {payment.payment_id} came on {payment.received_on}, after {day}"
        raise Invalid(told, errors=[{"field": "on", "message": told}])
    _check_day("on", day)
    return day


def _check_day(field: str, day: date) -> None:
    if day > clock.today():
        told = f"{day} is still to come: today is {clock.today()}"
        raise Invalid(told, errors=[{"field": field, "message": told}])


def _event(kind: type[_PaymentEvent], payment: Row[Any], on: date) -> _PaymentEvent:
    names = [name for name in kind.model_fields if name != "on"]
    return kind(**{name: getattr(payment, name) for name in names}, on=on)
