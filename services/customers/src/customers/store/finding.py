"""SmartSearch in the database (SPEC F1): few, bounded questions, each answered by an index.

The branches of a question are looked through in their order, best first, and only until there are enough: what is
common is found by its beginning at once, what is rare is found by its rarest three characters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.finding import Digits, FoundCustomer, FoundNumber, Match, Status, Wanted
from customers.domain.search import SHORTEST_PART, mistyped, variants_of

_PLANNED_ANEW = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true),"
    " set_config('max_parallel_workers_per_gather', '0', true),"
    " set_config('statement_timeout', :milliseconds, true),"
    " EXISTS (SELECT FROM customer_search WHERE status_until < :today)"
)
"""A plan depends on what is looked for: which parts are rare is known from the table's statistics."""
LONGEST_QUESTION_MS = 2_000
_CANDIDATES = 60
_CORRECTIONS = 400

_SHOWN = """
    c.customer_id, c.account_number, c.name, c.company_name, s.status, e.name AS status_name,
    e.attributes ->> 'colour' AS status_colour
"""
_WITH_STATUS = """
    JOIN customer AS c ON c.customer_id = h.customer_id
    JOIN customer_search AS s ON s.customer_id = h.customer_id
    LEFT JOIN reference_entry AS e ON e.list = 'statuses' AND e.code = s.status
"""
_NUMBERS = f"""
    SELECT h.number_id, h.number, h.label, h.number_type, h.start, h."end", {_SHOWN}
    FROM ({{hits}}) AS h {_WITH_STATUS}
"""
_CUSTOMERS = f"SELECT h.place, {_SHOWN} FROM ({{hits}}) AS h {_WITH_STATUS} ORDER BY h.place, s.name, s.customer_id"
_NUMBER = 'n.number_id, n.customer_id, n.number, n.label, n.number_type, n.start, n."end"'


async def prepare(connection: AsyncConnection, today: date) -> bool:
    """Make the transaction ready for searching. Returns whether planned changes of status have come since."""
    values = {"milliseconds": str(LONGEST_QUESTION_MS), "today": today}
    return bool((await connection.execute(_PLANNED_ANEW, values)).one()[3])


async def customers_of_account(connection: AsyncConnection, keys: Sequence[str], match: Match) -> list[FoundCustomer]:
    """Those whose account number, as it is compared, is one of these."""
    hits = f"SELECT 0 AS place, customer_id FROM customer_search WHERE account = ANY(:keys) LIMIT {_CANDIDATES}"
    return await _customers(connection, hits, {"keys": list(keys)}, match)


async def numbers_exactly(
    connection: AsyncConnection, numbers: Sequence[str], today: date, match: Match
) -> list[FoundNumber]:
    """Those that are one of these numbers, as they are kept; all their holders, past ones too."""
    hits = f"SELECT {_NUMBER} FROM number AS n WHERE n.number = ANY(:numbers) LIMIT {_CANDIDATES}"
    return await _numbers(connection, hits, {"numbers": list(numbers)}, today, match)


async def customers_like(connection: AsyncConnection, wanted: Wanted, limit: int) -> list[FoundCustomer]:
    """Customers by the beginning of a name, then of words, then by parts; at most `limit` of them."""
    values: dict[str, Any] = {"key": wanted.key, "after": _after(wanted.key), "any": f"%{wanted.key}%", "limit": limit}
    values |= {f"begin{at}": f"% {word}%" for at, word in enumerate(wanted.words)}
    values |= {f"part{at}": f"%{word}%" for at, word in enumerate(wanted.words)}
    return await _customers(connection, _customer_branches(wanted), values, "part", exact=wanted.key)


def _customer_branches(wanted: Wanted) -> str:
    begins = {name: f"{name} >= :key AND {name} < :after" for name in ("account", "name", "company")}
    words = " AND ".join(f"document LIKE :begin{at}" for at in range(len(wanted.words)))
    branches = [
        _branch(0, "name = :key OR company = :key OR account = :key"),
        *(
            _branch(place, begins[name], *(f"NOT ({begins[other]})" for other in list(begins)[: place - 1]), _NOT_EXACT)
            for place, name in enumerate(begins, 1)
        ),
        _branch(4, words, _NO_BEGINNING),
    ]
    if not wanted.is_short:
        branches.append(_branch(5, f"({_inside(wanted)})", f"NOT ({words})", _NO_BEGINNING))
    return f"{' UNION ALL '.join(branches)} LIMIT :limit"


_NOT_EXACT = "name <> :key AND company <> :key AND account <> :key"
_NO_BEGINNING = " AND ".join(f"NOT ({name} >= :key AND {name} < :after)" for name in ("account", "name", "company"))


def _inside(wanted: Wanted) -> str:
    """All of it in one piece, or each of its words somewhere; a short word only where others are rarer."""
    whole = "document LIKE :any"
    if not wanted.parts or wanted.parts == (wanted.key,):
        return whole
    each = [f"document LIKE :{'part' if word in wanted.parts else 'begin'}{at}" for at, word in enumerate(wanted.words)]
    return f"{whole} OR ({' AND '.join(each)})"


