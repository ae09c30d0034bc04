"""What rating charged is what invoicing billed and what is unbilled, exactly (STYLE 1, SPEC I4, Z2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tests.support.auditor.checks import Books
from tests.support.auditor.usage import CLOSED_BY, OUTCOMES


class Sums(NamedTuple):
    """Calls, seconds, and the exact charge in micro-pounds."""

    calls: int
    seconds: int
    micro: int

    def __str__(self) -> str:
        return f"{self.calls} calls, {self.seconds} s, {self.micro} micro-pounds"


NOTHING = Sums(0, 0, 0)
_CHARGED = f"""
    WITH {CLOSED_BY}, charged AS (
        SELECT customer_id, close_id, usage_id, seconds, charge_micro FROM usage LEFT JOIN closed_by USING (usage_id)
        UNION ALL
        SELECT customer_id, close_id, usage_id, seconds, charge_micro FROM close_fallback JOIN held USING (usage_id)
        UNION ALL
        SELECT o.customer_id, close_id, o.usage_id, o.seconds, o.charge_micro
        FROM usage_taken_off o JOIN usage_close c USING (close_id) WHERE c.state <> 'released')
    SELECT customer_id, close_id, count(*) AS calls, sum(seconds) AS seconds,
           sum(charge_micro - coalesce(discount_micro, 0)) AS micro
    FROM charged LEFT JOIN close_discount USING (close_id, usage_id) GROUP BY customer_id, close_id
"""
_BILLED = """
    SELECT t.customer_id, t.close_id, sum(t.calls) AS calls, sum(t.seconds) AS seconds,
           sum(t.net_exact) * 1000000 AS micro
    FROM transaction t JOIN invoice i USING (invoice_id)
    WHERE t.kind = 'usage' AND i.status <> 'removed' AND t.close_id IS NOT NULL GROUP BY t.customer_id, t.close_id
"""
_LIVE_INVOICES = """
    SELECT invoice_id, customer_id, close_id, status FROM invoice WHERE status <> 'removed' AND close_id IS NOT NULL
"""
_CLOSES = "SELECT close_id, customer_id, state, invoice_id FROM usage_close"
_RECEIVED = f"""
    WITH {OUTCOMES} SELECT (SELECT count(*) FROM outcomes) + (SELECT coalesce(sum(records), 0) FROM outcome_erased)
    AS records
"""


def charged_is_billed_or_unbilled(books: Books) -> Iterator[str]:
    """For every customer: calls, seconds and exact charge of its usage are on live invoices, or not billed yet."""
    if not ("rating" in books and "invoicing" in books):
        return
    charged, billed = _by_close(books, "rating", _CHARGED), _by_close(books, "invoicing", _BILLED)
    on_invoices = {row["close_id"] for row in books.rows("invoicing", _LIVE_INVOICES)}
    for customer in sorted(charged.keys() | billed.keys()):
        ours, theirs = charged.get(customer, {}), billed.get(customer, {})
        yield from _differences(customer, ours, theirs)
        unbilled = [sums for close, sums in ours.items() if close not in on_invoices]
        if _sum(*ours.values()) != _sum(*theirs.values(), *unbilled):
            yield (
                f"customer {customer}: charged are {_sum(*ours.values())}, billed {_sum(*theirs.values())}, "
                f"unbilled {_sum(*unbilled)}"
            )


def _differences(customer: int, charged: Mapping[int | None, Sums], billed: Mapping[int | None, Sums]) -> Iterator[str]:
    for close, sums in billed.items():
        if charged.get(close, NOTHING) != sums:
            yield f"customer {customer}, close {close}: rating has {charged.get(close, NOTHING)}, billed are {sums}"


def _by_close(books: Books, service: str, query: str) -> dict[int, dict[int | None, Sums]]:
    found: dict[int, dict[int | None, Sums]] = defaultdict(dict)
    for row in books.rows(service, query):
        found[row["customer_id"]][row["close_id"]] = Sums(int(row["calls"]), int(row["seconds"]), int(row["micro"]))
    return found


def _sum(*parts: Sums) -> Sums:
    return Sums(*map(sum, zip(*parts, strict=True))) if parts else NOTHING


def closes_know_their_invoices(books: Books) -> Iterator[str]:
    """At rest: the close of an approved invoice is billed, that of a draft is open, any other one is released."""
    if not ("rating" in books and "invoicing" in books):
        return
    invoices = {row["close_id"]: row for row in books.rows("invoicing", _LIVE_INVOICES)}
    for close in books.rows("rating", _CLOSES):
        invoice = invoices.pop(close["close_id"], None)
        due = "released" if invoice is None else "closed" if invoice["status"] == "draft" else "billed"
        if close["state"] != due:
            yield f"close {close['close_id']} is {close['state']}, by invoicing's books it should be {due}"
        elif due == "billed" and close["invoice_id"] != (invoice or {})["invoice_id"]:
            yield f"close {close['close_id']} is billed on {close['invoice_id']}, which is another invoice"
    for close_id, invoice in invoices.items():
        yield f"invoice {invoice['invoice_id']} bills close {close_id}, which rating does not have"


def all_received(books: Books, received: int | None) -> Iterator[str]:
    """SPEC R3: as many outcomes as records were given in."""
    if received is not None:
        stored = books.rows("rating", _RECEIVED)[0]["records"]
        if stored != received:
            yield f"{received} records were given in, {stored} have an outcome"
