"""The slow, independent reference: what a carrier folder must come to, to the penny.

Written from the specification alone. It uses the standard library only, imports nothing of the platform and shares no
parser with it, so that both going wrong in the same way is unlikely. Each rule stands in the function that cites it.

    result = compute(Path("carrier"))       the whole folder
    rate_call(carrier, call)                one call, for property tests

`judging` says what becomes of a call, `pricing` what it costs, `charges` what recurring charges come to, `bills` what
an invoice is, `records` reads CDRs, `carrier` and `deck` read everything else.
"""

from tests.support.reference.bills import Line, ReferenceInvoice
from tests.support.reference.carrier import Carrier, read_carrier, read_plan
from tests.support.reference.judging import Judged, rate_call
from tests.support.reference.records import Call, Unreadable, records_of
from tests.support.reference.totals import Ledger, ReferenceResult, bill, compute

__all__ = [
    "Call",
    "Carrier",
    "Judged",
    "Ledger",
    "Line",
    "ReferenceInvoice",
    "ReferenceResult",
    "Unreadable",
    "bill",
    "compute",
    "rate_call",
    "read_carrier",
    "read_plan",
    "records_of",
]
