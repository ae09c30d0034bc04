"""Payment terms in words (SPEC C6)."""

from __future__ import annotations

import re
from collections.abc import Callable

from contracts.customers import PaymentTerms
from customers.domain.texts import pasted, quoted
from money.terms import TermsKind, check_terms

EXAMPLES = "'30 days', '28th', 'last day' or '-2'"
_ORDINAL = r"(?:st|nd|rd|th)"
_OF_MONTH = r"(?: of (?:the |each |every )?month)?"
_AFTER_INVOICE = r"(?: (?:after|from|of) (?:the )?(?:invoice(?: date)?|date of invoice))?"
_MONTH_END = r"(?:the )?(?:month end|end of (?:the )?month)"

_Spelling = tuple[re.Pattern[str], TermsKind, Callable[[int], int]]


def _spelling(pattern: str, kind: TermsKind, value: Callable[[int], int] = int) -> _Spelling:
    return re.compile(pattern, re.ASCII), kind, value


_SPELLINGS: tuple[_Spelling, ...] = (
    _spelling(rf"(?:net )?(\d{{1,4}}) ?days?{_AFTER_INVOICE}(?: net)?", "days_after"),
    _spelling(r"net (\d{1,4})", "days_after"),
    _spelling(rf"(?:the )?(\d{{1,4}}){_ORDINAL}{_OF_MONTH}", "day_of_month"),
    _spelling(rf"day (\d{{1,4}}){_OF_MONTH}", "day_of_month"),
    _spelling(r"-(\d{1,4})", "days_before_month_end", lambda days: -days),
    _spelling(rf"(\d{{1,4}}) days? before {_MONTH_END}", "days_before_month_end", lambda days: -1 - days),
    _spelling(r"days_after (\d{1,4})", "days_after"),
    _spelling(r"day_of_month (\d{1,4})", "day_of_month"),
    _spelling(r"days_before_month_end -(\d{1,4})", "days_before_month_end", lambda days: -days),
)
_LAST_DAY = re.compile(rf"(?:the )?last day{_OF_MONTH}|(?:on )?{_MONTH_END}")
_AT_ONCE = re.compile(r"(?:due )?(?:immediately|(?:up)?on receipt|at once)|immediate(?: payment)?")


def read_terms(typed: str) -> PaymentTerms:
    """SPEC C6, Z15: payment terms of words such as `30 days`, `net 30`, `28th`, `last day of the month`, `-1` (the
    last day), `2 days before month end`, `on receipt`.

    Raises:
        ValueError: it is none of these, could mean two things, or no calendar can keep it.
    """
    text = " ".join(pasted(typed).casefold().split()).removesuffix(".")
    if _LAST_DAY.fullmatch(text):
        return PaymentTerms(kind="days_before_month_end", value=-1)
    if _AT_ONCE.fullmatch(text):
        return PaymentTerms(kind="days_after", value=0)
    for pattern, kind, value in _SPELLINGS:
        found = pattern.fullmatch(text)
        if found:
            return check_payment_terms(PaymentTerms(kind=kind, value=value(int(found.group(1)))))
    if text.isascii() and text.isdigit():
        raise ValueError(f"{quoted(typed)} could be a number of days or a day of the month: write '{text[:4]} days' "
                         f"or 'day {text[:4]}'")  # fmt: skip
    raise ValueError(f"{quoted(typed)} are not payment terms that are known: write for example {EXAMPLES}")


def check_payment_terms(terms: PaymentTerms) -> PaymentTerms:
    """SPEC C6, Z15. Raises ValueError: says which values the kind takes."""
    check_terms(terms.kind, terms.value)
    return terms
