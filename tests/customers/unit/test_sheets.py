"""Reading CSV files: the file, its header, its cells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from customers.domain.sheet_columns import CUSTOMER_COLUMNS, NUMBER_COLUMNS
from customers.domain.sheets import (
    Column,
    SheetRow,
    UnreadableSheet,
    column_of,
    read_cells,
    read_date,
    read_decimal,
    read_flag,
    read_list,
    read_money,
    read_pairs,
    read_percent,
    read_phone,
    read_text,
    read_whole,
    sheet_rows,
    text_lines,
)

KNOWN = ("account_number", "number", "label")


def read(file: bytes, known: tuple[str, ...] = KNOWN, needed: tuple[str, ...] = ("number",)) -> list[SheetRow]:
    return list(sheet_rows(text_lines(file.splitlines(keepends=True)), known, needed))


@pytest.mark.parametrize(
    "file",
    [
        b"number,label\n0161,Shop\n",
        b"\xef\xbb\xbfnumber,label\r\n0161,Shop\r\n",
        b"number;label\n0161;Shop",
        b"number\tlabel\n0161\tShop\n",
        b"sep=;\r\nnumber;label\r\n0161;Shop\r\n",
        b'"Number","LABEL"\n"0161","Shop"\n',
        b" LABEL ,Num ber\nShop, 0161 \n",
        b"number,label,,\n0161,Shop,,\n",
    ],
)
def test_a_spreadsheets_ways_to_write_one_table(file: bytes) -> None:
    """C9: byte order marks, line ends, delimiters, quotes, the order of columns."""
    assert read(file) == [SheetRow(2, {"number": "0161", "label": "Shop"})]


def test_an_old_line_end_is_one_too() -> None:
    rows = list(sheet_rows(text_lines([b"number,label\r0161,Shop\r"]), KNOWN, ()))
    assert rows == [SheetRow(2, {"number": "0161", "label": "Shop"})]


def test_rows_are_counted_as_a_spreadsheet_shows_them() -> None:
    """Blank rows count and are left out; a cell with two lines is one row."""
    file = b'number,label\n0161,"Front\ndesk"\n,\n\n0162,"say ""Shop"", please"\n'
    assert read(file) == [
        SheetRow(2, {"number": "0161", "label": "Front\ndesk"}),
        SheetRow(5, {"number": "0162", "label": 'say "Shop", please'}),
    ]


def test_short_rows_are_filled_and_long_ones_told() -> None:
    rows = read(b"number,label\n0161\n0162,Shop,more\n")
    assert rows == [SheetRow(2, {"number": "0161"}), SheetRow(3, {"number": "0162", "label": "Shop"}, beyond=True)]
    assert read_cells(rows[1], NUMBER_COLUMNS)[1][0][0] == "row"


def test_the_apostrophe_of_our_own_files_is_taken_off() -> None:
    assert read(b"number,label\n'+441614960123,'tis\n")[0].cells == {"number": "+441614960123", "label": "'tis"}


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (b"number,colour\n", "'colour'"),
        (b"label\n", "lacks 'number'"),
        (b"number,Number\n", "twice"),
        (b"", "lacks 'number'"),
        (b"number\n0161\ncaf\xe9\n", "line 3, byte 4"),
        (b"\xff\xfen\0u\0", "UTF-16"),
        (b"PK\x03\x04xyz", "Excel workbook"),
        (b'number,label\n0161,"open\n0162,Shop\n', "row 2"),
        (b'number,label\n0161,"a"b\n', "row 2"),
        (b"number\n" + b"9" * 200_000 + b"\n", "row 2"),
    ],
)
def test_a_file_that_is_no_table_of_these_columns_is_refused(file: bytes, told: str) -> None:
    """C9: says what, where, and what to do."""
    with pytest.raises(UnreadableSheet, match=told):
        read(file)


def test_an_unknown_column_lists_the_known_ones() -> None:
    with pytest.raises(UnreadableSheet, match="the columns are account_number, number, label"):
        read(b"number,colour\n")


@pytest.mark.parametrize(
    ("reader", "cell", "value"),
    [
        (read_date, "2025-01-31", date(2025, 1, 31)),
        (read_date, "31/01/2025", date(2025, 1, 31)),
        (read_date, "1/2/2025", date(2025, 2, 1)),
        (read_date, "01/02/2025 00:00", date(2025, 2, 1)),
        (read_date, "2025-01-31T00:00:00", date(2025, 1, 31)),
        (read_decimal, "1234.50", "1234.50"),
        (read_decimal, "£1,234.50", "1234.50"),
        (read_decimal, "12,5", "12.5"),
        (read_decimal, "-3", "-3"),
        (read_money, "500", "500.00"),
        (read_money, "12.5", "12.50"),
        (read_money, "12.5000", "12.50"),
        (read_money, ".5", "0.50"),
        (read_percent, "12.5 %", "12.5"),
        (read_whole, "7", 7),
        (read_whole, "7.0", 7),
        (read_flag, "Yes", True),
        (read_flag, "0", False),
        (read_list, "calls, bills;;", ["calls", "bills"]),
        (read_phone, "020 7946 0123", "020 7946 0123"),
        (read_phone, "442079460123.0", "442079460123"),
        (read_pairs(read_percent), "Mobile=12.5; National = 10%;", {"Mobile": "12.5", "National": "10"}),
    ],
)
def test_cells_are_read(reader: Callable[[str], Any], cell: str, value: Any) -> None:
    """C6, C9"""
    assert reader(cell) == value


@pytest.mark.parametrize(
    ("reader", "cell", "told"),
    [
        (read_date, "31/01/25", "two digits"),
        (read_date, "01/31/2025", "day first"),
        (read_date, "2025-02-30", "not in the calendar"),
        (read_date, "01/01/0225", "1990 to 2199"),
        (read_date, "soon", "2025-01-31"),
        (read_date, "45678", "2025-01-31"),
        (read_decimal, "1,234", "without doubt"),
        (read_decimal, "1.234,50", "without doubt"),
        (read_decimal, "NaN", "without doubt"),
        (read_decimal, "1e5", "without doubt"),
        (read_decimal, "٣", "without doubt"),
        (read_money, "0.005", "penny"),
        (read_whole, "7.5", "whole"),
        (read_whole, "-7", "whole"),
        (read_whole, "9" * 30, "whole"),
        (read_flag, "maybe", "yes or no"),
        (read_phone, "4.42079E+11", "last digits are lost"),
        (read_pairs(read_text), "Mobile", "Mobile=12.5"),
        (read_pairs(read_text), "A=1;A=2", "once"),
    ],
)
def test_what_could_mean_two_things_is_not_guessed(reader: Callable[[str], Any], cell: str, told: str) -> None:
    """C9: the message says what to write."""
    with pytest.raises(ValueError, match=told):
        reader(cell)


def test_cells_become_what_is_sent_in_json_and_back() -> None:
    """C1: nested values by their columns' paths, with each error at its column."""
    cells = {"name": "Ann", "address_line_1": "1 Mill Lane", "address_line_3": "Testford", "credit_limit": "lots"}
    sent, errors = read_cells(SheetRow(2, cells), CUSTOMER_COLUMNS)
    assert sent == {"name": "Ann", "billing_address": {"lines": ["1 Mill Lane", "", "Testford"]}}
    assert [field for field, _ in errors] == ["credit_limit"]
    assert column_of("billing_address.lines.2", CUSTOMER_COLUMNS) == "address_line_3"
    assert column_of("call_plan_charge.amount", NUMBER_COLUMNS) == "call_plan_charge"
    assert column_of("emails.1", CUSTOMER_COLUMNS) == "emails"


def test_a_nul_in_a_cell_is_told() -> None:
    _, errors = read_cells(SheetRow(2, {"label": "a\0b"}), {"label": Column("label", read_text)})
    assert "NUL" in errors[0][1]
