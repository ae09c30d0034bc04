"""A CSV file's bytes as rows, each a line, and each row as the value that goes to `cdr.received` (SPEC R2)."""

from __future__ import annotations

import codecs
import csv
from typing import Any, NamedTuple

from rating.domain.mapped_rows import RowReader, Unreadable

LONGEST_LINE = 64 * 1024
LONGEST_RAW = 4 * 1024
"""Characters of an unreadable row that are kept."""


class Lines:
    """Cuts pieces of UTF-8 into lines; bytes that are not UTF-8 become U+FFFD. A record is one line, so that an
    unclosed quote spoils its own row and no other.
    """

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._rest = ""

    def feed(self, piece: bytes) -> list[str]:
        """The lines that end in this piece. Of one that is too long only the beginning is kept."""
        *lines, rest = (self._rest + self._decode(piece)).split("\n")
        self._rest = rest[: LONGEST_LINE + 1]
        return lines

    def end(self) -> list[str]:
        """The last line, where the file does not end with a line end."""
        rest, self._rest = self._rest + self._decode(b"", True), ""
        return [rest] if rest else []


def cells_of(line: str) -> list[str]:
    """A line's cells; none of an empty line. Raises csv.Error."""
    line = line.rstrip("\r")
    if line and '"' not in line and "\r" not in line:
        return line.split(",")  # what the reader does with it, in a fraction of its time
    return next(csv.reader((line,)), [])


def header_problem(line: str, header: tuple[str, ...]) -> str | None:
    """What is wrong with a file's first line, None where it is the mapping's header."""
    try:
        names = [name.strip() for name in cells_of(line)]
    except csv.Error as error:
        return f"the first line is no CSV: {error}"
    if len(names) != len(header):
        return f"the first line has {len(names)} columns, the mapping has {len(header)}"
    for number, (found, expected) in enumerate(zip(names, header, strict=True), 1):
        if found != expected:
            return f"column {number} of the first line is '{found[:60]}', the mapping has '{expected}'"
    return None


class Record(NamedTuple):
    """A row as it is published. `key` is the charged number, a hint for the partition."""

    key: str
    value: dict[str, Any]
    accepted: bool


class FileRows:
    """Reads the rows of one file as records."""

    def __init__(self, reader: RowReader, source: str, file_id: int) -> None:
        self._reader = reader
        self._source = source
        self._file_id = file_id

    def record(self, line: str, row: int) -> Record | None:
        """The record of a line; None of an empty one. `row` counts from 1, the header not counted."""
        origin = {"file_id": self._file_id, "row": row}
        told = self._read(line)
        if told is None:
            return None
        if isinstance(told, Unreadable):
            return self._rejected(told, line, origin)
        told["source"] = self._source
        told["origin"] = origin
        return Record(told["charged_number"], told, accepted=True)

    def _read(self, line: str) -> dict[str, Any] | Unreadable | None:
        if len(line) > LONGEST_LINE:
            return Unreadable("wrong_columns", None, f"the row is longer than {LONGEST_LINE} characters")
        try:
            cells = cells_of(line)
        except csv.Error as error:
            return Unreadable("wrong_columns", None, f"the row is no CSV: {error}")
        return self._reader.read(cells) if cells else None

    def _rejected(self, bad: Unreadable, line: str, origin: dict[str, int]) -> Record:
        value = {
            "source": self._source,
            "record_id": bad.record_id,
            "charged_number": bad.charged_number,
            "intake_error": {"reason": bad.reason, "field": bad.field, "detail": bad.detail},
            "raw": line.rstrip("\r")[:LONGEST_RAW],
            "origin": origin,
        }
        return Record(bad.charged_number or self._source, value, accepted=False)
