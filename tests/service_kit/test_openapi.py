"""The OpenAPI document that every service gets from its routes and its walk."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Body
from pydantic import BaseModel

from service_kit.auth import scope
from service_kit.errors import ConfigurationError
from service_kit.http import About, Router, create_app
from service_kit.openapi import Answered, Example, operations, read_examples

READ = [scope("customers:read")]
WALK: list[dict[str, Any]] = [
    {
        "operation": "post_thing",
        "summary": "a thing",
        "name": "made",
        "status": 201,
        "body": {"label": "A", "end": None},
        "answer": {"thing_id": 7, "end": None},
        "answer_headers": {"etag": '"1"', "location": "/things/7"},
    },
    {
        "operation": "get_thing",
        "summary": "the same",
        "path": {"thing_id": {"$": "made.answer.thing_id"}},
        "headers": {"If-Match": {"$": "made.etag"}},
        "answer": {"thing_id": 7, "end": None},
    },
]


class Thing(BaseModel):
    label: str
    end: str | None = None


def _router() -> Router:
    router = Router(tags=["things"])

    @router.post("/things", status_code=201, dependencies=READ)
    async def post_thing(
        body: Annotated[Thing, Body(openapi_examples={"open": {"value": {"label": "B", "end": None}}})],
    ) -> dict[str, Any]:
        return {}

    @router.get("/things/{thing_id}", dependencies=READ)
    async def get_thing(thing_id: int, limit: int = 10) -> dict[str, Any]:
        return {}

    return router


def _document(folder: Path) -> dict[str, Any]:
    (folder / "1.json").write_text(json.dumps(WALK))
    about = About(tags={"things": "What there is."}, examples=folder, parameters={"limit": 5})
    return create_app("toy", title="Toy", description="", routers=[_router()], about=about).openapi()


def test_operations_are_named_after_their_functions(tmp_path: Path) -> None:
    """DESIGN, OpenAPI: the names of a generated client's functions."""
    named = {(method, path): each["operationId"] for method, path, each in operations(_document(tmp_path))}
    assert named[("post", "/things")] == "post_thing"
    assert named[("get", "/health")] == "health"


def test_two_operations_of_one_name_make_the_app_fail() -> None:
    """DESIGN, OpenAPI: a client cannot have two functions of one name."""
    with pytest.raises(ConfigurationError, match="both named post_thing"):
        create_app("toy", title="Toy", description="", routers=[_router(), _router()])


def test_examples_keep_their_nulls_and_references_are_filled_in(tmp_path: Path) -> None:
    """DESIGN, OpenAPI: an example is what was sent and answered, to the letter."""
    found = {each["operationId"]: each for _, _, each in operations(_document(tmp_path))}
    body = found["post_thing"]["requestBody"]["content"]["application/json"]["examples"]
    assert [each["value"] for each in body.values()] == [{"label": "B", "end": None}, {"label": "A", "end": None}]
    answer = found["post_thing"]["responses"]["201"]
    assert answer["content"]["application/json"]["examples"]["a_thing"]["value"]["end"] is None
    assert answer["headers"]["Location"]["example"] == "/things/7"
    parameters = {each["name"]: each["example"] for each in found["get_thing"]["parameters"]}
    assert parameters == {"thing_id": 7, "limit": 5}


def test_a_walk_refers_to_what_was_answered(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text(json.dumps(WALK))
    made, read = read_examples(tmp_path)
    answered = Answered()
    answered.keep(made)
    assert answered.sent(read).path == {"thing_id": 7}
    assert answered.sent(read).headers == {"If-Match": '"1"'}
    assert Example("x", "60 £ off").key == "60___off"


@pytest.mark.parametrize("service", ["customers", "rating", "invoicing", "notifications"])
def test_every_service_describes_its_problems_once(service: str) -> None:
    """DESIGN: errors are problem documents, and a client reads them by one name."""
    main = importlib.import_module(f"{service}.main")
    document = getattr(main, "app", getattr(main, "make_app", None))().openapi()
    assert document["components"]["schemas"]["Problem"]["required"]
    assert all("-" not in name for name in document["components"]["schemas"])
    for _, _, operation in operations(document):
        assert operation["summary"]
        content = operation["responses"]["4XX"]["content"]
        assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
