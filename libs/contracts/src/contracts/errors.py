"""The shape of every HTTP error: an RFC 9457 problem document."""

from __future__ import annotations

from pydantic import BaseModel, Field


class FieldError(BaseModel):
    """What is wrong with one field, named by its path in the request."""

    field: str = Field(examples=["billing_address.postcode"])
    message: str = Field(examples=["give a postcode"])


class ProblemDocument(BaseModel):
    """`type` identifies the kind of problem, `detail` says what, where, why and what to do."""

    type: str = Field(examples=["https://farthing.example/problems/conflict"])
    title: str
    status: int
    detail: str
    instance: str = ""
    errors: list[FieldError] = Field(default_factory=list)
