"""What a customer sees in the portal (SPEC C11)."""

from __future__ import annotations

import re

from contracts.customers import PortalAccess
from customers.domain.texts import quoted

MOST_REPORTS = 50
_REPORT = re.compile(r"[a-z0-9][a-z0-9_.\-]{0,63}", re.ASCII)


def check_portal(access: PortalAccess) -> PortalAccess:
    """SPEC C11: reports by their codes, each once; a code that no report has (yet) shows nothing.

    Raises:
        ValueError: names what is no code.
    """
    reports = tuple(dict.fromkeys(report.strip().lower() for report in access.reports))
    wrong = [report for report in reports if not _REPORT.fullmatch(report)]
    if wrong:
        raise ValueError(
            f"reports: {quoted(wrong[0])} is not the code of a report: 1 to 64 letters a-z, digits, '_', '-' or '.'"
        )
    if len(reports) > MOST_REPORTS:
        raise ValueError(f"reports: at most {MOST_REPORTS} reports are named")
    return access.model_copy(update={"reports": reports})
