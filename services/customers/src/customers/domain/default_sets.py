"""Default value sets: what the form for a new customer starts with (SPEC C3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from contracts.customers import Markups
from customers.domain.customers import REFERENCES, Details
from customers.domain.reference import STATUSES, Book
from customers.domain.rules import RuleBroken, within
from customers.domain.texts import quoted
from customers.domain.warnings import Warned

MOST_SETS = 500
_KINDS = {
    **get_type_hints(Details),
    **{name: field.annotation for name, field in Markups.model_fields.items()},
    "account_number": str | None,
    "status": str | None,
    "status_from": date | None,
}
_ADAPTERS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for name, kind in _KINDS.items()}
CODES = {**REFERENCES, "status": STATUSES}
"""The values that are codes of reference lists."""
Values = Mapping[str, Any]
"""Fields of `Details`, the rating choices flat, and `status`: those that have a value here."""


@dataclass(frozen=True)
class DefaultSet:
    """A named set of values; at most one is the default, which the form starts with."""

    set_id: int
    version: int
    name: str
    is_default: bool = False
    values: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """What a form starts or goes on with: values, the set they came from, and what of it was left out and why."""

    values: Values
    default_set: int | None
    warnings: tuple[Warned, ...] = ()


def check_set(values: Values, before: Values, book: Book) -> Values:
    """The values of a set; a code that was chosen earlier may stay when it is retired.

    Raises:
        RuleBroken: a code is not known, or retired.
    """
    with within("values"):
        for name, list_name in CODES.items():
            code = values.get(name)
            if code is not None and code != before.get(name):
                book.require(list_name, code, name)
    return values


def check_count(sets: int) -> None:
    """Raises RuleBroken where there are so many sets that nobody could choose among them."""
    if sets >= MOST_SETS:
        raise RuleBroken("name", f"there are {MOST_SETS} default value sets: remove one that is not used")


def usable(values: Values, book: Book) -> tuple[dict[str, Any], tuple[Warned, ...]]:
    """SPEC C3: the values without codes that were retired since, and what was left out."""
    warned = tuple(_retired(values, book))
    out = {each.field for each in warned}
    return {name: value for name, value in values.items() if name not in out}, warned


def _retired(values: Values, book: Book) -> Iterable[Warned]:
    for name, list_name in CODES.items():
        code = values.get(name)
        entry = book.find(list_name, code) if code is not None else None
        if code is not None and (entry is None or entry.retired):
            yield Warned(name, f"{quoted(code)} was retired in the list {list_name} since, and is left out")


def start_values(chosen: DefaultSet | None, book: Book) -> Start:
    """SPEC C3: what the form starts with: the defaults of the reference lists, and the set's values on top."""
    defaults = {name: book.default(list_name) for name, list_name in CODES.items()}
    return loaded({name: code for name, code in defaults.items() if code is not None}, chosen, book)


def loaded(values: Values, chosen: DefaultSet | None, book: Book) -> Start:
    """SPEC C3: values typed so far with those of a set loaded over them."""
    if chosen is None:
        return Start(values, None)
    over, warned = usable(chosen.values, book)
    return Start({**values, **over}, chosen.set_id, warned)


def as_json(values: Values) -> dict[str, Any]:
    """Values as JSON."""
    return {name: _ADAPTERS[name].dump_python(value, mode="json") for name, value in values.items()}


def from_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of JSON that `as_json` made."""
    return {name: _ADAPTERS[name].validate_python(value) for name, value in values.items()}
