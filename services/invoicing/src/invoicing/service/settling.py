"""Settling what Final Bill and Drop ended, as soon as it is told (SPEC Z4)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from invoicing.domain.charges import Charge, Settlement, settle
from invoicing.domain.transactions import Transaction as Line
from invoicing.store import readmodel, transactions
from service_kit.database import Transaction
from service_kit.logs import logger

_log = logger(__name__)


async def settle_leaving(tx: Transaction, customers: Collection[int]) -> None:
    """Settle the charges of those of these customers who are on Final Bill or dropped to their ends, onto Unsent.

    The customers' rows are locked. A settlement is a difference, so it does not matter in which order, or how often,
    their states and those of their numbers and features come.
    """
    lists = await readmodel.reference_lists(tx.connection)
    leaving = await readmodel.with_status(tx.connection, customers, lists.leaving_statuses())
    found = await readmodel.unsettled_charges(tx.connection, leaving) if leaving else {}
    ended = [charge for of_one in found.values() for charge in of_one if charge.end is not None or charge.removed]
    if ended:
        await _keep(tx, await _settlements(tx, ended))


async def _settlements(tx: Transaction, charges: Sequence[Charge]) -> list[Settlement]:
    standing = await transactions.standing(tx.connection, [each.charge_id for each in charges if each.overcharged])
    return [_settlement(each, standing.get(each.charge_id, ())) for each in charges]


def _settlement(charge: Charge, standing: Sequence[Line]) -> Settlement:
    try:
        return settle(charge, charge.end or charge.start, standing)
    except ValueError as error:  # a run parks the customer with that reason; its state is to be taken in all the same
        _log.warning("not settled", customer_id=charge.customer_id, charge_id=charge.charge_id, error=str(error))
        return Settlement(charge)


async def _keep(tx: Transaction, settlements: Sequence[Settlement]) -> None:
    changed = [each for each in settlements if each.transactions or each.stands]
    await transactions.add(tx.connection, [line for each in changed for line in each.transactions])
    await transactions.set_stands_to(tx.connection, [stand for each in changed for stand in each.stands])
    await readmodel.save_settled(tx.connection, [each.charge for each in changed])
