"""The platform's HTTP APIs as a client from outside uses them: a base URL and a bearer token a service."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

import httpx

from local_platform.platform import Platform

PAGE = 500
TIMEOUT_SECONDS = 300.0
POLL_SECONDS = 0.2

Json = dict[str, Any]


class DemoError(Exception):
    """The demo cannot go on; the message says what failed, where and why."""


class Api:
    """One service's API."""

    def __init__(self, name: str, url: str, token: str) -> None:
        self.name = name
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def call(self, method: str, path: str, *, accept: tuple[int, ...] = (), **options: Any) -> httpx.Response:
        """One request.

        Args:
            accept: statuses that are fine beside 2xx.

        Raises:
            DemoError: any other answer, with what the service said.
        """
        try:
            answer = self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise DemoError(f"{self.name}: {method} {path}: {error!r}") from error
        if not answer.is_success and answer.status_code not in accept:
            raise DemoError(f"{self.name}: {method} {path} answered {answer.status_code}: {answer.text[:1500]}")
        return answer

    def get(self, path: str, **parameters: Any) -> Json:
        """The JSON object at a path."""
        found: Json = self.call("GET", path, params=parameters).json()
        return found

    def post(self, path: str, body: Any = None, **options: Any) -> Json:
        """Send JSON and take the JSON answer."""
        if body is not None:
            options["json"] = body
        answer = self.call("POST", path, **options)
        found: Json = answer.json() if answer.content else {}
        return found

    def items(self, path: str, **parameters: Any) -> Iterator[Json]:
        """Every item of a list, page by page."""
        after: Any = None
        while True:
            page = self.get(path, limit=PAGE, **parameters, **({} if after is None else {"after": after}))
            yield from page["items"]
            after = page.get("next")
            if after is None:
                return

    def lines(self, path: str, content: bytes) -> list[Json]:
        """Send JSON lines and take the answers, a JSON line for each."""
        headers = {"Content-Type": "application/x-ndjson"}
        answer = self.call("POST", path, content=content, headers=headers)
        if answer.headers.get("content-type", "").startswith("application/json"):
            found = answer.json()
            return list(found["items"] if isinstance(found, dict) else found)
        return [json.loads(line) for line in answer.text.splitlines() if line.strip()]


class Apis:
    """The four services' APIs."""

    def __init__(self, platform: Platform) -> None:
        token = platform.token(subject="demo")
        made = {name: Api(name, platform.url(name), token) for name in platform.service_names}
        self.customers = made["customers"]
        self.rating = made["rating"]
        self.invoicing = made["invoicing"]
        self.notifications = made["notifications"]
        self._all = made.values()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for api in self._all:
            api.close()


def wait_until(what: str, reached: Callable[[], bool], timeout_seconds: float) -> None:
    """Ask until a state is reported.

    Raises:
        DemoError: it was not within the time.
    """
    deadline = time.monotonic() + timeout_seconds
    while not reached():
        if time.monotonic() > deadline:
            raise DemoError(f"{what}: not within {timeout_seconds:.0f} s. The logs say more.")
        time.sleep(POLL_SECONDS)
