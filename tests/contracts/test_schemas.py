"""The contracts stay readable from release to release."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts.base import Event
from contracts.events import EVENTS
from contracts.schemas import differences, released, schema_of


@pytest.mark.parametrize("event_type", EVENTS)
def test_the_exported_schema_is_the_one_in_force(event_type: str) -> None:
    """E1: whoever reads the schemas reads what is sent; `python -m contracts` exports them."""
    shapes = released(event_type)
    assert shapes, f"{event_type} has no exported schema: run `make schemas`"
    assert shapes[-1] == json.loads(json.dumps(schema_of(EVENTS[event_type]))), (
        "run `make schemas` and commit the result"
    )


@pytest.mark.parametrize("event_type", EVENTS)
def test_every_shape_ever_released_can_be_read_by_the_newest_and_reads_it(event_type: str) -> None:
    """E1: compatible in both directions with all earlier shapes."""
    for number, shape in enumerate(released(event_type), start=1):
        assert differences(shape, schema_of(EVENTS[event_type])) == [], f"shape {number} of {event_type}"


@pytest.mark.parametrize("event_type", EVENTS)
def test_schemas_are_valid_json_schema(event_type: str) -> None:
    """E1: documented in a form that tools can use."""
    Draft202012Validator.check_schema(schema_of(EVENTS[event_type]))


def test_no_event_type_was_ever_taken_away() -> None:
    """E1: a subscriber of a released event goes on getting it."""
    from contracts.schemas import FOLDER

    assert {folder.name for folder in FOLDER.iterdir()} <= set(EVENTS)


BASE: dict[str, Any] = {
    "type": "object",
    "required": ["a"],
    "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {"$ref": "#/$defs/Line"}}},
    "$defs": {"Line": {"type": "object", "properties": {"net": {"type": "string"}}}},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """BASE with one place changed."""
    shape: dict[str, Any] = json.loads(json.dumps(BASE))
    *way, last = path.split("/")
    place = shape
    for step in way:
        place = place[step]
    place[last] = value
    return shape


@pytest.mark.parametrize(
    ("shape", "complaint"),
    [
        (changed("properties/a/type", "integer"), "a: type"),
        (changed("required", ["a", "b"]), "b must be there"),
        (changed("required", []), "a must be there"),
        (changed("$defs/Line/properties/net/type", "number"), "net: type"),
        (changed("properties/a/pattern", "^x$"), "a: pattern"),
        (changed("properties/a/enum", ["x"]), "a: enum"),
    ],
)
def test_an_incompatible_change_is_refused(shape: dict[str, Any], complaint: str) -> None:
    """E1: a change that one side cannot read is named."""
    assert any(complaint in line for line in differences(BASE, shape))


@pytest.mark.parametrize(
    "shape",
    [
        changed("properties/c", {"type": "string"}),
        changed("properties/a/description", "words"),
        changed("properties/a/default", "x"),
    ],
)
def test_a_new_optional_field_and_new_words_are_welcome(shape: dict[str, Any]) -> None:
    """E1: what both sides can read is compatible."""
    assert differences(BASE, shape) == []
    assert differences(shape, BASE) == []


def test_each_event_says_its_type_topic_and_key() -> None:
    """DESIGN, Events: one topic per stream, in one table."""
    from contracts.topics import BY_NAME

    for event_type, event in EVENTS.items():
        assert event.topic in BY_NAME, event_type
        assert event.key is not Event.key, event_type
