"""QuickSearch in the database (SPEC F2): pages of customers by any criteria, in any order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, func, literal, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.finding import read_digits
from customers.domain.listing import COUNTED, NO_LIMIT, Counted, Criteria, ListRow, Order, Place
from customers.domain.rules import RuleBroken
from customers.domain.search import SHORTEST_PART, key_of
from customers.store.accounts import account
from customers.store.finding import Statuses, status_shown
from customers.store.search import customer_search as listed
from customers.store.tables import number

_PENNY = Decimal("0.01")
_CODES = ("account_manager", "billing_cycle", "payment_method", "status", "bill_style", "vat_rate")
_TEXTS = {"name": "name_key", "company_name": "company_key", "account_number": "account_key"}
_SORTED = {**_TEXTS, **{name: name for name in (*_CODES, "tariff", "credit_limit", "created_on")}}


_SHOWN = [
    *(listed.c[name] for name in ("customer_id", "account_number", "name", "company_name", *_CODES, "tariff")),
    *(listed.c[name] for name in ("credit_limit", "created_on", "has_email", "incomplete")),
    account.c.sorted_balance,
]


async def list_first(
    connection: AsyncConnection, criteria: Criteria, order: Order, statuses: Statuses, limit: int
) -> tuple[list[ListRow], Counted]:
    """The first page of the customers that fulfil all criteria, and how many there are. Raises as `list_page`."""
    if criteria.given <= 1:  # an index alone can count them
        counted = await _counted(connection, criteria)
        return await list_page(connection, criteria, order, statuses, None, counted, limit), counted
    rows = await _page_of_few(connection, criteria, order, None, limit)
    counted = _told(rows[0]["total"])
    if not counted.exact:
        return await list_page(connection, criteria, order, statuses, None, counted, limit), counted
    return [_row(row, statuses) for row in rows if row["customer_id"] is not None], counted


async def _counted(connection: AsyncConnection, criteria: Criteria) -> Counted:
    some = select(literal(1)).select_from(_from(criteria, None)).where(_where(criteria)).limit(COUNTED + 1).subquery()
    return _told(await connection.scalar(select(func.count()).select_from(some)) or 0)


def _told(count: int) -> Counted:
    return Counted(min(count, COUNTED), exact=count <= COUNTED)


async def list_page(
    connection: AsyncConnection,
    criteria: Criteria,
    order: Order,
    statuses: Statuses,
    after: Place | None,
    counted: Counted,
    limit: int,
) -> list[ListRow]:
    """A page of the customers that fulfil all criteria, behind a place.

    Of many, so many are soon met in their order; few are all looked up, and sorted.

    Raises:
        RuleBroken: a text cannot be looked for.
    """
    if counted.exact:
        rows = await _page_of_few(connection, criteria, order, after, limit)
        return [_row(row, statuses) for row in rows if row["customer_id"] is not None]
    in_order = _directed(order, _key(order), listed.c.customer_id)
    page = _found(criteria, order, after).order_by(*in_order).limit(limit).cte("page")
    lines = page.join(listed, listed.c.customer_id == page.c.customer_id)
    shown = _shown(lines.join(account, account.c.customer_id == page.c.customer_id), page, order)
    return [_row(row, statuses) for row in (await connection.execute(shown)).mappings()]


def _found(criteria: Criteria, order: Order, after: Place | None) -> Select[Any]:
    key = _key(order)
    found = select(listed.c.customer_id, key.label("place")).select_from(_from(criteria, order)).where(_where(criteria))
    if after is None:
        return found
    here = tuple_(literal(after.value, key.type), literal(after.customer_id))
    at = tuple_(key, listed.c.customer_id)
    return found.where(at < here if order.descending else at > here)


async def _page_of_few(
    connection: AsyncConnection, criteria: Criteria, order: Order, after: Place | None, limit: int
) -> Sequence[RowMapping]:
    """A page with the number of all that were looked up; one row without a customer where the page is empty.

    Where they are more than `COUNTED`, nothing is sorted, and there is only that row.
    """
    found = _found(criteria, order, after).limit(COUNTED + 1).cte("found")
    total = select(func.count().label("total")).select_from(found)
    few = total.scalar_subquery() <= COUNTED
    in_order = _directed(order, found.c.place, found.c.customer_id)
    page = select(found).where(few).order_by(*in_order).limit(limit).cte("page")
    counted = total.subquery("counted")
    lines = counted.outerjoin(page, true()).outerjoin(listed, listed.c.customer_id == page.c.customer_id)
    shown = _shown(lines.outerjoin(account, account.c.customer_id == page.c.customer_id), page, order)
    return (await connection.execute(shown.add_columns(counted.c.total))).mappings().all()


def _shown(lines: Any, page: Any, order: Order) -> Select[Any]:
    """A page with what its lines show beside what they are sorted by."""
    in_order = _directed(order, page.c.place, page.c.customer_id)
    return select(page.c.place, *_SHOWN).select_from(lines).order_by(*in_order)


def _from(criteria: Criteria, order: Order | None) -> Any:
    """The tables that are looked through; every customer has a row of its account."""
    asked = (criteria.balance, criteria.balance_from, criteria.balance_to)
    with_balance = (order and order.field == "balance") or any(each is not None for each in asked)
    return listed.join(account, account.c.customer_id == listed.c.customer_id) if with_balance else listed


def _key(order: Order) -> ColumnElement[Any]:
    return account.c.sorted_balance if order.field == "balance" else listed.c[_SORTED[order.field]]


def _directed(order: Order, *columns: ColumnElement[Any]) -> Iterator[ColumnElement[Any]]:
    return (column.desc() if order.descending else column.asc() for column in columns)


def _where(criteria: Criteria) -> ColumnElement[bool]:
    return and_(true(), *_codes(criteria), *_texts(criteria), *_amounts(criteria), *_flags(criteria))


def _codes(criteria: Criteria) -> Iterator[ColumnElement[bool]]:
    for name in _CODES:
        codes = getattr(criteria, name)
        if codes:
            yield listed.c[name] == codes[0] if len(codes) == 1 else listed.c[name].in_(codes)
    if criteria.tariff:
        some = listed.c.tariffs.overlap([code for code in criteria.tariff if code])
        yield or_(some, listed.c.tariffs == []) if "" in criteria.tariff else some


def _texts(criteria: Criteria) -> Iterator[ColumnElement[bool]]:
    for name, column in _TEXTS.items():
        typed = getattr(criteria, name)
        if typed:
            yield _has_part(listed.c[column], key_of(typed), name)
    if criteria.number:
        yield _has_number(criteria.number)


def _has_part(column: ColumnElement[str], key: str, field: str) -> ColumnElement[bool]:
    if not key:
        raise RuleBroken(field, "type letters or digits: nothing else is compared")
    if len(key) < SHORTEST_PART:
        return column.startswith(key)
    # Not a second LIKE: the planner would take the two for independent, and expect too few.
    return and_(listed.c.document.contains(key), func.strpos(column, key) > 0)


def _has_number(typed: str) -> ColumnElement[bool]:
    digits = read_digits(typed)
    if digits is None:
        raise RuleBroken(
            "number", f"'{typed[:40]}' is no phone number or part of one: type digits, for example 7946 01"
        )
    begins = [number.c.number.startswith(start) for start in (*(f"+{each}" for each in digits.starts), digits.part)]
    inside = [number.c.number.contains(digits.part)] if len(digits.part) >= SHORTEST_PART else []
    return listed.c.customer_id.in_(select(number.c.customer_id).where(or_(*inside, *begins)))


def _amounts(criteria: Criteria) -> Iterator[ColumnElement[bool]]:
    balance = account.c.sorted_balance
    if criteria.balance_from is not None:
        yield balance >= criteria.balance_from
    if criteria.balance_to is not None:
        yield balance <= criteria.balance_to
    if criteria.balance is not None:
        zero = Decimal(0)
        yield {"owes": balance > zero, "in_credit": balance < zero, "zero": balance == zero}[criteria.balance]
    if criteria.credit_limit_over is not None:
        yield listed.c.credit_limit > criteria.credit_limit_over
    if criteria.created_from is not None:
        yield listed.c.created_on >= criteria.created_from
    if criteria.created_to is not None:
        yield listed.c.created_on <= criteria.created_to


def _flags(criteria: Criteria) -> Iterator[ColumnElement[bool]]:
    for wanted, column in ((criteria.has_email, listed.c.has_email), (criteria.incomplete, listed.c.incomplete)):
        if wanted is not None:
            yield column if wanted else ~column


def _row(row: Any, statuses: Statuses) -> ListRow:
    codes = ("account_manager", "billing_cycle", "payment_method", "vat_rate", "bill_style", "tariff")
    plain = ("customer_id", "account_number", "name", "company_name", "created_on", "has_email", "incomplete")
    limit: Decimal = row["credit_limit"]
    shown: dict[str, Any] = {code: row[code] or None for code in codes} | {field: row[field] for field in plain}
    name, colour = status_shown(row["status"], statuses)
    return ListRow(
        **shown,
        status=row["status"],
        status_name=name,
        status_colour=colour,
        credit_limit=None if limit == NO_LIMIT else limit,
        balance=row["sorted_balance"].quantize(_PENNY),
        place=Place(row["place"], row["customer_id"]),
    )
