"""The search table: kept with each change of a customer, in its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.customers import Customer
from customers.domain.listing import listed, words_listed
from customers.domain.search import variants_of
from customers.store.tables import metadata, number
from service_kit import clock


def _word(name: str) -> Column[str]:
    """A text that is compared byte by byte, whatever the database's language: so that an index finds beginnings."""
    return Column(name, Text(collation="C"), nullable=False)


SORTED = (
    "account_key",
    "name_key",
    "company_key",
    "status",
    "account_manager",
    "billing_cycle",
    "payment_method",
    "vat_rate",
    "bill_style",
    "tariff",
    "credit_limit",
    "created_on",
)
"""Each has an index with the id behind it: a page of any order is read where it begins."""
FILTERED = ("status", "account_manager", "billing_cycle", "payment_method", "created_on")
"""Each of these indexes has the commonest filters too: who does not fulfil them is passed without reading a row."""

customer_search = Table(
    "customer_search",
    metadata,
    Column("customer_id", ForeignKey("customer.customer_id", ondelete="CASCADE"), primary_key=True),
    *(Column(name, Text, nullable=False) for name in ("account_number", "name", "company_name")),
    *map(_word, ("account_key", "name_key", "company_key", "document")),
    Column("words", ARRAY(Text(collation="C")), nullable=False),
    _word("status"),
    Column("status_until", Date),
    *map(
        _word,
        ("account_manager", "billing_cycle", "payment_method", "vat_rate", "bill_style", "tariff"),
    ),
    Column("tariffs", ARRAY(Text), nullable=False),
    Column("credit_limit", Numeric, nullable=False),
    Column("created_on", Date, nullable=False),
    Column("has_email", Boolean, nullable=False),
    Column("incomplete", Boolean, nullable=False),
)
for _name in SORTED:
    Index(
        f"customer_search_{_name}",
        customer_search.c[_name],
        customer_search.c.customer_id,
        postgresql_include=[each for each in FILTERED if each != _name],
    )
_until = customer_search.c.status_until
_id = customer_search.c.customer_id
Index("customer_search_status_until", _until, postgresql_where=_until.is_not(None))
Index("customer_search_no_email", _id, postgresql_where=~customer_search.c.has_email)
Index("customer_search_incomplete", _id, postgresql_where=customer_search.c.incomplete)

search_word = Table(
    "search_word",
    metadata,
    Column("word", Text(collation="C"), primary_key=True),
    Column("variants", ARRAY(Integer), nullable=False),
)
"""Each word of a name once: so that few words are looked through for those like one that was typed wrongly."""

_TRIGRAMS = "gin_trgm_ops"
_AT_ONCE = {"fastupdate": "off"}
"""New rows go into the index itself: a list of those that wait would be read through by every search."""
for _gin, _column, _ops in (
    ("customer_search_tariffs", customer_search.c.tariffs, None),
    ("customer_search_words", customer_search.c.words, None),
    ("customer_search_document", customer_search.c.document, _TRIGRAMS),
    ("search_word_variants", search_word.c.variants, None),
    ("search_word_parts", search_word.c.word, _TRIGRAMS),
    ("number_parts", number.c.number, _TRIGRAMS),
):
    Index(
        _gin,
        _column,
        postgresql_using="gin",
        postgresql_ops={_column.key: _ops} if _ops else {},
        postgresql_with=_AT_ONCE,
    )
Index("number_beginning", number.c.number, postgresql_ops={"number": "text_pattern_ops"})
Index(
    "number_ending",
    func.reverse(number.c.number).label("ending"),
    postgresql_ops={"ending": "text_pattern_ops"},
)


async def save_listed(connection: AsyncConnection, customers: Sequence[Customer]) -> None:
    """Keep customers as they are now for the search; a row that stays as it is, is not written."""
    if not customers:
        return
    today = clock.today()
    rows = [_values(customer, today) for customer in customers]
    statement = insert(customer_search)
    new = {name: statement.excluded[name] for name in rows[0] if name not in ("customer_id", "created_on")}
    changed = func.row(*(customer_search.c[name] for name in new)).is_distinct_from(func.row(*new.values()))
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["customer_id"], set_=new, where=changed), rows
    )
    await _save_words(connection, {word for customer in customers for word in words_listed(customer)})


def _values(customer: Customer, today: date) -> dict[str, Any]:
    row = listed(customer, today)
    return {**vars(row), "words": list(row.words), "tariffs": list(row.tariffs), "created_on": today}


async def _save_words(connection: AsyncConnection, words: set[str]) -> None:
    """In their order: two that add the same words wait for one another instead of deadlocking."""
    known = await connection.execute(select(search_word.c.word).where(search_word.c.word == func.any(sorted(words))))
    missing = sorted(words - set(known.scalars()))
    if missing:
        rows = [{"word": word, "variants": variants_of(word)} for word in missing]
        await connection.execute(insert(search_word).on_conflict_do_nothing(), rows)


_REFRESH = text(
    """
    UPDATE customer_search AS s SET
        status = coalesce(
            (SELECT p.status FROM status_period AS p WHERE p.customer_id = s.customer_id AND p.effective_from <= :today
             ORDER BY p.effective_from DESC, p.period_id DESC LIMIT 1),
            s.status),
        status_until = (SELECT min(p.effective_from) - 1 FROM status_period AS p
                        WHERE p.customer_id = s.customer_id AND p.effective_from > :today)
    WHERE s.status_until < :today
    """
)
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('customer_search.status'))")


async def bring_to_today(connection: AsyncConnection, today: date) -> None:
    """SPEC C8: give those customers today's status whose planned change has come; others that do so are waited for."""
    await connection.execute(_ONE_AT_A_TIME)
    await connection.execute(_REFRESH, {"today": today})
