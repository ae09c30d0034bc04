"""A service's OpenAPI document, good enough to generate a client from: names that stay, examples that were answered.

FastAPI writes the document from the routes. Added here is what routes do not say: the schema of problems once, by name;
the headers of answers; and examples, which a service keeps as a walk through its API (`read_examples`): requests in an
order in which a new installation answers them. A test sends them again, so that none of them can be a wish.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field

from service_kit.errors import ConfigurationError
from service_kit.problems import MEDIA_TYPE, TYPE_PREFIX

Json = dict[str, Any]
JSON = "application/json"
_REFERENCE = "#/components/schemas/{model}"
_METHODS = ("get", "put", "post", "delete", "patch")
_KIT_TAGS = {"operations": "Whether the process runs and can work, and its figures. Open: no token is needed."}
HEADERS = {
    "etag": ("ETag", "The version, to be sent back in If-Match."),
    "location": ("Location", "Where the new thing is."),
    "content-disposition": ("Content-Disposition", "The name for the file."),
}


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="its path in what was sent", examples=["lines.0.amount"])
    message: str = Field(description="what is wrong, and what to do")


class ProblemDocument(BaseModel):
    """Why a request was not done (RFC 9457); some types have further members."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = Field(description="which kind of problem: to be told apart by", examples=[f"{TYPE_PREFIX}not-found"])
    title: str = Field(description="the same for every problem of this type")
    status: int
    detail: str = Field(description="what, where, why, and what to do")
    instance: str = Field(description="the path that was asked for")
    request_id: str | None = Field(default=None, description="finds the request in the service's logs")
    errors: list[FieldProblem] = Field(default=[], description="by field, where fields are the reason")


@dataclass(frozen=True)
class Example:
    """A request of the walk and its answer. `body` and `answer` are JSON, or text where the media type says so.

    What is sent may refer to what a named example before it was answered: `{"$": "added.answer.customer_id"}`, or
    `{"$": "added.etag"}` for a header.
    """

    operation: str
    summary: str
    name: str = ""
    status: int = 200
    path: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    body_type: str = JSON
    answer: Any = None
    answer_type: str = JSON
    answer_headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its name among the examples of an operation."""
        return "".join(letter if letter.isalnum() else "_" for letter in self.summary)


@dataclass(frozen=True)
class About:
    """What a service tells of its API beside the routes.

    Args:
        tags: what each tag of its routes is about.
        examples: the folder of its walk; None where it has none.
        parameters: examples of parameters by name, for those that the walk does not send.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    examples: Path | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


def operation_id(route: APIRoute) -> str:
    """The name of an operation, and of a generated client's function: that of the route's function."""
    return route.name


def refuse_same_names(app: FastAPI) -> None:
    """Raises ConfigurationError where two operations have one name: clients are generated from them."""
    seen: dict[str, str] = {}
    for route in iter_route_contexts(app.routes):
        name = getattr(route.original_route, "operation_id", None) or route.name
        here = f"{','.join(sorted(route.methods or []))} {route.path}"
        if route.include_in_schema and name in seen:
            raise ConfigurationError(f"{here} and {seen[name]} are both named {name}: rename one function")
        seen[name or ""] = here


def problems(description: str) -> Json:
    """The answer of a route that is a problem document, as FastAPI takes it."""
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
    }


def read_examples(folder: Path) -> list[Example]:
    """The walk through an API: the files of a folder in the order of their names. References are still in it."""
    return [Example(**given) for file in sorted(folder.glob("*.json")) for given in json.loads(file.read_text())]


class Answered:
    """What the named examples of a walk were answered."""

    def __init__(self) -> None:
        self._by_name: dict[str, Json] = {}

    def keep(self, example: Example) -> None:
        """An example with its answer."""
        if example.name:
            self._by_name[example.name] = {"answer": example.answer, **example.answer_headers}

    def sent(self, example: Example) -> Example:
        """The example with values in the place of references."""
        given = {name: self._filled(getattr(example, name)) for name in ("path", "query", "headers", "body")}
        return replace(example, **given)

    def _filled(self, value: Any) -> Any:
        match value:
            case {"$": str(where)}:
                found: Any = self._by_name
                for part in where.split("."):
                    found = found[int(part) if isinstance(found, list) else part]
                return found
            case dict():
                return {name: self._filled(part) for name, part in value.items()}
            case list():
                return [self._filled(part) for part in value]
        return value


