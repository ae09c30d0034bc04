"""Reports and lists as CSV files: streamed, with a header row, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from fastapi.responses import StreamingResponse

MEDIA_TYPE = "text/csv; charset=utf-8"
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "a header row, then a row for each"}
}
"""What a route that answers CSV documents."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> str:
    """A value as it is written: what a spreadsheet would take for a formula gets an apostrophe before it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return format(value, "f")
        case date():
            return value.isoformat()
        case str():
            return f"'{value}" if value.startswith(_FORMULA) else value
        case tuple() | list():
            return cell(", ".join(map(str, value)))
    return str(value)


def lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as CSV, UTF-8."""
    written = io.StringIO(newline="")
    csv.writer(written).writerows([cell(value) for value in row] for row in rows)
    return written.getvalue().encode()


def answer(name: str, header: Sequence[str], pages: AsyncIterator[Iterable[Sequence[Any]]]) -> StreamingResponse:
    """A CSV file of any length.

    Args:
        name: of the file, without its ending.
        header: the columns' names.
        pages: the rows, a page at a time; each is sent as soon as it is there.
    """

    async def parts() -> AsyncIterator[bytes]:
        yield lines([header])
        async for page in pages:
            yield lines(page)

    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(parts(), media_type=MEDIA_TYPE, headers=headers)
