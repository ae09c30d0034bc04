"""Where a page of a report begins, as a text that the caller sends back as it came."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, TypeVar

from fastapi import Query
from pydantic import BaseModel

from customers.domain.reports import Place, Placed
from service_kit.http import Invalid

Cursor = Annotated[str | None, Query(max_length=2_000, description="the `next` of the page before")]
_LARGEST = 2**63 - 1
_LARGEST_POUNDS = Decimal(10) ** 18
_Row = TypeVar("_Row")
_View = TypeVar("_View", bound=BaseModel)


def next_of(found: Sequence[Placed[_Row]], limit: int, mark: str) -> str | None:
    """The cursor of the next page; None where this one is the last.

    Args:
        mark: what was asked for, so that a cursor of something else is told from it.
    """
    if len(found) < limit:
        return None
    place = found[-1].place
    said = [mark, str(place.value), place.row_id]
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def read(cursor: str | None, mark: str, kind: type[Decimal] | type[str] | type[int]) -> Place | None:
    """The place that a cursor stands for.

    Raises:
        Invalid: it is not a cursor of what is asked for.
    """
    if cursor is None:
        return None
    try:
        said, value, row_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        typed = kind(value)
        if said != mark or not _usable(typed) or not 0 <= int(row_id) <= _LARGEST:
            raise ValueError
        return Place(typed, int(row_id))
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        message = "is not the `next` of a page of this report in this order: begin again without it"
        raise Invalid(f"after: {message}", errors=[{"field": "after", "message": message}]) from None


def _usable(value: Decimal | str | int) -> bool:
    match value:
        case str():
            return "\x00" not in value and bool(value.encode() or not value)
        case Decimal():
            return value.is_infinite() or (value.is_finite() and abs(value) <= _LARGEST_POUNDS)
    return 0 <= value <= _LARGEST
