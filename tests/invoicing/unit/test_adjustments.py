"""Corrections of billed usage: figures worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.invoicing import made

from contracts.closing import UsageAdjusted, UsageLine
from invoicing.domain.adjustments import BilledLine, by_key, correction_net, corrections, unknown_lines
from invoicing.domain.transactions import Transaction


@pytest.mark.parametrize(
    ("exact", "left", "net"),
    [
        ("-1.2345", "10.00", "-1.23"),
        ("-0.005", "10.00", "-0.01"),  # half up is away from zero
        ("-0.0049", "10.00", "0.00"),
        ("-10.004", "10.00", "-10.00"),
        ("-10.0051", "10.01", "-10.01"),
        ("-10.0051", "10.00", "-10.00"),  # two refunds rounded up may not come to more than the line
        ("-3.00", "0.00", "0.00"),
        ("-3.00", "-1.00", "0.00"),
        ("2.345", "0.00", "2.35"),  # a charge has no such bound
        ("-4.00", None, "-4.00"),
    ],
)
def test_what_is_given_back_is_rounded_once_and_never_more_than_the_line(
    exact: str, left: str | None, net: str
) -> None:
    """Z9, Z1: one refund per usage line, the exact sum rounded once, never more than what is left of it."""
    assert correction_net(Decimal(exact), None if left is None else Decimal(left)) == Decimal(net)


def billed_line(net: str, rate: str = "standard", left: str | None = None, **what: Any) -> BilledLine:
    line = made.usage_line(net, **what)
    transaction = Transaction(
        customer_id=1,
        kind="usage",
        description="National calls, peak",
        net=line.net,
        transaction_id=5,
        invoice_id=6,
        vat_rate=rate,
        number_id=line.number_id,
        call_class=line.call_class,
        band=line.band,
    )
    return BilledLine(transaction, line.net if left is None else Decimal(left))


def adjusted(*lines: UsageLine, **what: Any) -> UsageAdjusted:
    usual = {"close_id": 9, "invoice_id": 6, "part": 1, "parts": 1, "reason": "final bill on 31 January"}
    totals = made.totals(*lines)
    return UsageAdjusted(customer_id=1, adjustment_id=3, lines=lines, totals=totals, **{**usual, **what})


def test_a_refund_keeps_the_rate_of_the_invoice_that_billed_it() -> None:
    """Z9, Z13: at that invoice's VAT rate, whatever the customer's is by then."""
    (made_line,) = corrections(adjusted(made.usage_line("-2.50", calls=3)), by_key([billed_line("9.99", "reduced")]))
    assert (made_line.kind, made_line.net, made_line.calls) == ("refund", Decimal("-2.50"), 3)
    assert (made_line.vat_rate, made_line.own_vat_rate) == ("reduced", True)
    assert (made_line.adjusts, made_line.adjustment_id, made_line.close_id) == (5, 3, None)
    assert made_line.description == "National calls, peak: 3 calls given back"


def test_lines_that_come_to_nothing_leave_nothing() -> None:
    """C14: free calls given back do not keep a Final Bill open."""
    assert corrections(adjusted(made.usage_line("0.00")), by_key([billed_line("0.00")])) == []


def test_a_line_that_was_not_billed_is_not_given_back() -> None:
    """Z9: its draft was made again since, without those calls."""
    adjustment = adjusted(made.usage_line("-1.00"), made.usage_line("-1.00", band="weekend"))
    billed = by_key([billed_line("5.00")])
    assert [each.band for each in corrections(adjustment, billed)] == ["peak"]
    assert [each.band for each in unknown_lines(adjustment, billed)] == ["weekend"]


def test_a_correction_of_no_close_follows_the_customers_rate() -> None:
    """R8: a credit or charge by itself."""
    (made_line,) = corrections(adjusted(made.usage_line("1.50"), close_id=None), {})
    assert (made_line.kind, made_line.net, made_line.own_vat_rate) == ("adjustment", Decimal("1.50"), False)
