"""Many customers at once: JSON lines in, a JSON line for each out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from customers.api.bodies import ImportedCustomer
from customers.api.customers import WRITE
from customers.domain.opening import Opened, Opening
from customers.service.opening import open_many
from service_kit.auth import principal
from service_kit.http import Invalid, Problem, Router, repeatable
from service_kit.problems import field_errors

router = Router(tags=["imports"])

PATH = "/imports/customers"
ROWS_TOGETHER = 100
"""Rows that share a transaction, as long as none of them clashes."""
LONGEST_ROW_BYTES = 8 * 1024 * 1024
_ANSWERS_IN_MEMORY_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Row:
    """A line of the import: what is to be opened, or why it cannot be. `number` counts from 1."""

    number: int
    account_number: str | None
    what: Opening | Problem


@router.post(
    PATH,
    dependencies=[*WRITE, repeatable("rows whose account number is there already are answered 409; give all rows one")],
    summary="Add customers with their numbers and features",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {}}, "description": "a line for each row, in their order"}},
    openapi_extra={"requestBody": {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
async def import_customers(request: Request) -> StreamingResponse:
    """JSON lines: each row a customer as `POST /customers` takes it, with `numbers` and `features`.

    Rows are independent: each is stored whole or not at all, and answered with
    `{"row", "account_number", "customer_id"}` or `{"row", "account_number", "problem"}`.
    """
    actor = principal(request)
    # Answered when all is read: a client that sends the whole body before it reads would otherwise wait for us to
    # read while we wait for it.
    answers = SpooledTemporaryFile(max_size=_ANSWERS_IN_MEMORY_BYTES)  # noqa: SIM115 (closed when it is sent)
    async for rows in _together(_lines(request.stream())):
        for answer in await _imported(rows, actor):
            answers.write(json.dumps(answer).encode() + b"\n")
    answers.seek(0)
    return StreamingResponse(_pieces(answers), media_type="application/x-ndjson")


async def _lines(stream: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers. Of one that is too long only the beginning is kept."""
    number, pending = 1, b""
    async for piece in stream:
        *whole, rest = piece.split(b"\n")
        for part in whole:
            if line := (pending + part).strip():
                yield number, line
            number, pending = number + 1, b""
        pending = (pending + rest)[: LONGEST_ROW_BYTES + 1]
    if pending.strip():
        yield number, pending.strip()


async def _together(lines: AsyncIterator[tuple[int, bytes]]) -> AsyncIterator[list[Row]]:
    rows: list[Row] = []
    async for number, line in lines:
        rows.append(_row(number, line))
        if len(rows) == ROWS_TOGETHER:
            yield rows
            rows = []
    if rows:
        yield rows


def _row(number: int, line: bytes) -> Row:
    if len(line) > LONGEST_ROW_BYTES:
        return Row(number, None, Invalid(f"row {number} is longer than {LONGEST_ROW_BYTES} bytes: split it"))
    try:
        customer = ImportedCustomer.model_validate_json(line)
    except ValidationError as error:
        errors = field_errors(error.errors(include_url=False, include_context=False))
        told = "; ".join(f"{each['field']}: {each['message']}" for each in errors[:3])
        return Row(number, _account_number(line), Invalid(f"row {number} is not valid: {told}", errors=errors))
    return Row(number, customer.account_number, customer.opening())


def _account_number(line: bytes) -> str | None:
    try:
        given = json.loads(line)
    except ValueError:
        return None
    number = given.get("account_number") if isinstance(given, dict) else None
    return number if isinstance(number, str) else None


async def _imported(rows: list[Row], actor: str) -> list[dict[str, Any]]:
    outcomes = iter(await open_many([row.what for row in rows if isinstance(row.what, Opening)], actor))
    return [_answer(row, next(outcomes) if isinstance(row.what, Opening) else row.what) for row in rows]


def _answer(row: Row, outcome: Opened | Problem) -> dict[str, Any]:
    if isinstance(outcome, Problem):
        return {"row": row.number, "account_number": row.account_number, "problem": outcome.document(PATH)}
    customer = outcome.customer
    return {"row": row.number, "account_number": customer.account_number, "customer_id": customer.customer_id}


def _pieces(answers: IO[bytes]) -> Iterator[bytes]:
    with answers:
        while piece := answers.read(_PIECE_BYTES):
            yield piece