def describe(app: FastAPI, about: About) -> None:
    """Let the app answer its document with all that is added here, made when it is first asked for."""

    def openapi() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, about)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Method, path and description of every operation of a document."""
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                yield method, path, methods[method]


def _document(app: FastAPI, about: About) -> Json:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        separate_input_output_schemas=True,
    )
    document = _with_plain_names(document)
    document["tags"] = [{"name": name, "description": told} for name, told in {**about.tags, **_KIT_TAGS}.items()]
    _add_problem_schemas(document)
    document["components"]["securitySchemes"]["HTTPBearer"]["bearerFormat"] = "JWT"
    examples = _by_operation(read_examples(about.examples) if about.examples else [])
    given = dict(_route_examples(app))
    for method, path, operation in operations(document):
        _add_to_texts(operation)
        _add_from_route(operation, given.get((method.upper(), path), {}))
        own = examples.get(operation["operationId"], [])
        _add_to_parameters(operation, own, about.parameters)
        _add_to_body(operation, own)
        _add_to_answers(operation, own)
    return document


def _with_plain_names(document: Json) -> Json:
    """A model that is sent and answered differently is two schemas, which clients need under two plain names."""
    text, answered = json.dumps(document), []
    for name in document.get("components", {}).get("schemas", ()):
        base, _, way = name.partition("-")
        if way:
            plain = base if way == "Input" else f"{base}Answered"
            text = text.replace(f'schemas/{name}"', f'schemas/{plain}"').replace(f'"{name}": {{', f'"{plain}": {{')
            answered += [plain] if way == "Output" else []
    made: Json = json.loads(text)
    for plain in answered:
        made["components"]["schemas"][plain]["title"] = plain
    return made


def _add_problem_schemas(document: Json) -> None:
    schema = ProblemDocument.model_json_schema(ref_template=_REFERENCE)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update({**schema.pop("$defs"), "Problem": schema})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)


def _by_operation(examples: Iterable[Example]) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = {}
    answered = Answered()
    for example in examples:
        found.setdefault(example.operation, []).append(answered.sent(example))
        answered.keep(example)
    return found


def _route_examples(app: FastAPI) -> Iterator[tuple[tuple[str, str], Json]]:
    """The examples of routes, by what they are of: FastAPI leaves every null in them out of its document."""
    for route in iter_route_contexts(app.routes):
        body = getattr(route.original_route, "body_field", None)
        shown = {"body": getattr(body.field_info, "openapi_examples", None)} if body else {}
        for status, answer in (getattr(route.original_route, "responses", None) or {}).items():
            for kind, media in answer.get("content", {}).items():
                shown[f"{status} {kind}"] = media.get("examples")
        for method in route.methods or ():
            yield (method, route.path or ""), {where: examples for where, examples in shown.items() if examples}


def _add_from_route(operation: Json, given: Json) -> None:
    for where, examples in given.items():
        status, _, kind = where.partition(" ")
        part = operation["requestBody"] if where == "body" else operation["responses"][status]
        part["content"][kind or JSON]["examples"] = examples


def _add_to_texts(operation: Json) -> None:
    """What no parameter may hold, where it does not say anything stricter."""
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        for told in (schema, *schema.get("anyOf", ())):
            told = told.get("items", told)
            if told.get("type") == "string" and not told.keys() & {"pattern", "format", "enum", "const"}:
                told["pattern"] = r"^[^\u0000]*$"


def _add_to_parameters(operation: Json, examples: Sequence[Example], known: Mapping[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        if "example" in parameter or "examples" in parameter:
            continue
        name = parameter["name"]
        sent = [given[name] for each in examples for given in (each.path, each.query, each.headers) if name in given]
        if sent or name in known:
            parameter["example"] = sent[0] if sent else known[name]


def _add_to_body(operation: Json, examples: Sequence[Example]) -> None:
    content = operation.get("requestBody", {}).get("content", {})
    for example in examples:
        if example.body is not None and example.body_type in content:
            _add(content[example.body_type], example, example.body)


def _add_to_answers(operation: Json, examples: Sequence[Example]) -> None:
    for example in examples:
        answer = operation["responses"].get(str(example.status))
        if answer is None:
            continue
        for name, value in example.answer_headers.items():
            if name in HEADERS:
                shown, about = HEADERS[name]
                answer.setdefault("headers", {})[shown] = {
                    "description": about,
                    "schema": {"type": "string"},
                    "example": value,
                }
        if example.answer_type in answer.get("content", {}):
            _add(answer["content"][example.answer_type], example, example.answer)


def _add(media: Json, example: Example, value: Any) -> None:
    shown = media.setdefault("examples", {})
    if "example" in media:
        shown["example"] = {"value": media.pop("example")}
    shown.setdefault(example.key, {"summary": example.summary, "value": value})
