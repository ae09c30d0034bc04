"""A client that openapi-python-client generates from a running service's document: what any integrator would have."""

from __future__ import annotations

import importlib
import inspect
import io
import subprocess
import sys
import typing
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
from tests.support.running import Running

CONFIG = """\
post_hooks: []
content_type_overrides:
  application/x-ndjson: application/octet-stream
  text/csv: application/octet-stream
"""
"""The generator has no name of its own for these two kinds of text."""


class Generated:
    """The client of a service.

    `do` and `refused` call an operation by its id, with parameters as the generated function has them; a `body` is
    given as JSON and read into the generated model.
    """

    def __init__(self, service: Running, folder: Path, package: str) -> None:
        _generate(service, folder, package)
        self.package = package
        made = importlib.import_module(package).AuthenticatedClient
        self._client = made(base_url=service.url, token=service.token, timeout=httpx.Timeout(60))
        self._operations = {
            file.stem: f"{package}.api.{file.parent.name}.{file.stem}"
            for file in (folder / package / "api").glob("*/*.py")
        }

    def do(self, operation: str, **given: Any) -> Any:
        """What a request was answered, as the generated model. Raises AssertionError where it is a problem."""
        answer = self._sent(operation, given)
        assert answer.status_code < 400, f"{operation}: {answer.status_code} {answer.content.decode()}"
        return answer.parsed

    def tagged(self, operation: str, **given: Any) -> tuple[Any, str]:
        """The same, with the ETag."""
        answer = self._sent(operation, given)
        assert answer.status_code < 400, f"{operation}: {answer.status_code} {answer.content.decode()}"
        return answer.parsed, answer.headers["etag"]

    def text(self, operation: str, **given: Any) -> str:
        """A file that was answered."""
        answer = self._sent(operation, given)
        assert answer.status_code == 200, f"{operation}: {answer.status_code} {answer.content.decode()}"
        return str(answer.content.decode())

    def refused(self, operation: str, status: int, **given: Any) -> Any:
        """The problem that a request was answered, as the generated model."""
        answer = self._sent(operation, given)
        assert answer.status_code == status, f"{operation}: {answer.status_code} {answer.content.decode()}"
        assert type(answer.parsed).__name__ == "Problem"
        return answer.parsed

    def file(self, name: str, content: bytes, body: str) -> Any:
        """A file to be sent, in the generated model of a form."""
        types, models = self._module("types"), self._module("models")
        return getattr(models, body)(file=types.File(payload=io.BytesIO(content), file_name=name))

    def _module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self.package}.{name}")

    def _sent(self, operation: str, given: dict[str, Any]) -> Any:
        call = importlib.import_module(self._operations[operation]).sync_detailed
        hints = typing.get_type_hints(inspect.unwrap(call))
        return call(client=self._client, **{name: _typed(value, hints[name]) for name, value in given.items()})


def _typed(value: Any, hint: Any) -> Any:
    """JSON as the generated model, a text as the generated enum."""
    kinds = [each for each in (hint, *typing.get_args(hint)) if isinstance(each, type)]
    if isinstance(value, dict):
        return next(each for each in kinds if hasattr(each, "from_dict")).from_dict(value)
    enums = [each for each in kinds if issubclass(each, Enum)]
    return enums[0](value) if enums and isinstance(value, str) else value


def _generate(service: Running, folder: Path, package: str) -> None:
    (folder / "generator.yaml").write_text(CONFIG)
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--url", f"{service.url}/openapi.json"]
    command += ["--output-path", str(folder / package), "--meta", "none", "--fail-on-warning"]
    command += ["--config", str(folder / "generator.yaml")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, f"{ran.stdout[-5_000:]}\n{ran.stderr[-5_000:]}"
