"""The OpenAPI document of the customers service: complete, and true to itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from customers.main import app
from service_kit.openapi import HEADERS, operations

Json = dict[str, Any]
DOCUMENT: Json = app().openapi()
OPERATIONS = {operation["operationId"]: operation for _, _, operation in operations(DOCUMENT)}
OWN = {name: operation for name, operation in OPERATIONS.items() if operation["tags"] != ["operations"]}


def _examples(shown: Json) -> list[Any]:
    """Of a parameter or a media type."""
    found = [each["value"] for each in shown.get("examples", {}).values()]
    return [*found, *([shown["example"]] if "example" in shown else [])]


def _contents(operation: Json) -> Iterator[tuple[str, Json]]:
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        yield f"body {kind}", media
    for status, answer in operation["responses"].items():
        for kind, media in answer.get("content", {}).items() if status.isdigit() else ():
            yield f"{status} {kind}", media


def _wrong(schema: Json, value: Any) -> list[str]:
    whole = {**schema, "components": DOCUMENT["components"]}
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(value)]


@pytest.mark.parametrize("name", OWN)
def test_an_operation_shows_an_example_of_all_that_is_sent_and_answered(name: str) -> None:
    """DESIGN, OpenAPI: a newcomer sees what to send and what comes back; the walk in `customers/examples` has them."""
    operation = OWN[name]
    parameters = [each["name"] for each in operation.get("parameters", ()) if not _examples(each)]
    assert not parameters, f"{name}: no examples of {parameters}: see customers/api/about.py"
    contents = [what for what, media in _contents(operation) if not _examples(media)]
    assert not [what for what in contents if "json" in what or what.startswith("body")], f"{name}: none of {contents}"


@pytest.mark.parametrize("name", OWN)
def test_examples_are_as_their_schema_says(name: str) -> None:
    """DESIGN, OpenAPI: what a generated client would send and read."""
    operation = OWN[name]
    shown = [
        (each["name"], each["schema"], value) for each in operation.get("parameters", ()) for value in _examples(each)
    ]
    shown += [
        (what, media.get("schema", {}), value) for what, media in _contents(operation) for value in _examples(media)
    ]
    wrong = [(what, found) for what, schema, value in shown if (found := _wrong(schema, value))]
    assert not wrong


def test_operations_have_names_that_stay() -> None:
    """DESIGN, OpenAPI: a generated client's functions; whoever renames one breaks clients."""
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in OPERATIONS)
    assert len(OPERATIONS) == sum(1 for _ in operations(DOCUMENT))
    assert {"post_customer", "get_customer", "put_customer", "post_number", "search"} <= OWN.keys()


def test_every_tag_is_described() -> None:
    told = {tag["name"] for tag in DOCUMENT["tags"]}
    assert {tag for operation in OPERATIONS.values() for tag in operation["tags"]} == told


def test_every_operation_says_its_scope_and_how_it_fails() -> None:
    """DESIGN: a scope on every route; errors are problem documents."""
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for operation in OWN.values():
        assert operation["security"][0]["HTTPBearer"]
        assert all(
            operation["responses"][each]["content"] == {"application/problem+json": problem} for each in ("4XX", "5XX")
        )


def test_headers_of_answers_are_documented() -> None:
    """SPEC C20: the ETag of what was read goes back in If-Match."""
    for name in ("get_customer", "put_customer", "get_number", "get_feature", "get_entry", "get_page"):
        assert "ETag" in OWN[name]["responses"]["200"]["headers"], name
    for name in ("post_customer", "post_number", "post_feature", "post_move", "post_number_charge"):
        assert "Location" in OWN[name]["responses"]["201"]["headers"], name
    assert set(HEADERS) >= {"etag", "location"}


def test_the_document_is_one() -> None:
    """OpenAPI 3.1: its schemas are JSON Schema, and every reference leads somewhere."""
    assert DOCUMENT["openapi"].startswith("3.1")
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in set(re.findall(r"'\$ref': '#/components/schemas/([^']+)'", repr(DOCUMENT))):
        assert reference in DOCUMENT["components"]["schemas"]
