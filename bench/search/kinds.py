"""The kinds of question that are asked, each of something else every time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from bench.search.filling import MANAGERS

from customers.domain.search import words_of

Path = str
Next = Callable[[bytes], "Path | None"]
"""Of an answer, the path of the question that follows it; None where none does."""
_SAMPLE = 5_000


@dataclass(frozen=True)
class Kind:
    """A kind of question.

    Attributes:
        ask: the path of the next one.
        follow: what is asked after an answer, for pages behind the first.
        found: whether an answer is what it should be: a search that finds nothing is quick.
    """

    name: str
    ask: Callable[[Random], Path]
    follow: Next | None = None
    found: Callable[[Any], bool] = bool


@dataclass(frozen=True)
class Known:
    """Customers and numbers that questions are asked about."""

    customers: list[tuple[int, str, str, str]]
    numbers: list[str]


def sample(database: str) -> Known:
    """Some of those that there are, by chance."""
    with psycopg.connect(database) as connection:
        most = connection.execute("SELECT max(customer_id) FROM customer").fetchone()
        last = connection.execute("SELECT max(number_id) FROM number").fetchone()
        assert most is not None
        assert last is not None
        chance = Random(7)
        ids = [chance.randint(1, most[0]) for _ in range(_SAMPLE)]
        number_ids = [chance.randint(most[0] + 1, last[0]) for _ in range(_SAMPLE)]
        customers = connection.execute(
            "SELECT customer_id, account_number, name, company_name FROM customer WHERE customer_id = ANY(%s)", [ids]
        ).fetchall()
        numbers = connection.execute("SELECT number FROM number WHERE number_id = ANY(%s)", [number_ids]).fetchall()
    return Known(customers, [row[0] for row in numbers])


def kinds(known: Known, extra: Mapping[str, Callable[[list[int]], Path]]) -> list[Kind]:
    """All kinds; the first is the limit: one customer by its key.

    Args:
        known: what is asked about.
        extra: further paths, each made of ids of customers.
    """
    ids = [row[0] for row in known.customers]
    some = [
        Kind("limit: customer by id", lambda chance: f"/customers/{chance.choice(ids)}"),
        *_customers(known),
        *_numbers(known),
        *_lists(),
    ]
    for name, path in extra.items():
        some.append(Kind(name, lambda chance, path=path: path(chance.sample(ids, 20))))  # type: ignore[misc]
    return some


def _search(typed: str) -> Path:
    return f"/search?q={quote(typed)}"


def _hit(answer: Any) -> bool:
    return bool(answer["kind"] != "nothing")


def _customers(known: Known) -> list[Kind]:
    companies = [row[3] for row in known.customers if row[3]]
    makers: dict[str, Callable[[Random], str]] = {
        "account number": lambda chance: chance.choice(known.customers)[1].lower(),
        "account number, part": lambda chance: chance.choice(known.customers)[1][2:6],
        "whole name": lambda chance: chance.choice(known.customers)[2],
        "name, part": lambda chance: _part(chance, chance.choice(known.customers)[2].split()[-1]),
        "company, beginning": lambda chance: chance.choice(companies)[:7],
        "company, part": lambda chance: _part(chance, chance.choice(companies).split()[0]),
        "two words": lambda chance: " ".join(reversed(chance.choice(known.customers)[2].split()[:2])),
        "typing error": lambda chance: _mistyped(chance, _rare(chance, known)),
        "nothing there": lambda chance: "".join(chance.choices("bcdfghjklmnpqrstvwxz", k=8)),
    }
    return [
        Kind(name, lambda chance, make=make: _search(make(chance)), None, bool if name == "nothing there" else _hit)  # type: ignore[misc]
        for name, make in makers.items()
    ]


def _numbers(known: Known) -> list[Kind]:
    makers: dict[str, Callable[[Random], str]] = {
        "number": lambda chance: _national(chance.choice(known.numbers)),
        "number, beginning": lambda chance: _national(chance.choice(known.numbers))[:8],
        "number, last digits": lambda chance: chance.choice(known.numbers)[-6:],
        "number, middle": lambda chance: chance.choice(known.numbers)[5:10],
        "number, mistyped": lambda chance: _swapped(chance, _national(chance.choice(known.numbers))),
    }
    return [Kind(name, lambda chance, make=make: _search(make(chance)), None, _hit) for name, make in makers.items()]  # type: ignore[misc]


def _lists() -> list[Kind]:
    sorts = ("name", "company_name", "account_number", "created_on", "credit_limit", "status", "balance", "tariff")

    def path(chance: Random, **criteria: Any) -> Path:
        order = {"sort": chance.choice(sorts), "direction": chance.choice(("asc", "desc")), "limit": 50}
        return f"/customers/search?{urlencode({**order, **criteria}, doseq=True)}"

    def deeper(answer: bytes) -> Path | None:
        token = json.loads(answer)["next"]
        return None if token is None else f"/customers/search?sort=name&limit=50&after={quote(token)}"

    listed: Callable[[Any], bool] = lambda answer: "items" in answer  # noqa: E731
    return [
        Kind("list, any order", path, None, listed),
        Kind("list, one filter", lambda chance: path(chance, **_filter(chance)), None, listed),
        Kind("list, three filters", lambda chance: path(chance, **_filters(chance)), None, listed),
        Kind("list, next pages", lambda _: "/customers/search?sort=name&limit=50", deeper, listed),
    ]


def _filter(chance: Random) -> dict[str, Any]:
    return chance.choice(
        (
            {"account_manager": chance.choice(MANAGERS)},
            {"status": chance.choice(("final_bill", "dropped", "active"))},
            {"payment_method": chance.choice(("card", "direct_debit"))},
            {"billing_cycle": chance.choice(("quarterly", "manual"))},
            {"tariff": chance.choice(("gold", "wholesale"))},
            {"credit_limit_over": "4500.00"},
            {"incomplete": "true"},
            {"has_email": "false"},
            {"balance_from": "750.00"},
            {"balance": "in_credit"},
            {"created_from": "2019-05-01", "created_to": "2019-05-31"},
            {"name": "son"},
        )
    )


def _filters(chance: Random) -> dict[str, Any]:
    first = {"account_manager": chance.choice(MANAGERS), "status": "active"}
    return {**first, "payment_method": chance.choice(("card", "direct_debit", "bank_transfer"))}


def _part(chance: Random, word: str) -> str:
    """Four letters or more of the middle of a word, where it is so long."""
    if len(word) < 6:
        return word
    begin = chance.randint(1, len(word) - 5)
    return word[begin : chance.randint(begin + 4, len(word))]


def _rare(chance: Random, known: Known) -> str:
    """A long word of a name."""
    for _ in range(20):
        word = max(words_of(chance.choice(known.customers)[2]), key=len)
        if len(word) >= 6:
            return word
    return "brightwater"


def _mistyped(chance: Random, word: str) -> str:
    """A word with a letter wrong, missing, doubled, or swapped with the next."""
    at = chance.randint(1, len(word) - 2)
    head, letter, tail = word[:at], word[at], word[at + 1 :]
    return chance.choice(
        (head + chance.choice("qxz") + tail, head + tail, head + letter * 2 + tail, head + tail[0] + letter + tail[1:])
    )


def _swapped(chance: Random, digits: str) -> str:
    """A number with two neighbours swapped."""
    at = chance.randint(4, len(digits) - 2)
    return digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]


def _national(number: str) -> str:
    return f"0{number[3:]}"
