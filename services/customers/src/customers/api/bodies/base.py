"""What every body has in common, and the parameters of lists."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import date
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from contracts.base import Contract

Limit = Annotated[int, Field(ge=1, le=1000, description="the most items")]
After = Annotated[int, Field(ge=0, lt=2**63, description="the `next` of the page before")]


EARLIEST, LATEST = date(1990, 1, 1), date(2199, 12, 31)
_ISO = re.compile(r"\s*\d{4}-\d{2}-\d{2}\s*")


def _written_as_day(sent: Any) -> Any:
    """Else a number would be read as seconds since 1970."""
    if isinstance(sent, date) or (isinstance(sent, str) and _ISO.fullmatch(sent)):
        return sent
    raise ValueError("write a day as YYYY-MM-DD, for example 2026-04-01")


def _in_range(day: date) -> date:
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"{day} is out of range: a day is from {EARLIEST} to {LATEST}")
    return day


AnyDay = Annotated[date, BeforeValidator(_written_as_day)]
"""A local date as it is sent, of any year."""
Day = Annotated[AnyDay, AfterValidator(_in_range)]
"""The same, of a year that business is done in."""


def absent_is_left_alone(schema: dict[str, Any]) -> None:
    """For the schema of a body whose absent fields say nothing: a client that sent defaults would change them all."""
    for described in schema["properties"].values():
        described.pop("default", None)


class Body(BaseModel):
    """Refuses what it does not know: a field that is spelled wrong must not be lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, sent: Any) -> Any:
        found = (*_cannot_be_kept(sent, ()), *_passed_over(cls, sent, ()))
        wrong = [InitErrorDetails(type=what, loc=path, input=None) for what, path in found]
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return sent

    def given(self, leaving_out: Collection[str] = ()) -> dict[str, Any]:
        """The fields that were sent, as values."""
        wanted = self.model_fields_set - set(leaving_out)
        return {name: getattr(self, name) for name in type(self).model_fields if name in wanted}


_Place = tuple[str | int, ...]
_Wrong = Iterator[tuple[str | PydanticCustomError, _Place]]
_NO_TEXT = PydanticCustomError(
    "text", "the text holds the character NUL or half a character, which cannot be kept: take it out"
)


def _cannot_be_kept(sent: Any, path: _Place) -> _Wrong:
    match sent:
        case str() if "\0" in sent or not _is_whole(sent):
            yield _NO_TEXT, path
        case dict():
            for name, part in sent.items():
                yield from _cannot_be_kept(name, path)
                yield from _cannot_be_kept(part, (*path, ascii(name)[1:-1]))
        case list() | tuple():
            for place, part in enumerate(sent):
                yield from _cannot_be_kept(part, (*path, place))


def _is_whole(text: str) -> bool:
    """Whether it has no half of a surrogate pair, which JSON can write and no text is."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _passed_over(kind: type[BaseModel], sent: Any, path: _Place) -> _Wrong:
    """What Pydantic would pass over in silence, and where: fields that parts of a body do not have (contracts take
    newer events), and values of another type: 0 for false, true for 1, a number for a day."""
    for name, value in sent.items() if isinstance(sent, dict) else ():
        field = kind.model_fields.get(name)
        if field is not None:
            if (what := _another_type(field.annotation, value)) is not None:
                yield what, (*path, name)
            parts = enumerate(value) if isinstance(value, list) else [(None, value)]
            for place, part in parts:
                where = (*path, name) if place is None else (*path, name, place)
                for inner in _contracts(field.annotation):
                    yield from _passed_over(inner, part, where)
        elif issubclass(kind, Contract):
            yield "extra_forbidden", (*path, name)


def _another_type(annotation: Any, value: Any) -> str | None:
    kinds = (annotation, *get_args(annotation))
    if bool in kinds:
        return None if value is None or isinstance(value, bool) else "bool_type"
    if date in kinds and isinstance(value, int | float):
        return "date_type"
    return "int_type" if int in kinds and isinstance(value, bool) else None


def _contracts(annotation: Any) -> Iterator[type[Contract]]:
    if isinstance(annotation, type) and issubclass(annotation, Contract):
        yield annotation
    for part in get_args(annotation):
        yield from _contracts(part)
