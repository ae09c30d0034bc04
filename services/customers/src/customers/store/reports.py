"""Reports in the database: pages that begin where the one before ended, found by an index however far in they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.accounts import NEAR_PERCENT, Account, Standing
from customers.domain.customers import missing_for_invoice
from customers.domain.reports import CreditAsked, CreditRow, NotReady, Place, Placed, ReadyAsked, WithoutTariff
from customers.store.cards import STATUS_TODAY, names_of
from customers.store.customers import customers_of

ACCOUNT = """
    a.customer_id, a.credit_limit, a.currency, a.balance, a.unbilled_usage, a.unbilled_charges, a.exposure,
    a.unbilled_net, a.unbilled_calls, a.unbilled_as_of, a.notice
"""
_STANDINGS: dict[Standing, str] = {
    "over": "a.used_percent > 100",
    "near": f"a.used_percent >= {NEAR_PERCENT} AND a.used_percent <= 100",
    "under": f"a.used_percent > '-Infinity' AND a.used_percent < {NEAR_PERCENT}",
    "unknown": "a.used_percent = '-Infinity' AND a.credit_limit IS NOT NULL",
    "no_limit": "a.used_percent = '-Infinity' AND a.credit_limit IS NULL",
}
_CREDIT_SORTS = {
    "customer_id": "a.customer_id",
    "headroom": "a.headroom",
    "used_percent": "a.used_percent",
    "balance": "a.sorted_balance",
}
_READY_SORTS = {"customer_id": "s.customer_id", "account_number": "s.account_key", "name": "s.name_key"}
_DROPPED = "SELECT code FROM reference_entry WHERE list = 'statuses' AND (attributes ->> 'dropped')::boolean"


def _page(
    select: str, conditions: Sequence[str], key: str, row_id: str, *, descending: bool, begun: bool
) -> TextClause:
    """Rows by a key and an id, with the key as `place`; those behind `:value` and `:row_id` where it was begun."""
    way, behind = ("DESC", "<") if descending else ("ASC", ">")
    if begun:
        conditions = [*conditions, f"({key}, {row_id}) {behind} (:value, :row_id)"]
    where = f"WHERE {' AND '.join(f'({each})' for each in conditions)}" if conditions else ""
    return text(f"SELECT {key} AS place, {select} {where} ORDER BY {key} {way}, {row_id} {way} LIMIT :limit")


def _values(after: Place | None, limit: int, **more: Any) -> dict[str, Any]:
    begun = {} if after is None else {"value": after.value, "row_id": after.row_id}
    return {**begun, "limit": limit, **more}


async def list_credit(
    connection: AsyncConnection, asked: CreditAsked, *, after: Place | None, limit: int, today: date
) -> list[Placed[CreditRow]]:
    """SPEC C13: customers with their accounts. What has no headroom stands behind all that has; unknown balances are
    sorted as 0."""
    conditions = [" OR ".join(f"({_STANDINGS[each]})" for each in asked.standings)] if asked.standings else []
    statement = _page(
        f"{ACCOUNT} FROM account AS a JOIN customer AS c ON c.customer_id = a.customer_id",
        conditions,
        _CREDIT_SORTS[asked.sort],
        "a.customer_id",
        descending=asked.descending,
        begun=after is not None,
    )
    rows = (await connection.execute(statement, _values(after, limit))).all()
    names = await names_of(connection, [row.customer_id for row in rows], today)
    return [
        Placed(CreditRow(names[row.customer_id], account_of(row)), Place(row.place, row.customer_id)) for row in rows
    ]


def account_of(row: Row[Any]) -> Account:
    """An account from the columns of `ACCOUNT`."""
    names = [name for name in Account.__dataclass_fields__ if name != "notice"]
    return Account(**{name: getattr(row, name) for name in names}, notice=row.notice)


async def list_not_ready(
    connection: AsyncConnection, asked: ReadyAsked, *, after: Place | None, limit: int, today: date
) -> list[Placed[NotReady]]:
    """SPEC C1: customers that lack something that an invoice needs, but for those that are dropped."""
    statement = _page(
        """s.customer_id, s.created_on, EXISTS (
            SELECT FROM known_invoice AS i
            WHERE i.customer_id = s.customer_id AND i.number IS NOT NULL AND i.status <> 'removed'
        ) AS invoiced FROM customer_search AS s JOIN customer AS c ON c.customer_id = s.customer_id""",
        ["s.incomplete", f"{STATUS_TODAY} NOT IN ({_DROPPED})"],
        _READY_SORTS[asked.sort],
        "s.customer_id",
        descending=asked.descending,
        begun=after is not None,
    )
    rows = (await connection.execute(statement, _values(after, limit, today=today))).all()
    ids = [row.customer_id for row in rows]
    names = await names_of(connection, ids, today)
    details = {each.customer_id: each.details for each in await customers_of(connection, ids)}
    return [
        Placed(
            NotReady(
                names[row.customer_id], missing_for_invoice(details[row.customer_id]), row.created_on, row.invoiced
            ),
            Place(row.place, row.customer_id),
        )
        for row in rows
    ]


_WITHOUT_TARIFF = """
    SELECT n.number_id, n.customer_id, n.number, n.number_type, n.label, n.start, n."end",
        n.rating -> 'class_tariffs' AS of_number, c.rating -> 'class_tariffs' AS of_customer
    FROM customer_search AS s
    JOIN customer AS c ON c.customer_id = s.customer_id
    JOIN number AS n ON n.customer_id = s.customer_id
    WHERE s.tariff = '' AND s.customer_id >= :customer_id AND (s.customer_id > :customer_id OR n.number_id > :row_id)
        AND coalesce(n.rating ->> 'tariff', '') = '' AND (n."end" IS NULL OR n."end" >= :today) {partly}
    ORDER BY s.customer_id, n.number_id LIMIT :limit
"""
_NOT_PARTLY = """
    AND coalesce(n.rating -> 'class_tariffs', '{}') = '{}' AND coalesce(c.rating -> 'class_tariffs', '{}') = '{}'
"""
_TARIFFS = {
    with_partly: text(_WITHOUT_TARIFF.format(partly="" if with_partly else _NOT_PARTLY))
    for with_partly in (True, False)
}


async def list_without_tariff(
    connection: AsyncConnection, *, after: Place | None, limit: int, today: date, with_partly: bool
) -> list[Placed[WithoutTariff]]:
    """SPEC C10: numbers that are open, today or later, without a tariff of their own or their customer's.

    Args:
        with_partly: also those that have one for some call classes.
    """
    begun = after or Place(0, 0)
    values = {"customer_id": begun.value, "row_id": begun.row_id, "limit": limit, "today": today}
    rows = (await connection.execute(_TARIFFS[with_partly], values)).mappings().all()
    names = await names_of(connection, sorted({row["customer_id"] for row in rows}), today)
    shown = ("number_id", "number", "number_type", "label", "start", "end")
    return [
        Placed(
            WithoutTariff(
                names[row["customer_id"]],
                **{name: row[name] for name in shown},
                covered=_covered(row["of_number"], row["of_customer"]),
            ),
            Place(row["customer_id"], row["number_id"]),
        )
        for row in rows
    ]


def _covered(*of: Mapping[str, str] | None) -> tuple[str, ...]:
    return tuple(sorted({call_class for choices in of for call_class, tariff in (choices or {}).items() if tariff}))
