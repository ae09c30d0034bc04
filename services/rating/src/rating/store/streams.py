"""Usage out of Postgres as text, row by row, however much it is; and its pages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, TypeAlias

from psycopg import AsyncConnection as PsycopgConnection
from psycopg import sql
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

Form: TypeAlias = Literal["csv", "jsonl"]
Place: TypeAlias = tuple[date, datetime, int]
"""Where a call stands among a customer's: local day, start, usage id."""

PIECE_BYTES = 128 * 1024
_POUNDS = "({micro} * 0.000001)::text"
_E164 = "CASE WHEN {digits} = '' THEN '' ELSE '+' || {digits} END"
# As pages tell an instant: with a fraction of a second only where there is one.
_INSTANT = """
    to_char(started, CASE WHEN date_trunc('second', started) = started THEN 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
                          ELSE 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' END)
"""
_TOLD_OTHERWISE = {
    "charged_number": _E164.format(digits="charged_number"),
    "other_party": _E164.format(digits="other_party"),
    "started": _INSTANT,
    "suggested_retail_price": _POUNDS.format(micro="retail_micro"),
    "cdr_cost": _POUNDS.format(micro="cdr_cost_micro"),
    "carrier_cost": _POUNDS.format(micro="carrier_cost_micro"),
    "charge": _POUNDS.format(micro="charge_micro"),
    "cost": _POUNDS.format(micro="cost_micro"),
}
_ORDER = "local_date, started, usage_id"
_WANTED = """
    SELECT * FROM usage
    WHERE {whose} AND local_date >= coalesce({first}::date, '-infinity')
      AND local_date <= coalesce({last}::date, 'infinity')
    ORDER BY local_date, started, usage_id
"""
_COPY: dict[Form, str] = {
    "csv": "COPY (SELECT {fields} FROM ({wanted}) AS call) TO STDOUT (FORMAT csv, HEADER)",
    # JSON has no such control characters, so that nothing is ever quoted.
    "jsonl": r"COPY (SELECT row_to_json(told) FROM (SELECT {fields} FROM ({wanted}) AS call) AS told)"
    r" TO STDOUT (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')",
}
_HOLDERS = text(
    """
    SELECT customer_id FROM number WHERE number_id = :number_id
    UNION SELECT customer_id FROM assignment WHERE number_id = :number_id ORDER BY customer_id
    """
)
_PLACE = text("SELECT local_date, started, usage_id FROM usage WHERE usage_id = :usage_id")
_PAGE = text(
    f"""
    SELECT * FROM usage
    WHERE customer_id = :customer_id
      AND local_date >= greatest(CAST(:first AS date), CAST(:day AS date), '-infinity')
      AND local_date <= coalesce(CAST(:last AS date), 'infinity')
      AND ({_ORDER}) > (coalesce(CAST(:day AS date), '-infinity'), coalesce(CAST(:started AS timestamptz), '-infinity'),
                        CAST(:usage_id AS bigint))
    ORDER BY {_ORDER} LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose usage, between which local days; both are included, None is open.

    Attributes:
        customers: whose; usage of no other customer is read.
        number_id: of this number only.
    """

    customers: Sequence[int]
    number_id: int | None
    first: date | None
    last: date | None


async def holders(connection: AsyncConnection, number_id: int) -> list[int]:
    """The customers who have or had a number; none where it is not known."""
    return list((await connection.execute(_HOLDERS, {"number_id": number_id})).scalars())


async def page(
    connection: AsyncConnection,
    customer_id: int,
    first: date | None,
    last: date | None,
    *,
    after: Place | None,
    limit: int,
) -> Sequence[RowMapping]:
    """A customer's calls in the order of their start, behind a place."""
    day, started, usage_id = after or (None, None, -1)
    values = {"customer_id": customer_id, "first": first, "last": last, "limit": limit}
    place = {"day": day, "started": started, "usage_id": usage_id}
    return (await connection.execute(_PAGE, values | place)).mappings().all()


async def place_of(connection: AsyncConnection, usage_id: int) -> Place | None:
    """Where a call stands. In the open segment it is looked for from end to end."""
    row = (await connection.execute(_PLACE, {"usage_id": usage_id})).one_or_none()
    return None if row is None else (row.local_date, row.started, row.usage_id)


async def copied(
    connection: AsyncConnection, wanted: Wanted, form: Form, fields: Sequence[str]
) -> AsyncGenerator[bytes, None]:
    """The wanted usage in the order of start, as text in pieces of whole rows; it is not kept in memory.

    Args:
        fields: of a call, as pages tell it, in this order.
    """
    raw: PsycopgConnection[Any] | None = (await connection.get_raw_connection()).driver_connection
    assert raw is not None
    piece = bytearray()
    async with raw.cursor() as cursor, cursor.copy(_statement(wanted, form, fields)) as copy:
        async for row in copy:
            piece += row
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
    if piece:
        yield bytes(piece)


def _statement(wanted: Wanted, form: Form, fields: Sequence[str]) -> sql.Composed:
    """COPY takes no parameters, so that they are written into it."""
    told = ", ".join(f"{_TOLD_OTHERWISE.get(field, field)} AS {field}" for field in fields)
    whose = sql.SQL("customer_id = ANY({})").format(sql.Literal(list(wanted.customers)))
    if len(wanted.customers) == 1:  # only so is an index read in the order of days
        whose = sql.SQL("customer_id = {}").format(sql.Literal(wanted.customers[0]))
    if wanted.number_id is not None:
        whose += sql.SQL(" AND number_id = {}").format(sql.Literal(wanted.number_id))
    values = {"whose": whose, "first": sql.Literal(wanted.first), "last": sql.Literal(wanted.last)}
    rows = sql.SQL(_WANTED).format(**values)
    return sql.SQL(_COPY[form]).format(fields=sql.SQL(told), wanted=rows)
