"""The examples in the OpenAPI document are what the API takes and gives."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.cdrs import CdrReceived
from rating.api.reports import OutcomesReport, SourceOutcomes
from rating.api.usage import UsageView
from rating.domain.mapping import CdrMapping
from rating.main import app

DOCUMENT: dict[str, Any] = app().openapi()
WITH_EXAMPLES = {"reports", "usage", "CDRs", "CDR files", "mappings"}
OPERATIONS = [
    (method, path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if set(operation.get("tags", ())) & WITH_EXAMPLES
]


def schema_of(content: dict[str, Any]) -> dict[str, Any]:
    """The schema of a body, whatever its media type."""
    (told,) = content.values()
    return dict(told)


def has_example(schema: Any, seen: frozenset[str] = frozenset()) -> bool:
    """Whether every value of a schema has an example, its own or those of all its parts."""
    if {"examples", "example", "const", "enum", "default"} & schema.keys():
        return True
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return name in seen or has_example(DOCUMENT["components"]["schemas"][name], seen | {name})
    if "anyOf" in schema:
        return any(has_example(each, seen) for each in schema["anyOf"])
    if "properties" in schema:
        return all(has_example(each, seen) for each in schema["properties"].values())
    return "items" in schema and has_example(schema["items"], seen)


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{each[0]} {each[1]}" for each in OPERATIONS]
)
def test_every_operation_shows_what_it_takes_and_gives(method: str, path: str, operation: dict[str, Any]) -> None:
    """R2, R3, R9: who reads the document sees a whole exchange."""
    answers = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
    assert answers
    bodies = [schema_of(answer["content"]) for answer in answers]
    if "requestBody" in operation:
        bodies.append(schema_of(operation["requestBody"]["content"]))
    for body in bodies:
        assert "example" in body or has_example(body["schema"]), f"{method} {path}: {body}"


def test_examples_are_valid() -> None:
    """R1, R2, R3, R9: what the document shows can be sent, and comes."""
    body = DOCUMENT["paths"]["/cdrs"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert [CdrReceived.model_validate(each).record_id for each in body["records"]] == ["NS-000001"]
    mapping = DOCUMENT["paths"]["/mappings/{name}"]["put"]["requestBody"]["content"]["application/json"]["schema"]
    CdrMapping.model_validate(mapping["examples"][0])
    line = DOCUMENT["paths"]["/numbers/{number_id}/usage.jsonl"]["get"]["responses"]["200"]["content"]
    UsageView.model_validate_json(line["application/jsonl"]["example"])
    (counted,) = DOCUMENT["components"]["schemas"]["SourceOutcomes"]["examples"]
    report = OutcomesReport(items=[SourceOutcomes(**counted)], total=SourceOutcomes(**counted))
    outcomes = ("rated", "unpriced", "suspended", "ignored", "duplicate", "rejected")
    assert report.total.received == sum(getattr(report.total, name) for name in outcomes)
