"""Many numbers at once: a CSV file in, a report by row out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import ValidationError

from customers.api import csvs
from customers.api.bodies import NewNumber
from customers.api.customers import READ, WRITE
from customers.api.imports.reports import RowReport, documented
from customers.api.imports.uploads import Rows, cell_errors, csv_body, row_problem, sheet, template
from customers.domain.sheet_columns import NUMBER_COLUMNS, NUMBER_NEEDED
from customers.domain.sheets import SheetRow, read_cells
from customers.service.importing import How, import_numbers
from customers.service.number_rows import Answered, Asked
from service_kit.auth import principal
from service_kit.http import Router, repeatable

router = Router(tags=["imports"])

COLUMNS = ("row", "account_number", "number", "outcome", "number_id")
DryRun = Annotated[bool, Query(description="look and report only: nothing is changed")]
_ANSWER = {"row": 2, "account_number": "F000001", "number": "+442079460123", "outcome": "added", "number_id": 1043}
_ABOUT = (
    "a line for each row, in their order: row (the header is 1), account_number, number, outcome (added, would be "
    "added, already there, problem), number_id, problem; JSON lines end with the totals"
)


@router.post(
    "/imports/numbers",
    dependencies=[*WRITE, repeatable("rows that are there exactly alike are answered `already there`")],
    summary="Add numbers from a CSV file",
    response_class=StreamingResponse,
    responses=documented(_ABOUT, _ANSWER, COLUMNS),
    openapi_extra=csv_body(NUMBER_COLUMNS),
)
async def post_numbers(
    request: Request,
    dry_run: DryRun = False,
    all_or_nothing: Annotated[bool, Query(description="store nothing when a row has a problem")] = False,
) -> StreamingResponse:
    """UTF-8, with commas, semicolons or tabs; the columns of `GET /imports/numbers/template.csv` in any order. Needed
    are `number`, `call_plan`, `start`, and `account_number` or `customer_id`. Days are 2025-01-31 or 31/01/2025.
    `class_tariffs` and `class_markups` are written `Mobile=12.5; National=10`.

    Good rows are stored, the others answered with what is wrong; `all_or_nothing` stores all or none, and its
    customers cannot be changed meanwhile. `dry_run` answers what would happen. A file whose header or quotes cannot be
    read is refused as a whole with 422.
    """
    how = How(principal(request), dry_run, all_or_nothing)
    async with sheet(request, NUMBER_COLUMNS, NUMBER_NEEDED) as rows:
        report = _NumberReport(request, COLUMNS)
        try:
            stored = await import_numbers(lambda: _asked(rows), how, report)
        except BaseException:
            report.close()
            raise
    return report.answer(stored=stored, trailer=True)


@router.get(
    "/imports/numbers/template.csv",
    dependencies=READ,
    summary="A file of numbers to fill in",
    response_class=Response,
    responses=csvs.RESPONSES,
)
async def get_numbers_template() -> Response:
    return Response(template(NUMBER_COLUMNS), media_type=csvs.MEDIA_TYPE)


class _NumberReport(RowReport):
    def add(self, answers: Sequence[Answered]) -> None:
        """Answers of a group."""
        self.write([(_told(each), each.problem) for each in answers])


def _told(answered: Answered) -> dict[str, Any]:
    return {name: getattr(answered, name) for name in COLUMNS}


def _asked(rows: Rows) -> Iterator[Asked]:
    return map(read_row, rows())


def read_row(row: SheetRow) -> Asked:
    """A row as it is ordered, or what is wrong with its cells."""
    sent, errors = read_cells(row, NUMBER_COLUMNS)
    account_number, customer_id = sent.pop("account_number", None), sent.pop("customer_id", None)
    number: str | None = row.cells.get("number")
    order: Any = None
    try:
        body = NewNumber.model_validate(sent)
        order, number = body.order(), body.number
    except ValidationError as error:
        errors = cell_errors(error, NUMBER_COLUMNS, errors)
    if errors:
        order = row_problem(row.number, errors)
    return Asked(row.number, account_number, customer_id, number, order)
