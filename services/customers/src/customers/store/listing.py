"""QuickSearch in the database (SPEC F2): pages of customers by any criteria, in any order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, func, literal, or_, select, true, tuple_, union_all
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
_BALANCES = ("balance", "balance_from", "balance_to")
_SHOWN = [
    *(listed.c[name] for name in ("customer_id", "account_number", "name", "company_name", *_CODES, "tariff")),
    *(listed.c[name] for name in ("credit_limit", "created_on", "has_email", "incomplete")),
    account.c.sorted_balance,
]


async def list_first(
    connection: AsyncConnection, criteria: Criteria, order: Order, statuses: Statuses, limit: int
) -> tuple[list[ListRow], Counted]:
    """The first page of the customers that fulfil all criteria, and how many there are; in one question.

    They are counted first, without their rows. As few as could be counted are looked up and sorted; of more, a page
    is soon met in the order itself.

    Raises:
        RuleBroken: a text cannot be looked for.
    """
    found = _ids(criteria).limit(COUNTED + 1).cte("found")
    total = select(func.count()).select_from(found).scalar_subquery()
    few = _sorted(found, order).where(total <= COUNTED)
    many = _found(criteria, order, None).where(total > COUNTED)
    branches = (_cut(each, order, limit, at) for at, each in enumerate((few, many)))
    page = union_all(*branches).cte("page")
    rows = (await connection.execute(_shown(page, order).add_columns(total.label("total")))).all()
    return [_row(row, statuses) for row in rows], _told(rows[0].total if rows else 0)


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
    """A page of the customers that fulfil all criteria, behind a place. As `list_first`."""
    if counted.exact:
        found = _behind(_sorted(_ids(criteria).cte("found"), order), order, after)
    else:
        found = _found(criteria, order, after)
    page = _cut(found, order, limit, 0).cte("page")
    return [_row(row, statuses) for row in (await connection.execute(_shown(page, order))).all()]


def _ids(criteria: Criteria) -> Select[Any]:
    """The customers that fulfil all criteria: what an index alone can tell."""
    by_balance = sum(getattr(criteria, name) is not None for name in _BALANCES)
    if by_balance and by_balance == criteria.given:
        return select(account.c.customer_id).where(_where(criteria))
    return select(listed.c.customer_id).select_from(_from(bool(by_balance))).where(_where(criteria))


def _sorted(found: CTE, order: Order) -> Select[Any]:
    """Customers that were found, with what they are sorted by."""
    lines = _from(order.field == "balance").join(found, found.c.customer_id == listed.c.customer_id)
    return select(listed.c.customer_id, _key(order).label("place")).select_from(lines)


def _found(criteria: Criteria, order: Order, after: Place | None) -> Select[Any]:
    """As `_sorted`, of all that fulfil the criteria and stand behind a place."""
    with_balance = order.field == "balance" or any(getattr(criteria, name) is not None for name in _BALANCES)
    found = select(listed.c.customer_id, _key(order).label("place")).select_from(_from(with_balance))
    return _behind(found.where(_where(criteria)), order, after)


def _behind(found: Select[Any], order: Order, after: Place | None) -> Select[Any]:
    if after is None:
        return found
    key = _key(order)
    here = tuple_(literal(after.value, key.type), literal(after.customer_id))
    at = tuple_(key, listed.c.customer_id)
    return found.where(at < here if order.descending else at > here)


def _cut(found: Select[Any], order: Order, limit: int, branch: int) -> Select[Any]:
    """A page of them; in brackets, so that it can be a branch of several."""
    cut = found.order_by(*_directed(order, _key(order), listed.c.customer_id)).limit(limit)
    return select(cut.subquery(f"branch{branch}"))


def _shown(page: CTE, order: Order) -> Select[Any]:
    """A page with what its lines show beside what they are sorted by."""
    lines = page.join(listed, listed.c.customer_id == page.c.customer_id)
    in_order = _directed(order, page.c.place, page.c.customer_id)
    return (
        select(page.c.place, *_SHOWN)
        .select_from(lines.join(account, account.c.customer_id == page.c.customer_id))
        .order_by(*in_order)
    )


def _from(with_balance: bool) -> Any:
    """The tables that are looked through; every customer has a row of its account."""
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


def _row(row: Sequence[Any], statuses: Statuses) -> ListRow:
    """A line, of a row in the order of `_shown`."""
    place, customer_id, account_number, name, company_name, manager, cycle, method, code, style, vat, tariff = row[:12]
    credit, created_on, has_email, incomplete, balance = row[12:17]
    status_name, colour = status_shown(code, statuses)
    return ListRow(
        customer_id=customer_id,
        account_number=account_number,
        name=name,
        company_name=company_name,
        status=code,
        status_name=status_name,
        status_colour=colour,
        account_manager=manager or None,
        billing_cycle=cycle or None,
        payment_method=method or None,
        vat_rate=vat or None,
        bill_style=style or None,
        tariff=tariff or None,
        credit_limit=None if credit == NO_LIMIT else credit,
        balance=balance.quantize(_PENNY),
        created_on=created_on,
        has_email=has_email,
        incomplete=incomplete,
        place=Place(place, customer_id),
    )
