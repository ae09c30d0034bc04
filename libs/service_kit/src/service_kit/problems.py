"""Errors as problem documents (RFC 9457): what, where, why, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TYPE_PREFIX = "urn:farthing:problem:"
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An error to be answered as a problem document.

    Args:
        status: HTTP status.
        type: a slug such as `account-number-taken`; the document's `type` is `urn:farthing:problem:<slug>`.
        title: the same for every problem of this type.
        detail: this one: what, where, why, and what to do.
        extra: further members of the document (JSON values), for instance `errors=[{"field": ..., "message": ...}]`.
    """

    def __init__(
        self, status: int, type: str, title: str, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.type = type
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra

    def document(self, instance: str) -> dict[str, Any]:
        """The JSON document; `instance` is the path that was asked for."""
        return {
            "type": f"{TYPE_PREFIX}{self.type}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            **self.extra,
        }


class NotFound(Problem):
    """404: there is no such thing."""

    def __init__(self, detail: str, *, type: str = "not-found", title: str = "Not found", **extra: Any) -> None:
        super().__init__(404, type, title, detail, **extra)


class Conflict(Problem):
    """409: it clashes with what is there."""

    def __init__(self, detail: str, *, type: str = "conflict", title: str = "Conflict", **extra: Any) -> None:
        super().__init__(409, type, title, detail, **extra)


class Invalid(Problem):
    """422: what was sent breaks a rule. `errors` names the fields: `[{"field": "start", "message": "..."}]`."""

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        type: str = "invalid",
        title: str = "Invalid",
        **extra: Any,
    ) -> None:
        super().__init__(422, type, title, detail, errors=[dict(error) for error in errors], **extra)


class PreconditionFailed(Problem):
    """412: someone else changed it meanwhile (SPEC C20)."""

    def __init__(
        self, detail: str, *, type: str = "precondition-failed", title: str = "Changed by someone else", **extra: Any
    ) -> None:
        super().__init__(412, type, title, detail, **extra)


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Pydantic's errors as a problem's `errors`: a path such as `lines.0.amount` and a message."""
    return [{"field": _path(error["loc"]), "message": _said(error)} for error in errors]


def _said(error: Mapping[str, Any]) -> str:
    """Our own validators' words as they are, without "Value error, " before them."""
    own = error.get("type") in ("value_error", "assertion_error")
    said = str(error["msg"])
    return said.partition(", ")[2] if own else said


def _path(location: Sequence[Any]) -> str:
    inside = location[1:] if len(location) > 1 and location[0] in {"body", "query", "path", "header"} else location
    return ".".join(str(part) for part in inside)
