"""Who has a number on a day, whatever eight clients do to it at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import Any

from httpx import AsyncClient, Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from service_kit.database import reading

ANY = {"If-Match": "*"}

CLIENTS, ACTIONS, CUSTOMERS, NUMBERS = 8, 6, 4, 2
SUSPECT = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
Json = dict[str, Any]


@dataclass(frozen=True)
class Action:
    """What a client does: to one of the numbers that it finds, on a day counted from New Year."""

    kind: str
    number: int
    which: int
    customer: int
    day: int
    length: int | None

    @property
    def on(self) -> str:
        """Its day."""
        return (date(2025, 1, 1) + timedelta(days=self.day)).isoformat()

    @property
    def end(self) -> str | None:
        """A day on or after it, or none."""
        if self.length is None:
            return None
        return (date(2025, 1, 1) + timedelta(days=self.day + self.length)).isoformat()


KINDS = ("add", "add", "move", "move", "end", "reopen", "plan", "plan end", "remove")
ACTION = st.builds(
    Action,
    kind=st.sampled_from(KINDS),
    number=st.integers(0, NUMBERS - 1),
    which=st.integers(0, 5),
    customer=st.integers(0, CUSTOMERS - 1),
    day=st.integers(0, 12),
    length=st.none() | st.integers(0, 6),
)
SCRIPTS = st.lists(st.lists(ACTION, min_size=1, max_size=ACTIONS), min_size=CLIENTS, max_size=CLIENTS)
FRESH: Iterator[int] = count()


class Desk:
    """A client, with the customers and the numbers that all of them work on."""

    def __init__(self, api: AsyncClient, customers: Sequence[int], numbers: Sequence[str]) -> None:
        self.api, self.customers, self.numbers = api, customers, numbers
        self.answers: list[tuple[Action, Response]] = []

    async def do_all(self, script: Sequence[Action]) -> None:
        """One after the other."""
        for action in script:
            self.answers.append((action, await self._do(action)))

    async def _do(self, action: Action) -> Response:
        customer = self.customers[action.customer]
        if action.kind == "add":
            body = {"number": self.numbers[action.number], "call_plan": "standard", "start": action.on}
            return await self.api.post(f"/customers/{customer}/numbers", json={**body, "end": action.end})
        held = await self.api.get("/numbers", params={"number": self.numbers[action.number]})
        found = held.json().get("items")
        if not found:
            return held
        line = found[action.which % len(found)]
        return await self._change(action, line, f"/numbers/{line['number']['number_id']}", customer)

    async def _change(self, action: Action, line: Json, url: str, customer: int) -> Response:
        match action.kind:
            case "move":
                return await self.api.post(f"{url}/move", json={"customer_id": customer, "on": action.on})
            case "end":
                return await self.api.post(f"{url}/end", json={"on": action.on})
            case "reopen":
                return await self.api.put(url, json={"end": action.end}, headers=ANY)
            case "plan":
                body = {"call_plan": "standard", "start": action.on, "end": action.end, "charge": {"amount": "1.00"}}
                return await self.api.post(f"{url}/call-plans", json=body)
            case "plan end":
                return await self.api.put(
                    f"/features/{line['call_plan']['feature_id']}", json={"end": action.end}, headers=ANY
                )
        return await self.api.delete(url)


@SUSPECT
@given(scripts=SCRIPTS)
async def test_a_number_is_never_with_two_customers_on_one_day(
    api: AsyncClient, add_customer: Any, outbox: Any, scripts: list[list[Action]]
) -> None:
    """C9: the exclusion constraint is the last line; nothing that meets it is a server's error."""
    customers = [(await add_customer())["customer_id"] for _ in range(CUSTOMERS)]
    numbers = [f"+44207946{next(FRESH) % 1000:04d}" for _ in range(NUMBERS)]
    desks = [Desk(api, customers, numbers) for _ in scripts]
    await asyncio.gather(*(desk.do_all(script) for desk, script in zip(desks, scripts, strict=True)))
    for desk in desks:
        for action, answer in desk.answers:
            assert answer.status_code in (200, 201, 204, 404, 409, 422), (action, answer.text)
    await _check_tables()
    await _check_events(await outbox(), numbers)


async def _check_tables() -> None:
    assert (
        await _found(
            """
        SELECT a.number FROM assignment a JOIN assignment b ON a.number = b.number AND a.assignment_id < b.assignment_id
        WHERE a.start <= coalesce(b."end", 'infinity') AND b.start <= coalesce(a."end", 'infinity')
        """
        )
        == []
    )
    assert (
        await _found(
            """
        SELECT a.assignment_id FROM assignment a JOIN number n USING (number_id) JOIN feature f USING (feature_id)
        WHERE a.start < n.start OR coalesce(a."end", 'infinity') > coalesce(n."end", 'infinity')
            OR (a.start, a."end") IS DISTINCT FROM (f.start, f."end")
            OR a.customer_id <> n.customer_id OR a.customer_id <> f.customer_id OR a.number <> n.number
        """
        )
        == []
    )
    without = (
        "SELECT number_id FROM number WHERE NOT EXISTS (SELECT FROM assignment a WHERE a.number_id = number.number_id)"
    )
    assert await _found(without) == []


async def _check_events(rows: list[Json], numbers: Sequence[str]) -> None:
    """Whoever reads the events, the highest version of each assignment, knows what the tables hold."""
    known: dict[int, tuple[int, Json | None]] = {}
    for row in rows:
        state = row["payload"]
        if row["type"].startswith("assignment.") and state["number"] in numbers:
            version, _ = known.get(state["assignment_id"], (0, None))
            assert state["version"] == version + 1, "the outbox has each version once, in order"
            known[state["assignment_id"]] = (state["version"], None if row["type"].endswith("removed") else state)
    told = {key: (state["start"], state["end"]) for key, (_, state) in known.items() if state is not None}
    held = await _found(
        'SELECT assignment_id, start::text, "end"::text FROM assignment WHERE number = ANY(:numbers)', numbers=numbers
    )
    assert told == {row[0]: (row[1], row[2]) for row in held}


async def _found(statement: str, **values: Any) -> list[tuple[Any, ...]]:
    async with reading() as connection:
        return [tuple(row) for row in await connection.execute(text(statement), values)]
