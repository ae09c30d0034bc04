"""Files that are sent: kept on disk while they are read, in a body or as the part `file` of a form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from customers.api import csvs
from customers.domain.sheets import Columns, SheetRow, UnreadableSheet, column_of, sheet_rows, text_lines
from service_kit.http import Invalid, Problem
from service_kit.problems import field_errors

MOST_BYTES = 100 * 1024 * 1024
MOST_ROWS = 250_000
_IN_MEMORY_BYTES = 4 * 1024 * 1024
_FORM = "multipart/form-data"

Rows = Callable[[], Iterator[SheetRow]]
"""Reads a file's rows; it may be asked for them again."""


def content_type(request: Request) -> str:
    """What kind of body is sent, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_sheet(request: Request) -> bool:
    """Whether a CSV file is sent, or a form with one."""
    return content_type(request) in {"text/csv", "application/csv", "application/vnd.ms-excel", _FORM}


@asynccontextmanager
async def sheet(request: Request, known: Collection[str], needed: Collection[str]) -> AsyncIterator[Rows]:
    """The rows of the CSV file that is sent. All of it is read once before the block: so that a file that cannot be
    read to its end is refused before any of it is stored.

    Raises:
        Problem: 413 where it is too long, 422 where it cannot be read.
    """
    with SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as kept:
        file = await _from_form(request) if content_type(request) == _FORM else await _from_body(request, kept)

        def rows() -> Iterator[SheetRow]:
            file.seek(0)
            return sheet_rows(text_lines(file), known, needed)

        try:
            await asyncio.to_thread(_check, rows)
        except UnreadableSheet as error:
            raise Invalid(f"the file cannot be read: {error}", errors=[_error("file", str(error))]) from None
        try:
            yield rows
        finally:
            await request.close()


async def _from_body(request: Request, kept: IO[bytes]) -> IO[bytes]:
    length = 0
    async for piece in request.stream():
        length += len(piece)
        if length > MOST_BYTES:
            raise _too_long(f"the file has more than {MOST_BYTES} bytes")
        kept.write(piece)
    return kept


async def _from_form(request: Request) -> IO[bytes]:
    parts = (await request.form(max_files=1, max_fields=10)).values()
    files = [part for part in parts if isinstance(part, UploadFile)]
    if not files:
        raise Invalid("the form has no file: send it as the part 'file'", errors=[_error("file", "send the file")])
    if (files[0].size or 0) > MOST_BYTES:
        raise _too_long(f"the file has more than {MOST_BYTES} bytes")
    return files[0].file


def _check(rows: Rows) -> None:
    if sum(1 for _ in rows()) > MOST_ROWS:
        raise _too_long(f"the file has more than {MOST_ROWS} rows")


def _too_long(why: str) -> Problem:
    return Problem(413, "file-too-long", "File too long", f"{why}: split it")


def _error(field: str, message: str) -> dict[str, str]:
    return {"field": field, "message": message}


def cell_errors(error: ValidationError, columns: Columns, found: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is wrong with a row's cells, by column: what was found when they were read, and what they say together."""
    told = {field for field, _ in found}
    missing = {".".join(map(str, each["loc"])) for each in error.errors() if each["type"] == "missing"}
    errors = list(found)
    for each in field_errors(error.errors(include_url=False, include_context=False)):
        column = column_of(each["field"], columns)
        message = "the cell is empty: fill it in" if each["field"] in missing else each["message"]
        errors += [(column, message)] if column not in told else []
    return errors


def row_problem(row: int, errors: Sequence[tuple[str, str]]) -> Problem:
    """What is wrong with a row's cells, as a problem."""
    told = "; ".join(f"{field}: {message}" for field, message in errors)
    return Invalid(f"row {row}: {told}", errors=[_error(field, message) for field, message in errors])


def template(columns: Columns) -> bytes:
    """A file with all columns and a row that shows how they are filled in."""
    return csvs.lines([list(columns), [column.sample for column in columns.values()]])


def csv_body(columns: Columns, **others: Any) -> dict[str, Any]:
    """The request body of an import in OpenAPI: CSV as it is, or in a form; and other media types."""
    example = template(columns).decode()
    form = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
    content = {
        **others,
        "text/csv": {"schema": {"type": "string"}, "example": example},
        _FORM: {"schema": form, "example": {"file": example}},
    }
    return {"requestBody": {"required": True, "content": content}}
