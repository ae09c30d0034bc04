"""Customers with something on them, actions on them, and what is then there: for the tests of C14 to C17."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from httpx import AsyncClient

Json = dict[str, Any]
NUMBERS = ("020 7946 0123", "020 7946 0124", "020 7946 0125", "020 7946 0126")
RENTAL = {"kind": "recurring", "description": "Rental", "amount": "30.00", "frequency_months": 1}
SETUP = {"kind": "one_off", "description": "Setup", "amount": "25.00"}


class Desk:
    """Somebody who works with the API, and wants to hear of every refusal."""

    def __init__(self, api: AsyncClient) -> None:
        self.api = api

    async def customer(self, **fields: Any) -> int:
        made = await self._sent("POST", "/customers", {"name": "Fenwick Tiles", "status_from": "2024-06-01", **fields})
        return int(made["customer_id"])

    async def number(self, customer: int, number: str = NUMBERS[0], **fields: Any) -> int:
        body = {"number": number, "call_plan": "standard", "start": "2025-01-01", **fields}
        return int((await self._sent("POST", f"/customers/{customer}/numbers", body))["number"]["number_id"])

    async def feature(self, customer: int, **fields: Any) -> int:
        body = {"description": "Broadband", "start": "2025-01-01", **fields}
        return int((await self._sent("POST", f"/customers/{customer}/features", body))["feature_id"])

    async def act(self, customer: int, action: str, **body: Any) -> Json:
        return await self._sent("POST", f"/customers/{customer}/{action}", body)

    async def withdraw(self, customer: int, action: str) -> Json:
        return await self._sent("DELETE", f"/customers/{customer}/{action}")

    async def refused(self, method: str, path: str, body: Any = None) -> Json:
        answer = await self.api.request(method, path, json=body)
        assert answer.status_code == 409, answer.text
        return dict(answer.json())

    async def get(self, path: str) -> Json:
        return await self._sent("GET", path)

    async def _sent(self, method: str, path: str, body: Any = None) -> Json:
        answer = await self.api.request(method, path, json=body)
        assert answer.status_code in (200, 201), f"{method} {path}: {answer.text}"
        return dict(answer.json())

    async def picture(self, customer: int) -> Json:
        """All that a customer has, without versions: so that before and after can be compared."""
        numbers = (await self.get(f"/customers/{customer}/numbers"))["items"]
        each = [await self.get(f"/numbers/{item['number']['number_id']}") for item in numbers]
        features = (await self.get(f"/customers/{customer}/features"))["items"]
        return {"numbers": _plain(each), "features": _plain(features)}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if name != "version"}
    return value


def days(items: Iterable[Json]) -> list[tuple[str, str | None]]:
    """First and last day of each."""
    return [(each["start"], each["end"]) for each in items]


def newest(rows: Iterable[Json]) -> dict[str, Json]:
    """What a reader of the compacted topic is left with: the last state of each key."""
    return {row["aggregateid"]: row for row in rows}
