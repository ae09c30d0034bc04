"""What is shown of a customer wherever it is linked (SPEC F3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from customers.domain.rules import RuleBroken

MOST_CARDS = 200
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Named:
    """A customer as a link shows it: named, and coloured by its status of today."""

    customer_id: int
    account_number: str
    name: str
    company_name: str
    status: str
    status_name: str
    status_colour: str | None
    account_manager: str | None
    account_manager_name: str | None


@dataclass(frozen=True)
class Card(Named):
    """SPEC F3: what a link shows on hover.

    Attributes:
        balance: pounds; what the customer owes is positive; None where invoicing has told none yet.
        numbers: how many are open, today or from a later day on.
    """

    balance: Decimal | None
    currency: str
    numbers: int


@dataclass(frozen=True)
class Cards:
    """Those that there are, in the order in which they were asked for, and the ids of which there is none."""

    items: tuple[Card, ...]
    unknown: tuple[int, ...]


def read_ids(typed: str) -> list[int]:
    """Ids as they were asked for, separated by commas, each once.

    Raises:
        RuleBroken: one is not an id, or there are too many or none.
    """
    words = [word.strip() for word in typed.split(",") if word.strip()]
    for word in words:
        if not (word.isascii() and word.isdigit() and 0 < int(word[:20]) <= LARGEST_ID):
            raise RuleBroken("ids", f"'{word[:40]}' is not a customer's id: give whole numbers, like 1042,1043")
    ids = list(dict.fromkeys(map(int, words)))
    if not 0 < len(ids) <= MOST_CARDS:
        raise RuleBroken("ids", f"there are {len(ids)} ids: ask for 1 to {MOST_CARDS} at once, separated by commas")
    return ids


def in_asked_order(ids: Sequence[int], found: Mapping[int, Card]) -> Cards:
    """The cards that were found of those that were asked for."""
    items = tuple(found[each] for each in ids if each in found)
    return Cards(items, tuple(each for each in ids if each not in found))
