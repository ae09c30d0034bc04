"""What an action on a customer would charge and refund (SPEC C18). Nothing is changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.customers import CustomerState
from invoicing.domain.adjustments import BilledLine, by_key
from invoicing.domain.charges import Charge
from invoicing.domain.invoices import totals_of
from invoicing.domain.previews import Preview, Proposal, UsageAfter, as_if, given_back, settled_as_if
from invoicing.domain.reference import ReferenceLists, leaving
from invoicing.domain.transactions import Transaction as Line
from invoicing.domain.usage import LineKey
from invoicing.domain.vat import NoVatRate
from invoicing.store import adjustments, readmodel, transactions
from service_kit import clock
from service_kit.database import reading
from service_kit.problems import Conflict, Invalid, NotFound

Ask = Callable[[Proposal], Awaitable[UsageAfter]]


async def preview(customer_id: int, proposal: Proposal, ask: Ask) -> Preview:
    """Work out what the action would put on Unsent.

    Args:
        ask: rating, for what was used after the date; not asked for a reinstatement, which takes nothing back.

    Raises:
        NotFound: there is no such customer.
        Conflict: it is dropped, or, to be reinstated, is not; or its VAT cannot be worked out.
        Invalid: a reinstatement that is not after the drop.
    """
    customer, lists = await _customer(customer_id)
    _check(customer, lists, proposal)
    usage = None if proposal.action == "reinstate" else await ask(proposal)
    async with reading() as connection:
        charges = as_if(await readmodel.charges_of(connection, customer_id), customer, proposal)
        lines = settled_as_if(charges, await _standing(connection, charges), proposal)
        if usage is not None:
            lines += given_back(customer_id, usage, await _billed(connection, usage))
    try:
        return Preview(tuple(lines), totals_of(lines, customer, lists, clock.today()), usage)
    except NoVatRate as error:
        raise Conflict(f"VAT cannot be worked out: {error}. Give customer {customer_id} a VAT rate first") from error


async def _customer(customer_id: int) -> tuple[CustomerState, ReferenceLists]:
    async with reading() as connection:
        found = (await readmodel.customers_by_id(connection, [customer_id])).get(customer_id)
        if found is None:
            raise NotFound(f"there is no customer {customer_id}")
        return found, await readmodel.reference_lists(connection)


def _check(customer: CustomerState, lists: ReferenceLists, proposal: Proposal) -> None:
    named = f"customer {customer.customer_id}"
    dropped = leaving(customer, lists) == "dropped"
    if proposal.action != "reinstate":
        if dropped:
            raise Conflict(f"{named} is dropped: reinstate it first", type="customer-dropped")
        return
    if not dropped:
        raise Conflict(f"{named} is not dropped: there is nothing to reinstate", type="not-dropped")
    if customer.drop_date is not None and proposal.on <= customer.drop_date:
        message = f"give a day after the drop date {customer.drop_date}"
        raise Invalid(f"date: {message}", errors=[{"field": "date", "message": message}])


async def _standing(connection: AsyncConnection, charges: Sequence[Charge]) -> Mapping[int, Sequence[Line]]:
    overcharged = [each.charge_id for each in charges if each.overcharged]
    return await transactions.standing(connection, overcharged) if overcharged else {}


async def _billed(connection: AsyncConnection, usage: UsageAfter) -> dict[int, dict[LineKey, BilledLine]]:
    found = {}
    for close_id in {close_id for close_id, _ in usage.billed}:
        close = await adjustments.billed_close(connection, close_id)
        if close is not None and close.status != "draft":
            found[close_id] = by_key(close.lines)
    return found
