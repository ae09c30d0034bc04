"""VAT per rate entry on an invoice's net at that rate (SPEC C7, Z13, "Words")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from contracts.billing import VatLine
from contracts.reference import VatRate
from invoicing.domain.reference import ReferenceLists
from invoicing.domain.transactions import ZERO
from money.vat import vat_on

CHARGED = frozenset({"standard", "reduced"})
"""The treatments at which VAT is added; at the others (zero, exempt, outside scope, reverse charge) it is not."""


class NoVatRate(ValueError):
    """A rate is not in the list, or has no percentage on the tax point."""


def percent_on(code: str, rate: VatRate, tax_point: date) -> Decimal:
    """SPEC Z13: the percentage valid on the invoice date.

    Raises:
        NoVatRate: the entry has none for that day.
    """
    if rate.treatment not in CHARGED:
        return Decimal(0)
    for period in rate.periods:
        if period.valid_from <= tax_point and (period.valid_to is None or tax_point <= period.valid_to):
            return period.percent
    raise NoVatRate(f"VAT rate {code} has no percentage on {tax_point}")


def vat_lines(
    nets: Iterable[tuple[str | None, Decimal]], lists: ReferenceLists, tax_point: date
) -> tuple[VatLine, ...]:
    """Net, rate and VAT per rate entry, ordered by code. Grouping is by entry, not by percentage (SPEC Z13).

    Args:
        nets: the VAT rate and the net in pounds of each transaction on the invoice.

    Raises:
        NoVatRate: a rate is missing, unknown or without a percentage on the day.
    """
    by_rate: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for rate, net in nets:
        if rate is None:
            raise NoVatRate("the customer has no VAT rate")
        by_rate[rate] += net
    return tuple(_line(code, by_rate[code], lists, tax_point) for code in sorted(by_rate))


def _line(code: str, net: Decimal, lists: ReferenceLists, tax_point: date) -> VatLine:
    entry = lists.entry("vat_rates", code)
    if entry is None or entry.vat_rate is None:
        raise NoVatRate(f"VAT rate {code} is not in the reference list")
    percent = percent_on(code, entry.vat_rate, tax_point)
    return VatLine(
        vat_rate=code,
        name=entry.name,
        treatment=entry.vat_rate.treatment,
        percent=percent,
        net=net,
        vat=vat_on(net, percent),
        statement=entry.vat_rate.statement,
    )
