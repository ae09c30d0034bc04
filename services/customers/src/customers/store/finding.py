"""SmartSearch in the database (SPEC F1): few, bounded questions, each answered by an index.

The branches of a question are looked through in their order, best first, and only until there are enough: what is
common is found by its beginning at once, what is rare is found by its rarest three characters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.domain.finding import Digits, FoundCustomer, FoundNumber, Match, Wanted
from customers.domain.search import SHORTEST_PART, mistyped, variants_of

_PREPARE = text(
    """
    SELECT set_config('transaction_read_only', 'on', true),
        set_config('max_parallel_workers_per_gather', '0', true),
        set_config('statement_timeout', :milliseconds, true),
        set_config('plan_cache_mode', :plans, true),
        EXISTS (SELECT FROM customer_search WHERE status_until < :today) AS stale,
        (SELECT jsonb_object_agg(code, jsonb_build_array(name, attributes ->> 'colour'))
         FROM reference_entry WHERE list = 'statuses') AS statuses
    """
)
_PLANNED = (
    "(SELECT set_config('plan_cache_mode', :plans, true), set_config('enable_seqscan', :look_through, true)) AS planned"
)
"""How what follows is planned: of short parts for their values, as statistics know which are common and soon met;
others once for all, by indexes."""
LONGEST_QUESTION_MS = 2_000
_CANDIDATES = 60
_CORRECTIONS = 400

Statuses = Mapping[str, tuple[str, str | None]]
"""Name and colour of each status."""

_SHOWN = "s.customer_id, s.account_number, s.name, s.company_name, s.status"
_NUMBER = f'n.number_id, n.number, n.label, n.number_type, n.start, n."end", {_SHOWN}'


async def prepare(connection: AsyncConnection, today: date, *, by_values: bool) -> tuple[bool, Statuses]:
    """Make a transaction ready for searching: read only, bounded, and with one plan for each kind of question.

    Args:
        connection: in a transaction.
        today: the local date.
        by_values: whether each question gets a plan for its values instead: where statistics know which are rare.

    Returns:
        Whether planned changes of status have come that were not entered, and the statuses.
    """
    plans = "force_custom_plan" if by_values else "force_generic_plan"
    values = {"milliseconds": str(LONGEST_QUESTION_MS), "today": today, "plans": plans}
    row = (await connection.execute(_PREPARE, values)).one()
    return bool(row.stale), row.statuses or {}


async def customers_beginning(
    connection: AsyncConnection, wanted: Wanted, statuses: Statuses, limit: int
) -> list[FoundCustomer]:
    """Customers whose account number, name or company name is or begins with what is wanted, whole ones first.

    What is asked after it in the transaction is planned for its values where what is wanted is short.
    """
    values: dict[str, Any] = {"key": wanted.key, "after": _after(wanted.key), "limit": limit}
    values["look_through"] = "off" if wanted.is_rare else "on"
    values["plans"] = "force_generic_plan" if wanted.is_rare else "force_custom_plan"
    rows = [row for row in await connection.execute(_BEGINNING, values) if row.customer_id is not None]
    return _customers(rows, statuses, lambda row: "exact" if row.place <= 1 else "part")


_BEGINS = {name: f"{name} >= :key AND {name} < :after" for name in ("account_key", "name_key", "company_key")}
_NOT_EXACT = "name_key <> :key AND company_key <> :key AND account_key <> :key"


def _branch(place: int, *conditions: str) -> str:
    where = " AND ".join(f"({each})" for each in conditions)
    return f"(SELECT {place} AS place, {_SHOWN} FROM customer_search AS s WHERE {where} LIMIT :limit)"


_BEGINNING = text(
    "SELECT begun.* FROM "
    + _PLANNED
    + " LEFT JOIN ("
    + " UNION ALL ".join(
        (
            _branch(0, "account_key = :key"),
            _branch(1, "name_key = :key OR company_key = :key", "account_key <> :key"),
            _branch(2, _BEGINS["account_key"], _NOT_EXACT),
            _branch(3, _BEGINS["name_key"], f"NOT ({_BEGINS['account_key']})", _NOT_EXACT),
            _branch(
                4,
                _BEGINS["company_key"],
                f"NOT ({_BEGINS['account_key']})",
                f"NOT ({_BEGINS['name_key']})",
                _NOT_EXACT,
            ),
        )
    )
    + " LIMIT :limit) AS begun ON true"
)


async def customers_containing(
    connection: AsyncConnection, wanted: Wanted, statuses: Statuses, limit: int, *, besides: Sequence[int]
) -> list[FoundCustomer]:
    """Customers with all words as beginnings of words, then with all of them or the whole text as parts."""
    values: dict[str, Any] = {"any": f"%{wanted.key}%", "limit": limit, "besides": list(besides)}
    values["words"] = list(wanted.words)
    values |= {f"begin{at}": f"% {word}%" for at, word in enumerate(wanted.words)}
    values |= {f"part{at}": f"%{word}%" for at, word in enumerate(wanted.words)}
    words = " AND ".join(f"s.document LIKE :begin{at}" for at in range(len(wanted.words)))
    others = "s.customer_id <> ALL(:besides)"
    if len(wanted.words) > 1:  # few have them all: one look for parts is less than two
        inside = f"SELECT CASE WHEN {words} THEN 0 ELSE 1 END AS place, {_SHOWN} FROM customer_search AS s"
        whole = _branch(0, _WHOLE, others)
        rest = f"({inside} WHERE ({_inside(wanted)}) AND NOT ({_WHOLE}) AND {others} ORDER BY place LIMIT :limit)"
        question = f"{whole} UNION ALL {rest} LIMIT :limit"
    else:
        branches = (_branch(0, words, others), _branch(1, _inside(wanted), f"NOT ({words})", others))
        question = f"{' UNION ALL '.join(branches)} LIMIT :limit"
    rows = await connection.execute(_statement(question), values)
    return _customers(rows, statuses, lambda _: "part")


_WHOLE = "s.words @> CAST(:words AS text[])"


def _inside(wanted: Wanted) -> str:
    """All of it in one piece, or each of its words somewhere; a short word only where others are rarer."""
    whole = "s.document LIKE :any"
    if not wanted.parts or wanted.parts == (wanted.key,):
        return whole
    each = [
        f"s.document LIKE :{'part' if word in wanted.parts else 'begin'}{at}" for at, word in enumerate(wanted.words)
    ]
    return f"{whole} OR ({' AND '.join(each)})"


async def words_having(connection: AsyncConnection, parts: Sequence[str]) -> list[list[str]] | None:
    """For each part the words of names that have it: the word itself, then those that begin with it, then others.

    Names are looked for by whole words, of which there are few: that is quicker than by what all documents contain.

    Returns:
        None where a part is so common that it is met sooner by looking through the customers themselves.
    """
    rows = await connection.execute(_WORDS_HAVING, {"parts": [f"%{part}%" for part in parts]})
    found: list[list[str]] = [[] for _ in parts]
    for row in rows:
        found[row.place - 1].append(row.word)
    if max(map(len, found)) > _MOST_WORDS:
        return None
    return [
        sorted(words, key=lambda word: (word != part, not word.startswith(part), word))
        for part, words in zip(parts, found, strict=True)
    ]


_MOST_WORDS = 100
_WORDS_HAVING = text(
    f"""
    SELECT place, word FROM unnest(CAST(:parts AS text[])) WITH ORDINALITY AS typed (part, place)
    CROSS JOIN LATERAL (SELECT word FROM search_word WHERE word LIKE part LIMIT {_MOST_WORDS + 1}) AS had
    """
)


async def customers_of_words(
    connection: AsyncConnection,
    choices: Sequence[Sequence[str]],
    statuses: Statuses,
    limit: int,
    *,
    besides: Sequence[int],
) -> list[FoundCustomer]:
    """Customers whose names have, for each of the choices, one of its words; those with all first words come first."""
    values: dict[str, Any] = {"limit": limit, "besides": list(besides), "first": [words[0] for words in choices]}
    if len(choices) == 1:
        values["words"] = choices[0]
        rows = await connection.execute(_OF_ONE_WORD, values)
        return _customers(rows, statuses, lambda _: "part")
    values |= {f"words{at}": list(words) for at, words in enumerate(choices)}
    others = "s.customer_id <> ALL(:besides)"
    first = "s.words @> CAST(:first AS text[])"
    branches = [_branch(0, first, others)]
    if any(len(words) > 1 for words in choices):
        each = [f"s.words && CAST(:words{at} AS text[])" for at in range(len(choices))]
        branches.append(_branch(1, *each, f"NOT ({first})", others))
    question = branches[0] if len(branches) == 1 else f"{' UNION ALL '.join(branches)} LIMIT :limit"
    rows = await connection.execute(_statement(question), values)
    return _customers(rows, statuses, lambda _: "part")


# Word by word, only until there are enough; a customer is met by the first of its words.
_OF_ONE_WORD = text(
    f"""
    SELECT LEAST(place, 2) AS place, {_SHOWN}
    FROM unnest(CAST(:words AS text[])) WITH ORDINALITY AS had (word, place)
    CROSS JOIN LATERAL (
        SELECT * FROM customer_search AS s
        WHERE s.words @> ARRAY[word] AND s.customer_id <> ALL(:besides)
          AND NOT s.words && (CAST(:words AS text[]))[1 \\: CAST(place AS int) - 1]
        LIMIT :limit
    ) AS s
    LIMIT :limit
    """
)


async def customers_with_piece(
    connection: AsyncConnection, wanted: Wanted, statuses: Statuses, limit: int, *, besides: Sequence[int]
) -> list[FoundCustomer]:
    """Customers with all that is wanted in one piece, wherever words begin and end."""
    values = {"any": f"%{wanted.key}%", "besides": list(besides), "limit": limit}
    return _customers(await connection.execute(_WITH_PIECE, values), statuses, lambda _: "part")


_WITH_PIECE = text(_branch(0, "s.document LIKE :any", "s.customer_id <> ALL(:besides)"))


def _after(key: str) -> str:
    """The first text behind all that begin with a key, byte by byte."""
    return key + "\U0010ffff"


async def customers_of_account(
    connection: AsyncConnection, keys: Sequence[str], statuses: Statuses
) -> list[FoundCustomer]:
    """Those whose account number, as it is compared, is one of these that may have been meant."""
    rows = await connection.execute(_OF_ACCOUNT, {"keys": list(keys), "limit": _CANDIDATES})
    return _customers(rows, statuses, lambda _: "similar")


_OF_ACCOUNT = text(_branch(0, "account_key = ANY(:keys)"))


async def numbers_among(
    connection: AsyncConnection, numbers: Sequence[str], statuses: Statuses, today: date, match: Match
) -> list[FoundNumber]:
    """Those that are one of these numbers, as they are kept; all their holders, past ones too."""
    rows = await connection.execute(_AMONG, {"numbers": list(numbers), "limit": _CANDIDATES})
    return _numbers(rows, statuses, today, match)


def _numbers_branch(place: int, where: str) -> str:
    """Numbers are limited before their customers are looked up: each has one."""
    some = f"(SELECT * FROM number AS n WHERE {where} LIMIT :limit) AS n"
    return f"(SELECT {place} AS place, {_NUMBER} FROM {some} JOIN customer_search AS s USING (customer_id))"


_AMONG = text(_numbers_branch(0, "n.number = ANY(:numbers)"))


async def numbers_at_an_end(
    connection: AsyncConnection, digits: Digits, statuses: Statuses, today: date, limit: int, *, ending: bool
) -> list[FoundNumber]:
    """Numbers that are digits, all their holders; where there are none, numbers that begin with digits or, where that
    is wanted, end with them; at most `limit` of each.
    """
    begins = [*(f"+{each}" for each in digits.starts), digits.part]
    values: dict[str, Any] = {"limit": limit, "back": digits.part[::-1], "back_after": _after(digits.part[::-1])}
    values |= {"numbers": digits.exact}
    branches = [_numbers_branch(-1, "n.number = ANY(:numbers)").replace(":limit", str(_CANDIDATES))]
    for at, start in enumerate(begins):
        values |= {f"from{at}": start, f"to{at}": _after(start)}
        where = f"n.number ~>=~ :from{at} AND n.number ~<~ :to{at}"
        branches.append(_numbers_branch(at, where))
    if ending:
        where = "reverse(n.number) ~>=~ :back AND reverse(n.number) ~<~ :back_after"
        branches.append(_numbers_branch(len(begins), where))
    rows = (await connection.execute(_statement(" UNION ALL ".join(branches)), values)).all()
    exact = [row for row in rows if row.place < 0]
    return _numbers(exact, statuses, today, "exact") if exact else _numbers(rows, statuses, today, "part")


async def numbers_containing(
    connection: AsyncConnection, digits: Digits, statuses: Statuses, today: date, limit: int
) -> list[FoundNumber]:
    """Numbers with digits anywhere, in no order."""
    rows = await connection.execute(_CONTAINING, {"part": f"%{digits.part}%", "limit": limit})
    return _numbers(rows, statuses, today, "part")


_CONTAINING = text(_numbers_branch(0, "n.number LIKE :part"))


async def words_like(connection: AsyncConnection, words: Sequence[str]) -> list[str]:
    """Words of names that one typing error may lie between and one of these, and a few more besides."""
    variants = [each for word in words for each in variants_of(word)]
    return list((await connection.execute(_WORDS_LIKE, {"variants": variants})).scalars())


_WORDS_LIKE = text(f"SELECT word FROM search_word WHERE variants && CAST(:variants AS int[]) LIMIT {_CORRECTIONS}")


async def words_resembling(connection: AsyncConnection, word: str) -> list[str]:
    """Words of names that have many groups of three letters in common with this one, the nearest first."""
    statement = text("SELECT word FROM search_word WHERE word % :word ORDER BY similarity(word, :word) DESC LIMIT 20")
    return list((await connection.execute(statement, {"word": word})).scalars())


async def customers_with_words(
    connection: AsyncConnection, choices: Sequence[tuple[str, Sequence[str]]], statuses: Statuses, limit: int
) -> list[FoundCustomer]:
    """Customers whose names have, for each of the choices, the part that was typed or one of the words meant by it."""
    values: dict[str, Any] = {"limit": limit}
    conditions = []
    for at, (typed, words) in enumerate(choices):
        values |= {f"part{at}": f"%{typed}%" if len(typed) >= SHORTEST_PART else f"% {typed}%"}
        values |= {f"words{at}": list(words)}
        part, whole = f"s.document LIKE :part{at}", f"s.words && CAST(:words{at} AS text[])"
        # One word alone was looked for as a part before.
        conditions.append(whole if len(choices) == 1 else f"{part} OR {whole}" if words else part)
    rows = await connection.execute(_statement(_branch(0, *conditions)), values)
    return _customers(rows, statuses, lambda _: "similar")


def account_corrections(key: str) -> list[str]:
    """Account numbers that may have been meant by one that is not there.

    What has no digit is hardly one: of it only letters that are swapped or too many are put right.
    """
    letters = {letter for letter in key if letter.isalpha()}
    return mistyped(key, "0123456789" + "".join(sorted(letters)) if len(letters) < len(set(key)) else "")


def number_corrections(digits: Digits) -> list[str]:
    """Numbers, as they are kept, that may have been meant by one that is not there."""
    return [f"+{each}" for start in digits.starts for each in mistyped(start, "0123456789")]


def _customers(rows: Iterable[Any], statuses: Statuses, match: Callable[[Any], Match]) -> list[FoundCustomer]:
    """In their order of places, of one place by name."""
    in_order = sorted(rows, key=lambda row: (row.place, row.name.casefold(), row.customer_id))
    return [_customer(row, statuses, match(row)) for row in in_order]


def _customer(row: Any, statuses: Statuses, match: Match) -> FoundCustomer:
    return FoundCustomer(
        row.customer_id,
        row.account_number,
        row.name,
        row.company_name,
        row.status,
        *status_shown(row.status, statuses),
        match,
    )


def status_shown(code: str, statuses: Statuses) -> tuple[str, str | None]:
    """A status's name and colour; its code where no entry has it."""
    name, colour = statuses.get(code, (code, None))
    return name, colour


def _numbers(rows: Iterable[Any], statuses: Statuses, today: date, match: Match) -> list[FoundNumber]:
    return [
        FoundNumber(
            number_id=row.number_id,
            number=row.number,
            label=row.label,
            number_type=row.number_type,
            start=row.start,
            end=row.end,
            is_present=row.start <= today and (row.end is None or row.end >= today),
            customer=_customer(row, statuses, match),
            match=match,
        )
        for row in rows
    ]


_statements: dict[str, TextClause] = {}


def _statement(whole: str) -> TextClause:
    """The statement, parsed once: there are as many as numbers of words."""
    if whole not in _statements:
        if len(_statements) >= _CANDIDATES:
            _statements.clear()
        _statements[whole] = text(whole)
    return _statements[whole]
