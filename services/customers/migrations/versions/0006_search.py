"""What is searched: a narrow row of each customer, the words of their names, and parts of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from alembic import op
from sqlalchemy import Connection, text

from contracts.customers import Address, Markups, StatusPeriod
from customers.domain.customers import Customer, Details
from customers.domain.listing import listed, words_listed
from customers.domain.search import variants_of
from service_kit import clock

revision = "0006"
down_revision = "0005"

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
FILTERED = ("status", "account_manager", "billing_cycle", "payment_method", "created_on")
TABLES: tuple[str, ...] = (
    """
    CREATE TABLE customer_search (
        customer_id bigint PRIMARY KEY REFERENCES customer (customer_id) ON DELETE CASCADE,
        account_number text NOT NULL,
        name text NOT NULL,
        company_name text NOT NULL,
        account_key text COLLATE "C" NOT NULL,
        name_key text COLLATE "C" NOT NULL,
        company_key text COLLATE "C" NOT NULL,
        document text COLLATE "C" NOT NULL,
        words text[] COLLATE "C" NOT NULL,
        status text COLLATE "C" NOT NULL,
        status_until date,
        account_manager text COLLATE "C" NOT NULL,
        billing_cycle text COLLATE "C" NOT NULL,
        payment_method text COLLATE "C" NOT NULL,
        vat_rate text COLLATE "C" NOT NULL,
        bill_style text COLLATE "C" NOT NULL,
        tariff text COLLATE "C" NOT NULL,
        tariffs text[] NOT NULL,
        credit_limit numeric NOT NULL,
        created_on date NOT NULL,
        has_email boolean NOT NULL,
        incomplete boolean NOT NULL
    )
    """,
    'CREATE TABLE search_word (word text COLLATE "C" PRIMARY KEY, variants integer[] NOT NULL)',
)
INDEXES: tuple[str, ...] = (
    *(
        f"CREATE INDEX customer_search_{name} ON customer_search ({name}, customer_id)"
        f" INCLUDE ({', '.join(each for each in FILTERED if each != name)})"
        for name in SORTED
    ),
    "CREATE INDEX customer_search_status_until ON customer_search (status_until) WHERE status_until IS NOT NULL",
    "CREATE INDEX customer_search_no_email ON customer_search (customer_id) WHERE NOT has_email",
    "CREATE INDEX customer_search_incomplete ON customer_search (customer_id) WHERE incomplete",
    "CREATE INDEX customer_search_tariffs ON customer_search USING gin (tariffs) WITH (fastupdate = off)",
    "CREATE INDEX customer_search_words ON customer_search USING gin (words) WITH (fastupdate = off)",
    """
    CREATE INDEX customer_search_document ON customer_search
    USING gin (document gin_trgm_ops) WITH (fastupdate = off)
    """,
    "CREATE INDEX search_word_variants ON search_word USING gin (variants) WITH (fastupdate = off)",
    "CREATE INDEX search_word_parts ON search_word USING gin (word gin_trgm_ops) WITH (fastupdate = off)",
    "CREATE INDEX number_beginning ON number (number text_pattern_ops)",
    "CREATE INDEX number_ending ON number (reverse(number) text_pattern_ops)",
    "CREATE INDEX number_parts ON number USING gin (number gin_trgm_ops) WITH (fastupdate = off)",
)
STATISTICS = tuple(
    f"ALTER TABLE customer_search ALTER COLUMN {name} SET STATISTICS 1000" for name in ("document", "words")
)
"""So that the planner knows parts that very many names have, and does not look them up one by one."""
NEEDLESS = "DROP INDEX number_number"
"""`number_beginning` finds whole numbers too."""
_BATCH = 2_000
_READ = """
    SELECT customer_id, account_number, name, company_name, billing_address, emails, payment_method, vat_rate,
        account_manager, billing_cycle, bill_style, credit_limit, rating,
        (created_at AT TIME ZONE 'Europe/London')::date AS created_on
    FROM customer WHERE customer_id > :after ORDER BY customer_id LIMIT :limit
"""
_PERIODS = """
    SELECT customer_id, effective_from, status FROM status_period WHERE customer_id = ANY(:ids)
    ORDER BY effective_from, period_id
"""


def upgrade() -> None:
    """Make them, fill them from what is there, and index them."""
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    for statement in TABLES:
        op.execute(statement)
    fill(op.get_bind())
    for statement in (*INDEXES, *STATISTICS, NEEDLESS):
        op.execute(statement)


def downgrade() -> None:
    """Remove them, but for the extension, which others may use."""
    op.execute("DROP INDEX number_beginning, number_ending, number_parts")
    op.execute("DROP TABLE search_word, customer_search")
    op.execute("CREATE INDEX number_number ON number (number)")


def fill(connection: Connection) -> None:
    """A row for each customer that is there, and the words of their names."""
    today, after = clock.today(), 0
    while rows := connection.execute(text(_READ), {"after": after, "limit": _BATCH}).mappings().all():
        after = rows[-1]["customer_id"]
        history = _histories(connection, [row["customer_id"] for row in rows])
        _store(connection, [(_customer(row, history), row["created_on"]) for row in rows], today)


def _histories(connection: Connection, ids: list[int]) -> dict[int, list[StatusPeriod]]:
    found: dict[int, list[StatusPeriod]] = {}
    for row in connection.execute(text(_PERIODS), {"ids": ids}).mappings():
        period = StatusPeriod(status=row["status"], effective_from=row["effective_from"])
        found.setdefault(row["customer_id"], []).append(period)
    return found


def _customer(row: Any, history: dict[int, list[StatusPeriod]]) -> Customer:
    plain = ("name", "company_name", "payment_method", "vat_rate", "account_manager", "billing_cycle", "bill_style")
    details = Details(
        **{name: row[name] for name in plain},
        billing_address=Address.model_validate(row["billing_address"]),
        emails=tuple(row["emails"]),
        credit_limit=row["credit_limit"],
        rating=Markups.model_validate(row["rating"]),
    )
    return Customer(row["customer_id"], 1, row["account_number"], details, tuple(history[row["customer_id"]]))


def _store(connection: Connection, customers: Sequence[tuple[Customer, date]], today: date) -> None:
    found = [(listed(customer, today), created_on) for customer, created_on in customers]
    rows = [
        {**vars(row), "words": list(row.words), "tariffs": list(row.tariffs), "created_on": created_on}
        for row, created_on in found
    ]
    columns = ", ".join(rows[0])
    values = ", ".join(f":{name}" for name in rows[0])
    connection.execute(text(f"INSERT INTO customer_search ({columns}) VALUES ({values})"), rows)
    words = sorted({word for customer, _ in customers for word in words_listed(customer)})
    if words:
        statement = text("INSERT INTO search_word VALUES (:word, :variants) ON CONFLICT DO NOTHING")
        connection.execute(statement, [{"word": word, "variants": variants_of(word)} for word in words])
