"""JSON Schemas of the events: exported for those who read them, and held compatible from release to release (SPEC E1).

Every shape that was ever released stays in `libs/contracts/schemas/<event type>/<n>.json`. A change is compatible
when a reader of either shape can read the other: fields are added or taken away only where they may be absent, and
nothing else about a field changes but its words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contracts.base import Event

FOLDER = Path(__file__).parents[2] / "schemas"
_WORDS = frozenset({"title", "description", "examples", "default"})


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an event's value."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **event.model_json_schema()}


def released(event_type: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """Every released shape of an event, the oldest first."""
    files = sorted((folder / event_type).glob("*.json"), key=lambda file: int(file.stem))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def export(events: dict[str, type[Event]], folder: Path = FOLDER) -> list[Path]:
    """Write a new numbered shape for each event that differs from its last one; returns what was written."""
    written = []
    for event_type, event in events.items():
        before, now = released(event_type, folder), schema_of(event)
        if before and before[-1] == now:
            continue
        target = folder / event_type / f"{len(before) + 1}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(now, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        written.append(target)
    return written


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Why two shapes cannot read each other; empty where they can."""
    return list(_differences(old, new, old.get("$defs", {}), new.get("$defs", {}), "", frozenset()))


def _differences(
    old: dict[str, Any],
    new: dict[str, Any],
    old_defs: dict[str, Any],
    new_defs: dict[str, Any],
    path: str,
    seen: frozenset[tuple[str, str]],
) -> Iterator[str]:
    pair = (old.get("$ref", ""), new.get("$ref", ""))
    if pair in seen:
        return
    seen = seen | {pair} if all(pair) else seen
    old, new = _resolved(old, old_defs), _resolved(new, new_defs)
    yield from _required_differences(old, new, path)
    for name in sorted(old.get("properties", {}).keys() & new.get("properties", {}).keys()):
        where = f"{path}.{name}" if path else name
        yield from _differences(old["properties"][name], new["properties"][name], old_defs, new_defs, where, seen)
    for keyword in sorted((old.keys() | new.keys()) - _WORDS - {"properties", "required", "$defs", "$schema"}):
        yield from _keyword_differences(keyword, old, new, old_defs, new_defs, path, seen)


def _resolved(schema: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    return {**defs[schema["$ref"].rsplit("/", 1)[1]], **{k: v for k, v in schema.items() if k != "$ref"}}


def _required_differences(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[str]:
    for name in sorted(set(old.get("required", [])) ^ set(new.get("required", []))):
        yield f"{path}.{name}".lstrip(".") + " must be there in one shape and may be absent in the other"


def _keyword_differences(
    keyword: str,
    old: dict[str, Any],
    new: dict[str, Any],
    old_defs: dict[str, Any],
    new_defs: dict[str, Any],
    path: str,
    seen: frozenset[tuple[str, str]],
) -> Iterator[str]:
    before, after = old.get(keyword), new.get(keyword)
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _differences(before, after, old_defs, new_defs, f"{path}[]", seen)
    elif _all_schemas(before) and _all_schemas(after) and len(before or []) == len(after or []):
        for one, other in zip(before or [], after or [], strict=True):
            yield from _differences(one, other, old_defs, new_defs, path, seen)
    elif before != after:
        yield f"{path or 'the event'}: {keyword} was {before!r} and is {after!r}"


def _all_schemas(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)
