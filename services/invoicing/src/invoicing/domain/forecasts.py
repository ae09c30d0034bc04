"""What a run would bill, before it does (SPEC I3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from invoicing.domain.invoices import Case, Verdict, judge
from invoicing.domain.reference import ReferenceLists
from invoicing.domain.runs import IN_ANOTHER_RUN, Run
from invoicing.domain.transactions import ZERO, Transaction, net_of
from money.rounding import to_pennies


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What would become of a customer in a run; money in pounds.

    `charges` is what settling comes to, `unsent` what waits on Unsent, `usage` what rating told last of unbilled
    usage, all net; `net` and `gross` are of the invoice, 0.00 where there would be none. `before` is the net of the
    customer's last invoice, None where it has none.
    """

    customer_id: int
    account_number: str
    name: str
    state: str
    reason: str
    charges: Decimal
    unsent: Decimal
    usage: Decimal
    net: Decimal = ZERO
    gross: Decimal = ZERO
    before: Decimal | None = None
    other_run: int | None = None

    @property
    def difference(self) -> Decimal:
        """How much more than the last invoice."""
        return self.net - (self.before or ZERO)


def forecast(
    case: Case, usage: Decimal, before: Decimal | None, other_run: int | None, run: Run, lists: ReferenceLists
) -> Forecast:
    """SPEC I3: judge a customer as the run would, with its usage as told last in place of a close.

    Args:
        case: without a close.
        usage: unbilled, pounds net, exact; also what was used after the bill-to date.
        before: the net of the last invoice.
        other_run: the run that is active for the customer, if it is another one.
    """
    expected = [_usage(case, usage)] if usage else []
    verdict = _judged(replace(case, unsent=[*case.unsent, *expected]), run, lists)
    if other_run is not None:
        verdict = Verdict("parked", f"{IN_ANOTHER_RUN}: run {other_run}", verdict.settlements)
    return Forecast(
        customer_id=case.customer.customer_id,
        account_number=case.customer.account_number,
        name=case.customer.name,
        state=verdict.state,
        reason=verdict.reason,
        charges=net_of([line for each in verdict.settlements for line in each.transactions]),
        unsent=net_of(list(case.unsent)),
        usage=net_of(expected),
        net=verdict.totals.net if verdict.totals else ZERO,
        gross=verdict.totals.gross if verdict.totals else ZERO,
        before=before,
        other_run=other_run,
    )


def _judged(case: Case, run: Run, lists: ReferenceLists) -> Verdict:
    try:
        return judge(case, run, lists)
    except ValueError as error:
        return Verdict("parked", str(error))


def _usage(case: Case, exact: Decimal) -> Transaction:
    return Transaction(
        customer_id=case.customer.customer_id,
        kind="usage",
        description="Calls not billed yet",
        net=to_pennies(exact),
        net_exact=exact,
    )
