"""Many customers at once: JSON lines or a CSV file in, a line for each row out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from pydantic import ValidationError

from customers.api import csvs
from customers.api.bodies import ImportedCustomer
from customers.api.customers import READ, WRITE
from customers.api.imports.numbers import DryRun
from customers.api.imports.reports import JSON_LINES, RowReport, documented
from customers.api.imports.uploads import Rows, cell_errors, csv_body, is_sheet, row_problem, sheet, template
from customers.domain.opening import Opened, Opening
from customers.domain.sheet_columns import CUSTOMER_COLUMNS, CUSTOMER_NEEDED
from customers.domain.sheets import SheetRow, read_cells
from customers.service.looking import Looked, look_at
from customers.service.opening import open_many
from service_kit.auth import principal
from service_kit.http import Invalid, Problem, Router, repeatable
from service_kit.problems import field_errors

router = Router(tags=["imports"])

ROWS_TOGETHER = 100
"""Rows that share a transaction, as long as none of them clashes."""
LONGEST_ROW_BYTES = 8 * 1024 * 1024
COLUMNS = ("row", "account_number", "customer_id", "outcome")
_ANSWER = {"row": 1, "account_number": "F000001", "customer_id": 1042, "outcome": "added"}
_ABOUT = (
    "a line for each row, in their order: row (of a CSV file the header is 1), account_number, outcome (added, would "
    "be added, problem), customer_id or problem"
)
_LINE = {"schema": {"type": "string"}, "example": '{"name": "Brightwater Tiles", "numbers": []}\n'}


@dataclass(frozen=True)
class Row:
    """A row of the import: what is to be opened, or why it cannot be. `number` is the line's, or the CSV row's."""

    number: int
    account_number: str | None
    what: Opening | Problem


@router.post(
    "/imports/customers",
    dependencies=[*WRITE, repeatable("rows whose account number is there already are answered 409; give all rows one")],
    summary="Add customers with their numbers and features",
    response_class=StreamingResponse,
    responses=documented(_ABOUT, _ANSWER, COLUMNS),
    openapi_extra=csv_body(CUSTOMER_COLUMNS, **{JSON_LINES: _LINE}),
)
async def import_customers(request: Request, dry_run: DryRun = False) -> StreamingResponse:
    """JSON lines: each row a customer as `POST /customers` takes it, with `numbers` and `features`. Or CSV with the
    columns of `GET /imports/customers/template.csv`, of which only `name` is needed; its days are 2025-01-31 or
    31/01/2025, payment terms `30 days`, `day 15`, `month end` or `2 days before month end`.

    Rows are independent: each is stored whole or not at all. `dry_run` answers what would happen.
    """
    report = RowReport(request, COLUMNS)
    doing = _Dry() if dry_run else _Real(principal(request))
    try:
        if is_sheet(request):
            async with sheet(request, CUSTOMER_COLUMNS, CUSTOMER_NEEDED) as rows:
                await _run(_sheet_groups(rows), doing, report)
        else:
            await _run(_together(_lines(request.stream())), doing, report)
            _refuse_nothing(report)
    except BaseException:
        report.close()
        raise
    return report.answer(stored=not dry_run)


@router.get(
    "/imports/customers/template.csv",
    dependencies=READ,
    summary="A file of customers to fill in",
    response_class=Response,
    responses=csvs.RESPONSES,
)
async def get_customers_template() -> Response:
    return Response(template(CUSTOMER_COLUMNS), media_type=csvs.MEDIA_TYPE)


class _Real:
    """Stores customers."""

    def __init__(self, actor: str) -> None:
        self._actor = actor

    async def do(self, openings: list[Opening]) -> list[Opened | Problem]:
        return await open_many(openings, self._actor)


class _Dry:
    """Says what would become of customers, as if those before were stored."""

    def __init__(self) -> None:
        self._looked = Looked()

    async def do(self, openings: list[Opening]) -> list[Opened | Problem]:
        return await look_at(openings, self._looked)


async def _run(groups: AsyncIterator[list[Row]], doing: _Real | _Dry, report: RowReport) -> None:
    async for rows in groups:
        outcomes = iter(await doing.do([row.what for row in rows if isinstance(row.what, Opening)]))
        done = [(row, next(outcomes) if isinstance(row.what, Opening) else row.what) for row in rows]
        added = "added" if isinstance(doing, _Real) else "would be added"
        report.write([_told(row, outcome, added) for row, outcome in done])


def _told(row: Row, outcome: Opened | Problem, added: str) -> tuple[dict[str, Any], Problem | None]:
    told: dict[str, Any] = {"row": row.number, "account_number": row.account_number}
    if isinstance(outcome, Problem):
        return {**told, "outcome": "problem"}, outcome
    if added != "added":
        return {**told, "outcome": added}, None
    customer = outcome.customer
    ids = {"account_number": customer.account_number, "customer_id": customer.customer_id}
    return {**told, **ids, "outcome": added}, None


def _refuse_nothing(report: RowReport) -> None:
    if not report.totals:
        message = "there are no rows: send a customer on each line, or a CSV file as text/csv"
        raise Invalid(f"file: {message}", errors=[{"field": "file", "message": message}])


async def _sheet_groups(rows: Rows) -> AsyncIterator[list[Row]]:
    read = map(sheet_row, rows())
    while group := await asyncio.to_thread(lambda: list(islice(read, ROWS_TOGETHER))):
        yield group


def sheet_row(row: SheetRow) -> Row:
    """A row of a CSV file, as the same customer in JSON would be read."""
    sent, errors = read_cells(row, CUSTOMER_COLUMNS)
    account_number = row.cells.get("account_number")
    try:
        customer = ImportedCustomer.model_validate(sent)
    except ValidationError as error:
        errors = cell_errors(error, CUSTOMER_COLUMNS, errors)
    what = row_problem(row.number, errors) if errors else customer.opening()
    return Row(row.number, account_number, what)


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