def _branch(place: int, *conditions: str) -> str:
    where = " AND ".join(f"({each})" for each in conditions)
    return f"(SELECT {place} AS place, customer_id FROM customer_search WHERE {where} LIMIT :limit)"


def _after(key: str) -> str:
    """The first text behind all that begin with a key, byte by byte."""
    return key + "\U0010ffff"


async def numbers_like(
    connection: AsyncConnection, digits: Digits, today: date, limit: int, *, inside: bool
) -> list[FoundNumber]:
    """Numbers that begin or end with digits, or have them inside; in no order, at most `limit` or a few more."""
    values: dict[str, Any] = {"part": f"%{digits.part}%", "end": _after(digits.part[::-1]), "limit": limit}
    values["back"] = digits.part[::-1]
    begins = []
    for at, start in enumerate((*(f"+{each}" for each in digits.starts), digits.part)):
        values |= {f"from{at}": start, f"to{at}": _after(start)}
        begins.append(f"(n.number ~>=~ :from{at} AND n.number ~<~ :to{at})")
    begin, end = " OR ".join(begins), "reverse(n.number) ~>=~ :back AND reverse(n.number) ~<~ :end"
    branches = [*begins] if not inside else [*begins, f"{end} AND NOT ({begin})"]
    if inside:
        branches.append(f"n.number LIKE :part AND NOT ({begin}) AND NOT ({end})")
    hits = " UNION ALL ".join(f"(SELECT {_NUMBER} FROM number AS n WHERE {each} LIMIT :limit)" for each in branches)
    return await _numbers(connection, f"{hits} LIMIT :limit", values, today, "part")


async def words_like(connection: AsyncConnection, word: str) -> list[str]:
    """Words of names that one typing error may lie between, and a few more besides."""
    statement = text(f"SELECT word FROM search_word WHERE variants && CAST(:variants AS int[]) LIMIT {_CORRECTIONS}")
    return list((await connection.execute(statement, {"variants": variants_of(word)})).scalars())


async def words_resembling(connection: AsyncConnection, word: str) -> list[str]:
    """Words of names that have many groups of three letters in common with this one, the nearest first."""
    statement = text("SELECT word FROM search_word WHERE word % :word ORDER BY similarity(word, :word) DESC LIMIT 20")
    return list((await connection.execute(statement, {"word": word})).scalars())


async def customers_with_words(
    connection: AsyncConnection, choices: Sequence[tuple[str, Sequence[str]]], limit: int
) -> list[FoundCustomer]:
    """Customers whose names have, for each of the choices, the part that was typed or one of the words meant by it."""
    values: dict[str, Any] = {"limit": limit}
    conditions = []
    for at, (typed, words) in enumerate(choices):
        patterns = [f"%{typed}%" if len(typed) >= SHORTEST_PART else f"% {typed}%", *(f"% {word} %" for word in words)]
        values |= {f"word{at}_{number}": pattern for number, pattern in enumerate(patterns)}
        conditions.append(" OR ".join(f"document LIKE :word{at}_{number}" for number in range(len(patterns))))
    return await _customers(connection, _branch(0, *conditions), values, "similar")


def account_corrections(key: str) -> list[str]:
    """Account numbers that may have been meant by one that is not there."""
    return mistyped(key, "0123456789" + "".join(sorted({letter for letter in key if letter.isalpha()})))


def number_corrections(digits: Digits) -> list[str]:
    """Numbers, as they are kept, that may have been meant by one that is not there."""
    return [f"+{each}" for start in digits.starts for each in mistyped(start, "0123456789")]


async def _customers(
    connection: AsyncConnection, hits: str, values: Mapping[str, Any], match: Match, *, exact: str | None = None
) -> list[FoundCustomer]:
    rows = await connection.execute(_statement(_CUSTOMERS, hits), values)
    return [_customer(row, "exact" if exact is not None and row.place == 0 else match) for row in rows]


async def _numbers(
    connection: AsyncConnection, hits: str, values: Mapping[str, Any], today: date, match: Match
) -> list[FoundNumber]:
    rows = await connection.execute(_statement(_NUMBERS, hits), values)
    return [
        FoundNumber(
            number_id=row.number_id,
            number=row.number,
            label=row.label,
            number_type=row.number_type,
            start=row.start,
            end=row.end,
            is_present=row.start <= today and (row.end is None or row.end >= today),
            customer=_customer(row, match),
            match=match,
        )
        for row in rows
    ]


_statements: dict[str, TextClause] = {}


def _statement(frame: str, hits: str) -> TextClause:
    """The statement for these hits, parsed once: there are as many as numbers of words."""
    whole = frame.format(hits=hits)
    if whole not in _statements:
        _statements[whole] = text(whole)
    return _statements[whole]


def _customer(row: Any, match: Match) -> FoundCustomer:
    return FoundCustomer(
        customer_id=row.customer_id,
        account_number=row.account_number,
        name=row.name,
        company_name=row.company_name,
        status=Status(row.status, row.status_name or row.status, row.status_colour),
        match=match,
    )
