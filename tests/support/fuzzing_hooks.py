"""What Schemathesis is taught: a media type, and ids of things that are there."""

from __future__ import annotations

import json
from typing import Any

import schemathesis
from schemathesis import HookContext

LARGEST = 2**63
THERE = 40
"""Ids that the walk through the examples gave, about."""


@schemathesis.serializer("application/x-ndjson")
def lines(ctx: schemathesis.SerializationContext, value: Any) -> bytes:
    """A text as it is; anything else as one line."""
    return value.encode(errors="replace") if isinstance(value, str) else json.dumps(value).encode() + b"\n"


def _there(sent: Any) -> Any:
    """Half of all ids become small ones, so that requests meet what is there."""
    for name, value in sent.items() if isinstance(sent, dict) else ():
        if name.endswith("_id") and type(value) is int and 0 < value < LARGEST and value % 2:
            sent[name] = 1 + value // 2 % THERE
    return sent


@schemathesis.hook
def map_path_parameters(context: HookContext, path_parameters: dict[str, Any] | None) -> Any:
    """Ids in paths."""
    return _there(path_parameters)


@schemathesis.hook
def map_body(context: HookContext, body: Any) -> Any:
    """Ids in bodies."""
    return _there(body)
