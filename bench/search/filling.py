"""Filling a database with customers and numbers as the service would have stored them, fast; only this knows tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import psycopg
from bench.search.names import Name, Names
from psycopg.types.json import Json

from contracts.customers import Address, BillLengths, LowInvoicePolicy, Markups, StatusPeriod
from customers.domain.customers import Customer, Details
from customers.domain.listing import listed, words_listed
from customers.domain.search import variants_of

FIRST_ID = 1
_BEGAN = date(2015, 1, 1)
_DAYS = 3_600
_ADDRESS = Address(lines=("1 Harbour Street", "Brightwater"), postcode="BW1 1AA")
_LENGTHS, _POLICY = (Json(each.model_dump(mode="json")) for each in (BillLengths(), LowInvoicePolicy()))
_RATINGS = [Markups(tariff=code) for code in (None, "standard", "gold", "silver", "wholesale")]
_STATUSES = {"active": 90, "active_do_not_bill": 2, "final_bill": 1, "dropped": 7}
_HISTORIES = {
    code: (StatusPeriod(status="active", effective_from=_BEGAN), StatusPeriod(status=code, effective_from=_BEGAN))[
        code == "active" :
    ]
    for code in _STATUSES
}
MANAGERS = tuple(f"manager{number:02d}" for number in range(50))
_CHOICES: dict[str, tuple[tuple[str | None, ...], tuple[int, ...]]] = {
    "payment_method": (("direct_debit", "bank_transfer", "card", None), (70, 20, 9, 1)),
    "vat_rate": (("standard", "reduced", "zero", None), (96, 1, 2, 1)),
    "billing_cycle": (("monthly", "quarterly", "manual"), (90, 8, 2)),
    "account_manager": ((*MANAGERS, None), (*([2] * 50), 10)),
    "bill_style": (("farthing", None), (99, 1)),
}
_AREAS = ("20", "161", "113", "121", "117", "131", "141", "151", "1632", "7700")
_BLOCK = 1_000


class Filling:
    """Fills an empty database of customers; `billable` ones are all active, and nothing is missing for a bill."""

    def __init__(self, database: str, seed: int, *, billable: bool = False) -> None:
        self._database = database
        self._billable = billable
        self._chance = Random(seed)
        self._names = Names(seed)
        self._words: set[str] = set()

    def fill(self, customers: int, numbers: int) -> None:
        """Copy everything in, without indexes, and make those anew."""
        with psycopg.connect(self._database) as connection:
            indexes = _drop_indexes(connection)
            self._copy_customers(connection, customers)
            self._copy_words(connection)
            self._copy_numbers(connection, customers, numbers)
            connection.execute(_ACCOUNTS)
            connection.execute("SELECT setval('entity_id', %s)", [10 * (customers + numbers)])
            for statement in indexes:
                connection.execute(statement.encode())
        with psycopg.connect(self._database, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

    def _copy_customers(self, connection: psycopg.Connection, count: int) -> None:
        """Three tables at once from one reading of the names: kept in parts, so that memory stays small."""
        for at, part in enumerate(_parts(self._names.make(count), 20_000)):
            made = [self._customer(FIRST_ID + at * 20_000 + place, name) for place, name in enumerate(part)]
            _copy(connection, "customer", _CUSTOMER, map(_customer_row, made))
            _copy(connection, "status_period", _PERIOD, _period_rows(made))
            today = _BEGAN + timedelta(days=_DAYS)
            rows = [listed(each, today) for each in made]
            search = [list(vars(row).values()) for row in rows]
            for row, values in zip(rows, search, strict=True):
                for name in ("words", "tariffs"):
                    values[list(vars(row)).index(name)] = list(getattr(row, name))
            created = [[*values, self._day()] for values in search]
            _copy(connection, "customer_search", (*vars(rows[0]), "created_on"), created)
            self._words.update(word for each in made for word in words_listed(each))

    def _customer(self, customer_id: int, name: Name) -> Customer:
        chance = self._chance
        chosen = {
            field: codes[0] if self._billable else chance.choices(codes, weights)[0]
            for field, (codes, weights) in _CHOICES.items()
        }
        details = Details(
            name=name.name,
            company_name=name.company,
            billing_address=_ADDRESS if chance.random() < 0.98 else Address(),
            emails=(f"accounts@customer{customer_id}.example",) if chance.random() < 0.9 else (),
            credit_limit=Decimal(chance.randrange(1, 100) * 50) if chance.random() < 0.6 else None,
            rating=chance.choice(_RATINGS),
            **chosen,  # type: ignore[arg-type]
        )
        status = "active" if self._billable else chance.choices(list(_STATUSES), list(_STATUSES.values()))[0]
        return Customer(customer_id, 1, f"F{customer_id:06d}", details, _HISTORIES[status])

    def _copy_words(self, connection: psycopg.Connection) -> None:
        _copy(connection, "search_word", ("word", "variants"), ((word, variants_of(word)) for word in self._words))

    def _copy_numbers(self, connection: psycopg.Connection, customers: int, numbers: int) -> None:
        """Numbers in blocks, as they are given out; one of twenty has ended."""
        first = FIRST_ID + customers
        _copy(connection, "number", _NUMBER, (self._number(first + at, at, customers) for at in range(numbers)))

    def _number(self, number_id: int, at: int, customers: int) -> tuple[Any, ...]:
        chance = self._chance
        holder = FIRST_ID + (at if at < customers else chance.randrange(customers))
        start = self._day()
        end = start + timedelta(days=300) if chance.random() < 0.05 else None
        return (number_id, holder, 1, number_of(at), "geographic", "", start, end, _NO_RATING)

    def _day(self) -> date:
        return _BEGAN + timedelta(days=self._chance.randrange(_DAYS))


_NO_RATING = Json(Markups().model_dump(mode="json"))
_CUSTOMER = (
    *("customer_id", "version", "account_number", "name", "company_name", "billing_address", "contact_numbers"),
    *("emails", "payment_method", "vat_rate", "vat_number", "account_manager", "billing_cycle", "bill_style"),
    *("bill_lengths", "low_invoice", "credit_limit", "rating", "notes"),
)
_PERIOD = ("customer_id", "effective_from", "status")
_NUMBER = ("number_id", "customer_id", "version", "number", "number_type", "label", "start", "end", "rating")
_ACCOUNTS = """
    INSERT INTO account (customer_id, credit_limit, vat_rate, balance)
    SELECT customer_id, credit_limit, vat_rate,
        CASE WHEN customer_id % 3 = 0 THEN 0 ELSE (customer_id * 7919 % 100000 - 20000) / 100.0 END
    FROM customer
