"""What other services own: customers, numbers, features, charges and reference lists, by whole state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, and_, cast, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.customers import CustomerState
from contracts.reference import ReferenceUpdated
from invoicing.domain.charges import Charge
from invoicing.domain.reference import ReferenceLists
from invoicing.store.bulk import Row, given, put_newer
from invoicing.store.tables import charge, customer, feature, number, reference

_STATE = cast(customer.c.state, Text)
"""As text: the contract reads JSON faster than what JSON was made into."""
LISTS = ("statuses", "billing_cycles", "payment_methods", "vat_rates", "bill_styles")
"""The reference lists that invoicing reads."""
_CHARGE_TERMS = (
    "customer_id",
    "number_id",
    "feature_id",
    "kind",
    "description",
    "amount",
    "quantity",
    "every_months",
    "in_advance",
    "vat_rate",
    "start",
    "end",
    "anchor",
    "removed",
)


async def put_customers(connection: AsyncConnection, states: Iterable[CustomerState]) -> list[int]:
    """Store states newer than what is there. Returns the ids of those taken."""
    rows = [
        {
            "customer_id": state.customer_id,
            "version": state.version,
            "account_number": state.account_number,
            "billing_cycle": state.billing_cycle,
            "vat_rate": state.vat_rate,
            "state": state.model_dump(mode="json"),
        }
        for state in states
    ]
    return await put_newer(connection, customer, rows)


async def put_numbers(connection: AsyncConnection, rows: Sequence[Row]) -> set[int]:
    """Store states newer than what is there. Returns the ids of those taken."""
    return set(await put_newer(connection, number, rows))


async def put_features(connection: AsyncConnection, rows: Sequence[Row]) -> set[int]:
    """Store states newer than what is there. Returns the ids of those taken."""
    return set(await put_newer(connection, feature, rows))


async def put_reference(connection: AsyncConnection, entries: Iterable[ReferenceUpdated]) -> None:
    """Store entries newer than what is there."""
    rows = [
        {"list": each.list, "code": each.code, "version": each.version, "state": each.model_dump(mode="json")}
        for each in entries
    ]
    await put_newer(connection, reference, rows)


async def put_charges(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Store charges as their owners' newest states have them; how far they are settled is left as it is."""
    if not rows:
        return
    names = ["charge_id", *_CHARGE_TERMS]
    source = given(charge, names, rows)
    statement = upsert(charge).from_select(names, select(source).order_by(source.c.charge_id))
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["charge_id"], set_={name: statement.excluded[name] for name in _CHARGE_TERMS}
        )
    )


async def remove_other_charges(
    connection: AsyncConnection, *, numbers: Collection[int], features: Collection[int], kept: Collection[int]
) -> None:
    """Mark the charges of these owners that their newest states no longer have as removed."""
    of_numbers = and_(charge.c.feature_id.is_(None), charge.c.number_id == func.any(list(numbers)))
    of_features = charge.c.feature_id == func.any(list(features))
    statement = update(charge).where(or_(of_numbers, of_features), charge.c.charge_id != func.all(list(kept)))
    await connection.execute(statement.values(removed=True))


async def reference_lists(connection: AsyncConnection) -> ReferenceLists:
    """Every entry of the lists that invoicing reads."""
    rows = await connection.scalars(select(reference.c.state).where(reference.c.list.in_(LISTS)))
    return ReferenceLists(ReferenceUpdated.model_validate(state) for state in rows)


async def customers_by_id(connection: AsyncConnection, ids: Collection[int]) -> dict[int, CustomerState]:
    """The customers of these ids that are known."""
    rows = await connection.scalars(select(_STATE).where(customer.c.customer_id == func.any(list(ids))))
    states = [CustomerState.model_validate_json(state) for state in rows]
    return {state.customer_id: state for state in states}


async def with_status(connection: AsyncConnection, customers: Collection[int], statuses: Collection[str]) -> list[int]:
    """Those of these customers who have one of these statuses now."""
    c = customer.c
    statement = select(c.customer_id).where(c.customer_id == func.any(list(customers)))
    return list(await connection.scalars(statement.where(c.state["status"].astext.in_(statuses))))


async def customers_after(connection: AsyncConnection, after: int, limit: int) -> list[CustomerState]:
    """The next customers in the order of their ids."""
    statement = select(_STATE).where(customer.c.customer_id > after).order_by(customer.c.customer_id)
    return [CustomerState.model_validate_json(state) for state in await connection.scalars(statement.limit(limit))]


async def lock_customers(connection: AsyncConnection, ids: Collection[int]) -> set[int]:
    """Lock customers in the order of their ids: their events then reach the outbox in the order of commits.

    Returns: the ids of those that are known.
    """
    statement = select(customer.c.customer_id).where(customer.c.customer_id == func.any(list(ids)))
    return set(await connection.scalars(statement.order_by(customer.c.customer_id).with_for_update(key_share=True)))


async def unsettled_charges(connection: AsyncConnection, customers: Collection[int]) -> dict[int, list[Charge]]:
    """The charges of these customers about which a bill may have something to do, by customer."""
    c = charge.c
    to_charge = and_(~c.removed, or_(c.charged_to.is_(None), and_(c.kind == "recurring", c.end.is_(None))))
    to_go_on = and_(c.kind == "recurring", c.charged_to < c.end)
    to_refund = and_(c.charged_to.is_not(None), or_(c.removed, c.end < c.charged_to))
    statement = (
        select(charge, number.c.number)
        .outerjoin(number, number.c.number_id == c.number_id)
        .where(c.customer_id == func.any(list(customers)), or_(to_charge, to_go_on, to_refund))
        .order_by(c.charge_id)
    )
    found: dict[int, list[Charge]] = {}
    result = await connection.execute(statement)
    names = list(result.keys())
    for row in result:
        found.setdefault(row.customer_id, []).append(Charge(**dict(zip(names, row, strict=True))))
    return found


async def charges_of(connection: AsyncConnection, customer_id: int) -> list[Charge]:
    """All charges of a customer, those of before too."""
    c = charge.c
    statement = select(charge, number.c.number).outerjoin(number, number.c.number_id == c.number_id)
    rows = await connection.execute(statement.where(c.customer_id == customer_id).order_by(c.charge_id))
    return [Charge(**row._mapping) for row in rows]


async def save_settled(connection: AsyncConnection, charges: Sequence[Charge]) -> None:
    """Keep how far charges are settled."""
    if not charges:
        return
    rows: list[dict[str, Any]] = [
        {"charge_id": each.charge_id, "charged_to": each.charged_to, "settlements": each.settlements}
        for each in charges
    ]
    settled = given(charge, ["charge_id", "charged_to", "settlements"], rows)
    await connection.execute(
        update(charge)
        .where(charge.c.charge_id == settled.c.charge_id)
        .values(charged_to=settled.c.charged_to, settlements=settled.c.settlements)
    )


@dataclass(frozen=True, slots=True)
class Labels:
    """Headings on documents: what numbers and features are called, by id, also those removed since."""

    numbers: dict[int, tuple[str, str]]
    features: dict[int, str]


async def labels_of(connection: AsyncConnection, customers: Collection[int]) -> Labels:
    """The numbers (with their labels) and features (their descriptions) of these customers."""
    n, f = number.c, feature.c
    wanted = list(customers)
    numbers = await connection.execute(select(n.number_id, n.number, n.label).where(n.customer_id == func.any(wanted)))
    features = await connection.execute(select(f.feature_id, f.description).where(f.customer_id == func.any(wanted)))
    return Labels(
        {row.number_id: (row.number, row.label) for row in numbers},
        {row.feature_id: row.description for row in features},
    )
