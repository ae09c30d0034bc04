"""What open closes charge for unpriced calls: rows beside `held`, until the close is billed or released."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from rating.domain.judging import BY_FALLBACK
from rating.domain.verdicts import Rated
from rating.store.held import RETRY_LOCK

_NO_RETRY = text("SELECT pg_advisory_xact_lock(:lock)")
_UNPRICED = text(
    """
    SELECT held.*, mine.close_id FROM usage_close AS mine
    JOIN held ON held.customer_id = mine.customer_id AND held.local_date <= mine.bill_to
             AND held.generation <= mine.generation
    WHERE mine.close_id = ANY(:closes) AND held.outcome = 'unpriced' AND held.reason = 'no_price'
      AND held.usage_id > :after
    ORDER BY held.usage_id LIMIT :limit
    """
)
_ADD = text(
    """
    INSERT INTO close_fallback (close_id, usage_id, number_id, tariff, markup, charge_micro, cost_micro,
                                billed_seconds, call_class, destination, band)
    SELECT * FROM unnest(
        CAST(:closes AS bigint[]), CAST(:usage_ids AS bigint[]), CAST(:numbers AS bigint[]), CAST(:tariffs AS text[]),
        CAST(:markups AS bigint[]), CAST(:charges AS bigint[]), CAST(:costs AS bigint[]), CAST(:billed AS bigint[]),
        CAST(:classes AS text[]), CAST(:destinations AS text[]), CAST(:bands AS text[]))
    """
)
_COUNT = text(
    """
    UPDATE usage_close SET unpriced = unpriced - priced.calls
    FROM (SELECT close_id, count(*) AS calls FROM close_fallback WHERE close_id = ANY(:closes) GROUP BY close_id)
         AS priced
    WHERE usage_close.close_id = priced.close_id
    """
)
_PRICED = """
    SELECT held.*, mine.close_id, mine.generation AS cut, priced.number_id AS priced_number, priced.tariff,
           priced.markup, priced.charge_micro, priced.cost_micro, priced.billed_seconds, priced.call_class,
           priced.destination, priced.band AS priced_band
    FROM close_fallback AS priced JOIN held USING (usage_id) JOIN usage_close AS mine USING (close_id)
"""
_PRICED_BY = text(f"{_PRICED} WHERE close_id = ANY(:closes) ORDER BY cut, usage_id LIMIT :limit")
_PRICED_NOW = text(f"{_PRICED} WHERE usage_id = :usage_id")
_REMOVE = text(
    """
    WITH billed AS (DELETE FROM close_fallback WHERE usage_id = ANY(:usage_ids))
    DELETE FROM held WHERE usage_id = ANY(:usage_ids)
    """
)
_RELEASE = text(
    """
    WITH released AS (DELETE FROM close_fallback WHERE close_id = ANY(:closes) RETURNING close_id)
    SELECT DISTINCT customer_id FROM released JOIN usage_close USING (close_id) ORDER BY customer_id
    """
)


async def let_no_retry(connection: AsyncConnection) -> None:
    """Wait until no held call is being judged again, and let none be until this transaction ends."""
    await connection.execute(_NO_RETRY, {"lock": RETRY_LOCK})


async def unpriced(connection: AsyncConnection, closes: Sequence[int], *, after: int, limit: int) -> list[RowMapping]:
    """Calls of the customers of these closes that are within the close, but have no price; by usage id."""
    values = {"closes": list(closes), "after": after, "limit": limit}
    return list((await connection.execute(_UNPRICED, values)).mappings())


async def add(connection: AsyncConnection, priced: Sequence[tuple[int, int, Rated]]) -> None:
    """Keep what closes charge for calls: close, usage id and price."""
    rated = [each for _, _, each in priced]
    values = {
        "closes": [close_id for close_id, _, _ in priced],
        "usage_ids": [usage_id for _, usage_id, _ in priced],
        "numbers": [each.number_id for each in rated],
        "tariffs": [each.tariff for each in rated],
        "markups": [each.markup for each in rated],
        "charges": [each.charge_micro for each in rated],
        "costs": [each.cost_micro for each in rated],
        "billed": [each.billed_seconds for each in rated],
        "classes": [each.call_class for each in rated],
        "destinations": [each.destination for each in rated],
        "bands": [each.band for each in rated],
    }
    await connection.execute(_ADD, values)


async def count(connection: AsyncConnection, closes: Sequence[int]) -> None:
    """Take what has a price now off the unpriced calls that new closes count."""
    await connection.execute(_COUNT, {"closes": list(closes)})


async def priced_by(connection: AsyncConnection, closes: Sequence[int], limit: int) -> list[RowMapping]:
    """Held calls with what these closes charge for them, by the generation of their `cut`."""
    return list((await connection.execute(_PRICED_BY, {"closes": list(closes), "limit": limit})).mappings())


async def priced_now(connection: AsyncConnection, usage_id: int) -> RowMapping | None:
    """A held call with what an open close charges for it; None where none does."""
    return (await connection.execute(_PRICED_NOW, {"usage_id": usage_id})).mappings().first()


async def remove(connection: AsyncConnection, usage_ids: Sequence[int]) -> None:
    """These calls are billed: they are not held any more."""
    await connection.execute(_REMOVE, {"usage_ids": list(usage_ids)})


async def release(connection: AsyncConnection, closes: Sequence[int]) -> list[int]:
    """These closes charge for nothing any more. Returns the customers for whom they did."""
    return list((await connection.execute(_RELEASE, {"closes": list(closes)})).scalars())


def rated_of(row: RowMapping) -> Rated:
    """What the close of a row of `priced_by` or `priced_now` charges for the call."""
    return Rated(
        customer_id=row["customer_id"],
        number_id=row["priced_number"],
        call_class=row["call_class"],
        destination=row["destination"],
        band=row["priced_band"],
        local_date=row["local_date"],
        step=BY_FALLBACK,
        charge_micro=row["charge_micro"],
        cost_micro=row["cost_micro"],
        billed_seconds=row["billed_seconds"],
        tariff=row["tariff"],
        markup=row["markup"],
    )
