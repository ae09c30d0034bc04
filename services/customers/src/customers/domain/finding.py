"""What a typed text may mean, and what was found by it (SPEC F1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import phonenumbers

from customers.domain.search import SHORTEST_PART, correctable, key_of, needed_words, words_of
from customers.domain.values import HOME_REGION, LONGEST_NUMBER

Match = Literal["exact", "part", "similar"]
Kind = Literal["customer", "number", "customers", "numbers", "both", "nothing"]

HOME_CODE = str(phonenumbers.country_code_for_region(HOME_REGION))
MOST_WORDS = 8
LONG_PART = 5
"""Characters: so many together are looked up in an index of parts, whatever is thought of how many have them."""
_PHONE = re.compile(r"\+?[\d\s().\-/–—]+", re.ASCII)


@dataclass(frozen=True)
class Digits:
    """Digits that may be a number or a part of one.

    Attributes:
        part: as typed, for what stands inside or at the end of a number.
        starts: the same as numbers are kept that begin so, with the country's code and without the plus sign.
    """

    part: str
    starts: tuple[str, ...]

    @property
    def exact(self) -> list[str]:
        """The numbers, as they are kept, that these are all digits of."""
        return [*(f"+{start}" for start in self.starts), self.part]


@dataclass(frozen=True)
class Wanted:
    """A typed text as it is searched.

    Attributes:
        key: all its words as one.
        words: those that must be found.
        digits: None where it cannot be a phone number.
    """

    key: str
    words: tuple[str, ...]
    digits: Digits | None

    @property
    def is_short(self) -> bool:
        """Whether only beginnings are looked for."""
        return len(self.key) < SHORTEST_PART

    @property
    def is_rare(self) -> bool:
        """Whether few can have it, so that looking through all for the first ones takes long."""
        digits = () if self.digits is None else (self.digits.part,)
        return max(map(len, (*self.words, *digits)), default=0) >= LONG_PART

    @property
    def is_of_words(self) -> bool:
        """Whether each word can be a part of a name's: nothing with digits, which account numbers have too."""
        return all(correctable(word) and word.isalpha() for word in self.words)

    @property
    def parts(self) -> tuple[str, ...]:
        """The words that are long enough to be looked for anywhere."""
        return tuple(word for word in self.words if len(word) >= SHORTEST_PART)

    @property
    def correctable(self) -> bool:
        """Whether typing errors are looked for."""
        return any(map(correctable, self.words))


def read_wanted(typed: str) -> Wanted:
    """Read what was typed into the search box."""
    return Wanted(key_of(typed), needed_words(words_of(typed))[:MOST_WORDS], read_digits(typed))


def read_digits(typed: str) -> Digits | None:
    """A phone number or a part of one in any spelling; None where it is none.

    `020 7946`, `+44 (0)20 7946` and `0044 20 7946` begin the same numbers.
    """
    typed = typed.strip()
    digits = re.sub(r"\D", "", typed, flags=re.ASCII)
    if not _PHONE.fullmatch(typed) or not 0 < len(digits) <= LONGEST_NUMBER + 3:
        return None
    if typed.startswith("+") or digits.startswith("00"):
        starts = [_without_trunk_zero(digits.removeprefix("00"))]
    elif digits.startswith("0"):
        starts = [HOME_CODE + digits[1:]]
    else:
        starts = [_without_trunk_zero(digits), HOME_CODE + digits]
    return Digits(digits, tuple(start for start in dict.fromkeys(starts) if start))


def _without_trunk_zero(digits: str) -> str:
    """`44 (0)20` is `44 20`."""
    trunk = f"{HOME_CODE}0"
    return HOME_CODE + digits.removeprefix(trunk) if digits.startswith(trunk) else digits


@dataclass(frozen=True)
class Status:
    """A customer's status today, as it is shown; `name` is the code where no entry has it."""

    code: str
    name: str
    colour: str | None


@dataclass(frozen=True)
class FoundCustomer:
    """A customer that was found, and how. Its status is today's, named by its code where no entry has it."""

    customer_id: int
    account_number: str
    name: str
    company_name: str
    status: str
    status_name: str
    status_colour: str | None
    match: Match


@dataclass(frozen=True)
class FoundNumber:
    """A number that was found, with the customer that holds or held it."""

    number_id: int
    number: str
    label: str
    number_type: str
    start: date
    end: date | None
    is_present: bool
    customer: FoundCustomer
    match: Match


@dataclass(frozen=True)
class Found:
    """The answer to a search, best first.

    Attributes:
        kind: what there is to show: one page to go to, or lists.
        more_customers, more_numbers: whether there are others beside those of the list.
        tried: in words what was looked for, where nothing was found.
        meant: the words that were taken for what was meant, where typing errors were.
    """

    kind: Kind
    customers: tuple[FoundCustomer, ...] = ()
    numbers: tuple[FoundNumber, ...] = ()
    more_customers: bool = False
    more_numbers: bool = False
    tried: tuple[str, ...] = ()
    meant: tuple[str, ...] = ()


def kind_of(customers: Sequence[FoundCustomer], numbers: Sequence[FoundNumber]) -> Kind:
    """SPEC F1: one customer or one number is gone to, several are a list, both kinds are one list in two groups."""
    if customers and numbers:
        return "both"
    if customers:
        return "customer" if len(customers) == 1 else "customers"
    if numbers:
        return "number" if len(numbers) == 1 else "numbers"
    return "nothing"


def in_order(numbers: Sequence[FoundNumber]) -> list[FoundNumber]:
    """Exact ones before parts, those held today before those that ended, of these the latest first."""
    rank = {"exact": 0, "part": 1, "similar": 2}
    return sorted(
        numbers,
        key=lambda each: (
            rank[each.match],
            not each.is_present,
            -(each.end or date.max).toordinal(),
            each.number,
            each.number_id,
        ),
    )


def words_tried(wanted: Wanted) -> tuple[str, ...]:
    """What was looked for, for who found nothing."""
    how = "beginning with" if wanted.is_short else "containing"
    tried = [f"customers with an account number, name or company name {how} '{' '.join(wanted.words)}'"]
    if wanted.digits is not None:
        tried.append(f"numbers {how} {wanted.digits.part}")
    if wanted.correctable:
        tried.append("similar names")
    return tuple(tried)
