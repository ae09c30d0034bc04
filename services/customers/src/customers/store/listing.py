"""QuickSearch in the database (SPEC F2): pages of customers by any criteria, in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache, partial
from operator import eq, ge, gt, le, lt
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.finding import read_digits
from customers.domain.listing import COUNTED, NO_LIMIT, Counted, Criteria, ListRow, Order, Place
from customers.domain.rules import RuleBroken
from customers.domain.search import SHORTEST_PART, key_of
from customers.store.accounts import account
from customers.store.finding import Statuses, status_shown
from customers.store.search import customer_search as listed
from customers.store.tables import number

_DIALECT = psycopg.dialect()  # type: ignore[no-untyped-call]
_MOST_BY_BALANCE = 5_000
"""Balances stand in another table than what is filtered by: in their order, each customer passed is one looked up."""
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
    asked = list(_asked(criteria))
    question = _question("first", asked, order, lambda: _first(criteria, asked, order))
    rows = await _ask(connection, question, asked, limit=limit)
    return [_row(row, statuses) for row in rows], _told(rows[0].total if rows else 0)


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
    asked = list(_asked(criteria))
    kind = f"page, {counted.exact}, {after is not None}"
    question = _question(kind, asked, order, lambda: _page(criteria, asked, order, after is not None, counted))
    place = {} if after is None else {"place": after.value, "place_id": after.customer_id}
    return [_row(row, statuses) for row in await _ask(connection, question, asked, limit=limit, **place)]


class _Asked(NamedTuple):
    """One criterion.

    Attributes:
        form: the same for all criteria that differ in their values only.
        values: the parameters of its condition.
        condition: makes it.
    """

    form: str
    values: dict[str, Any]
    condition: Callable[[], ColumnElement[bool]]


@dataclass(frozen=True)
class _Question:
    """A statement that is put together and compiled once for all values: that takes longer than the rest of it."""

    form: tuple[str, ...]
    make: Callable[[], Select[Any]] = field(compare=False)


@lru_cache(maxsize=500)
def _compiled(question: _Question) -> tuple[str, dict[str, Any]]:
    compiled = question.make().compile(dialect=_DIALECT)
    return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}


def _question(kind: str, asked: Sequence[_Asked], order: Order, make: Callable[[], Select[Any]]) -> _Question:
    return _Question((kind, order.field, str(order.descending), *(each.form for each in asked)), make)


async def _ask(
    connection: AsyncConnection, question: _Question, asked: Sequence[_Asked], **values: Any
) -> Sequence[Any]:
    statement, constants = _compiled(question)
    values |= constants
    for each in asked:
        values |= each.values
    return (await connection.exec_driver_sql(statement, values)).all()


def _first(criteria: Criteria, asked: Sequence[_Asked], order: Order) -> Select[Any]:
    most = _MOST_BY_BALANCE if order.field == "balance" else COUNTED
    found = _ids(criteria, asked).limit(most + 1).cte("found")
    total = select(func.count()).select_from(found).scalar_subquery()
    few = _sorted(found, order).where(total <= most)
    many = _found(asked, order).where(total > most)
    page = union_all(*(_cut(each, order, at) for at, each in enumerate((few, many)))).cte("page")
    return _shown(page, order).add_columns(total.label("total"))


def _page(criteria: Criteria, asked: Sequence[_Asked], order: Order, behind: bool, counted: Counted) -> Select[Any]:
    found = _sorted(_ids(criteria, asked).cte("found"), order) if counted.exact else _found(asked, order)
    return _shown(_cut(_behind(found, order) if behind else found, order, 0).cte("page"), order)


def _told(count: int) -> Counted:
    return Counted(min(count, COUNTED), exact=count <= COUNTED)


def _ids(criteria: Criteria, asked: Sequence[_Asked]) -> Select[Any]:
    """The customers that fulfil all criteria: what an index alone can tell."""
    by_balance = sum(getattr(criteria, name) is not None for name in _BALANCES)
    if by_balance and by_balance == criteria.given:
        return select(account.c.customer_id).where(_where(asked))
    return select(listed.c.customer_id).select_from(_from(bool(by_balance))).where(_where(asked))


def _sorted(found: CTE, order: Order) -> Select[Any]:
    """Customers that were found, with what they are sorted by."""
    lines = _from(order.field == "balance").join(found, found.c.customer_id == listed.c.customer_id)
    return select(listed.c.customer_id, _key(order).label("place")).select_from(lines)


def _found(asked: Sequence[_Asked], order: Order) -> Select[Any]:
    """As `_sorted`, of all that fulfil the criteria."""
    with_balance = order.field == "balance" or any(each.form.startswith("balance") for each in asked)
    found = select(listed.c.customer_id, _key(order).label("place")).select_from(_from(with_balance))
    return found.where(_where(asked))


def _behind(found: Select[Any], order: Order) -> Select[Any]:
    key = _key(order)
    here = tuple_(bindparam("place", type_=key.type), bindparam("place_id", type_=BigInteger))
    at = tuple_(key, listed.c.customer_id)
    return found.where(at < here if order.descending else at > here)


def _cut(found: Select[Any], order: Order, branch: int) -> Select[Any]:
    """A page of them; in brackets, so that it can be a branch of several."""
    in_order = found.order_by(*_directed(order, _key(order), listed.c.customer_id))
    return select(in_order.limit(bindparam("limit", type_=Integer)).subquery(f"branch{branch}"))


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


def _where(asked: Sequence[_Asked]) -> ColumnElement[bool]:
    return and_(true(), *(each.condition() for each in asked))


def _asked(criteria: Criteria) -> Iterator[_Asked]:
    yield from _codes(criteria)
    yield from _texts(criteria)
    yield from _amounts(criteria)
    yield from _flags(criteria)


def _codes(criteria: Criteria) -> Iterator[_Asked]:
    for name in _CODES:
        codes = getattr(criteria, name)
        if len(codes) == 1:
            yield _compared(name, codes[0], listed.c[name], eq)
        elif codes:
            yield _Asked(f"{name} among", {name: list(codes)}, partial(_among, listed.c[name], name))
    if criteria.tariff:
        some, none = [code for code in criteria.tariff if code], "" in criteria.tariff
        yield _Asked(f"tariff, {none}", {"tariff": some}, partial(_has_tariff, none))


def _among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return column == func.any(bindparam(name, type_=ARRAY(Text)))


def _has_tariff(or_none: bool) -> ColumnElement[bool]:
    some = listed.c.tariffs.overlap(bindparam("tariff", type_=ARRAY(Text)))
    return or_(some, listed.c.tariffs == []) if or_none else some


def _compared(name: str, value: Any, column: ColumnElement[Any], how: Callable[[Any, Any], Any]) -> _Asked:
    return _Asked(name, {name: value}, lambda: how(column, bindparam(name, type_=column.type)))


def _texts(criteria: Criteria) -> Iterator[_Asked]:
    for name, column in _TEXTS.items():
        typed = getattr(criteria, name)
        if typed:
            yield _part(name, listed.c[column], key_of(typed))
    if criteria.number:
        yield _number(criteria.number)


def _part(name: str, column: ColumnElement[str], key: str) -> _Asked:
    if not key:
        raise RuleBroken(name, "type letters or digits: nothing else is compared")
    if len(key) < SHORTEST_PART:
        return _Asked(f"{name} beginning", {name: f"{key}%"}, lambda: column.like(bindparam(name, type_=Text)))
    values = {name: key, f"{name}_inside": f"%{key}%"}
    return _Asked(name, values, lambda: _inside(column, name))


def _inside(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    # Not a second LIKE: the planner would take the two for independent, and expect too few.
    inside = listed.c.document.like(bindparam(f"{name}_inside", type_=Text))
    return and_(inside, func.strpos(column, bindparam(name, type_=Text)) > 0)


def _number(typed: str) -> _Asked:
    digits = read_digits(typed)
    if digits is None:
        raise RuleBroken(
            "number", f"'{typed[:40]}' is no phone number or part of one: type digits, for example 7946 01"
        )
    patterns = [f"{start}%" for start in (*(f"+{each}" for each in digits.starts), digits.part)]
    if len(digits.part) >= SHORTEST_PART:
        patterns.append(f"%{digits.part}%")
    values = {f"number{at}": pattern for at, pattern in enumerate(patterns)}
    return _Asked(f"number, {len(patterns)}", values, lambda: _has_number(list(values)))


def _has_number(names: Sequence[str]) -> ColumnElement[bool]:
    any_of = or_(*(number.c.number.like(bindparam(name, type_=Text)) for name in names))
    return listed.c.customer_id.in_(select(number.c.customer_id).where(any_of))


def _amounts(criteria: Criteria) -> Iterator[_Asked]:
    balance = account.c.sorted_balance
    for name, column, how in (
        ("balance_from", balance, ge),
        ("balance_to", balance, le),
        ("credit_limit_over", listed.c.credit_limit, gt),
        ("created_from", listed.c.created_on, ge),
        ("created_to", listed.c.created_on, le),
    ):
        value = getattr(criteria, name)
        if value is not None:
            yield _compared(name, value, column, how)
    if criteria.balance is not None:
        how = {"owes": gt, "in_credit": lt, "zero": eq}[criteria.balance]
        yield _compared("balance", Decimal(0), balance, how)._replace(form=f"balance {criteria.balance}")


def _flags(criteria: Criteria) -> Iterator[_Asked]:
    for name in ("has_email", "incomplete"):
        wanted, column = getattr(criteria, name), listed.c[name]
        if wanted is not None:
            yield _Asked(f"{name}, {wanted}", {}, partial(_flag, column, wanted))


def _flag(column: ColumnElement[bool], wanted: bool) -> ColumnElement[bool]:
    return column if wanted else ~column


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