"""


def number_of(at: int) -> str:
    """The number at a place: blocks of a thousand, as they are given out, scattered over a few areas; all different."""
    block, last = divmod(at, _BLOCK)
    area = _AREAS[block % len(_AREAS)]
    places = 7 - len(area)
    exchange = (block // len(_AREAS) * 7_919 + 4_960) % 10**places
    return f"+44{area}{exchange:0{places}d}{last:03d}"


def _customer_row(each: Customer) -> tuple[Any, ...]:
    details = each.details
    address = Json(details.billing_address.model_dump(mode="json"))
    rating = Json(details.rating.model_dump(mode="json"))
    return (
        *(each.customer_id, 1, each.account_number, details.name, details.company_name, address, []),
        *(list(details.emails), details.payment_method, details.vat_rate, "", details.account_manager),
        *(details.billing_cycle, details.bill_style, _LENGTHS, _POLICY, details.credit_limit, rating, ""),
    )


def _period_rows(customers: Sequence[Customer]) -> Iterator[tuple[Any, ...]]:
    for each in customers:
        for period in each.history:
            yield each.customer_id, period.effective_from, period.status


def _copy(connection: psycopg.Connection, table: str, columns: Sequence[str], rows: Any) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor().copy(f"COPY {table} ({names}) FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _drop_indexes(connection: psycopg.Connection) -> list[str]:
    """Take the indexes away that hold nothing together. Returns what makes them again."""
    found = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        " AND tablename IN ('customer', 'status_period', 'customer_search', 'search_word', 'number', 'account')"
        " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
    ).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}".encode())
    return [definition for _, definition in found]


def _parts(names: Iterator[Name], size: int) -> Iterator[list[Name]]:
    part: list[Name] = []
    for name in names:
        part.append(name)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
