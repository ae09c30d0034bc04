"""What every body has in common, and the parameters of lists."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

Limit = Annotated[int, Field(ge=1, le=1000, description="the most items")]
After = Annotated[int, Field(ge=0, lt=2**63, description="the `next` of the page before")]


class Body(BaseModel):
    """Refuses what it does not know: a field that is spelled wrong must not be lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, sent: Any) -> Any:
        if _has_nul(sent):
            raise ValueError("a text holds the character NUL, which cannot be kept: take it out")
        return sent

    def given(self, leaving_out: Collection[str] = ()) -> dict[str, Any]:
        """The fields that were sent, as values."""
        return {name: getattr(self, name) for name in self.model_fields_set if name not in leaving_out}


def _has_nul(given: Any) -> bool:
    match given:
        case str():
            return "\0" in given
        case dict():
            return any(_has_nul(part) for pair in given.items() for part in pair)
        case list() | tuple():
            return any(_has_nul(part) for part in given)
    return False
