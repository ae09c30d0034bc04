"""What routes share: pages, ids, and money as text."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Generic, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel, Field

T = TypeVar("T")
_PLACES = -6

Limit = Annotated[int, Query(ge=1, le=1000, description="how many items at most")]
After = Annotated[int, Query(ge=0, lt=2**63, description="the last page's `next`")]
Id = Annotated[int, Path(gt=0, lt=2**63)]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Page(BaseModel, Generic[T]):
    """A page of items; `next` is the `after` of the next one, null on the last."""

    items: list[T]
    next: int | None = Field(default=None, examples=[281474976710700])


def page(items: list[T], limit: int, last: int | None) -> Page[T]:
    """A page; a full one may have another behind it."""
    return Page(items=items, next=last if len(items) == limit else None)


def pounds(micro: int | Decimal | None) -> str | None:
    """Micro-pounds as an exact decimal string of pounds; None stays None."""
    return None if micro is None else exact_pounds(micro)


def exact_pounds(micro: int | Decimal) -> str:
    """Micro-pounds as an exact decimal string of pounds, with six places."""
    return format(Decimal(micro).scaleb(_PLACES).quantize(Decimal("0.000001")), "f")
