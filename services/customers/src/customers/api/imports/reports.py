"""What became of each row of an import: JSON lines, or CSV where that is asked for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from tempfile import SpooledTemporaryFile
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

from customers.api import csvs
from service_kit.http import Problem

TOTALS = "Import-Totals"
JSON_LINES = "application/x-ndjson"
_IN_MEMORY_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 64 * 1024


class RowReport:
    """The report of an import, kept on disk until it is answered.

    Answered when all is read: a client that sends the whole body before it reads would otherwise wait for us to read
    while we wait for it.
    """

    def __init__(self, request: Request, columns: Sequence[str]) -> None:
        self._path = request.url.path
        self._columns = columns
        self._as_csv = "text/csv" in request.headers.get("accept", "")
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 (closed when it is sent)
        self.totals: Counter[str] = Counter()
        self.clear()

    @property
    def problems(self) -> int:
        """How many rows have a problem."""
        return self.totals["problem"]

    def clear(self) -> None:
        """Forget all rows."""
        self._file.seek(0)
        self._file.truncate()
        self.totals.clear()
        if self._as_csv:
            self._file.write(csvs.lines([[*self._columns, "field", "problem"]]))

    def write(self, rows: Sequence[tuple[Mapping[str, Any], Problem | None]]) -> None:
        """What is told of each row, with its `outcome`; and its problem, if it has one."""
        self.totals.update(told["outcome"] for told, _ in rows)
        if self._as_csv:
            self._file.write(csvs.lines(self._cells(told, problem) for told, problem in rows))
        else:
            self._file.write(b"".join(self._line(told, problem) for told, problem in rows))

    def _cells(self, told: Mapping[str, Any], problem: Problem | None) -> list[Any]:
        errors = problem.extra.get("errors", ()) if problem else ()
        fields = ", ".join(error["field"] for error in errors)
        return [*(told.get(name) for name in self._columns), fields, problem.detail if problem else None]

    def _line(self, told: Mapping[str, Any], problem: Problem | None) -> bytes:
        whole = dict(told) if problem is None else {**told, "problem": problem.document(self._path)}
        return json.dumps(whole).encode() + b"\n"

    def answer(self, *, stored: bool, trailer: bool = False) -> StreamingResponse:
        """The report, with its totals in a header; as a last line too where `trailer` says so and it is JSON."""
        totals = {"rows": self.totals.total(), **{name.replace(" ", "_"): n for name, n in self.totals.items()}}
        if trailer and not self._as_csv:
            self._file.write(json.dumps({"totals": totals, "stored": stored}).encode() + b"\n")
        told = ", ".join(f"{name}={value}" for name, value in totals.items())
        self._file.seek(0)
        return StreamingResponse(
            self._pieces(),
            media_type=csvs.MEDIA_TYPE if self._as_csv else JSON_LINES,
            headers={TOTALS: f"{told}, stored=?{int(stored)}"},
        )

    def close(self) -> None:
        """Let go of it unanswered."""
        self._file.close()

    def _pieces(self) -> Iterator[bytes]:
        with self._file:
            while piece := self._file.read(_PIECE_BYTES):
                yield piece


def documented(what: str, json_line: Mapping[str, Any], columns: Sequence[str]) -> dict[int | str, dict[str, Any]]:
    """The answer of an import in OpenAPI."""
    content = {
        JSON_LINES: {"schema": {"type": "string"}, "example": json.dumps(json_line) + "\n"},
        "text/csv": {
            "schema": {"type": "string"},
            "example": csvs.lines([[*columns, "field", "problem"], [json_line.get(name) for name in columns]]).decode(),
        },
    }
    header = {"schema": {"type": "string"}, "description": "rows, and how many of each outcome"}
    return {200: {"content": content, "description": what, "headers": {TOTALS: header}}}
