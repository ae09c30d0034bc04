"""Email addresses as they are typed or pasted (SPEC C1): several, separated by nearly anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import idna

from customers.domain.texts import invisible, pasted, quoted, trimmed

LONGEST_EMAIL = 254
LONGEST_LOCAL = 64
"""Octets, by RFC 5321."""
_EXAMPLE = "give for example accounts@brightwater.example"
_PART = re.compile(r'(?:"[^"]*"|<[^<>]*>|[^,;\r\n\u2028\u2029"<]|["<])+')
_IN_BRACKETS = re.compile(r"[^<>]*<([^<>]*)>", re.DOTALL)
_LOCAL = re.compile(r"[^\s@,;:<>()\[\]\"\\]+")
_LABEL = re.compile(r"[^\W_](?:[\w-]*[^\W_])?")


def read_emails(typed: str | Iterable[str]) -> tuple[str, ...]:
    """Addresses that can be written to, each once, in the order they were typed.

    Args:
        typed: one text, or a list of texts. Commas, semicolons, spaces and line breaks separate addresses;
            `Ann Ashdown <ann@fenwick.example>` and `mailto:` are understood, the name in front is not kept.

    Raises:
        ValueError: names each that cannot, and why.
    """
    kept: dict[str, str] = {}
    wrong: list[str] = []
    for text in [typed] if isinstance(typed, str) else typed:
        for found in _addresses(text):
            why = _why_not(found)
            if why:
                wrong.append(f"{quoted(found)} is not an email address that can be written to: {why}")
            kept.setdefault(found.casefold(), found)
    if wrong:
        raise ValueError("; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""))
    return tuple(kept.values())


def needs_smtputf8(email: str) -> bool:
    """Whether the part before the @ has letters that only some mail servers take; a domain has a plain form."""
    return not email.partition("@")[0].isascii()


def _addresses(text: str) -> Iterator[str]:
    for part in _PART.findall(text):
        bracketed = _IN_BRACKETS.fullmatch(trimmed(part))
        pieces = [bracketed.group(1)] if bracketed else [part] if '"' in part else part.split()
        for piece in map(trimmed, pieces):
            if piece:
                yield re.sub(r"(?i)^mailto:", "", piece)


def _why_not(email: str) -> str:
    """Why an address cannot be written to; empty where it can."""
    hidden = invisible(email)
    if hidden:
        return f"it holds {hidden}, which cannot be seen: type it again"
    local, at, domain = email.rpartition("@")
    if not at or not local or not domain:
        return _EXAMPLE
    if len(local.encode()) > LONGEST_LOCAL or len(email.encode()) > LONGEST_EMAIL:
        return f"at most {LONGEST_LOCAL} letters before the @, {LONGEST_EMAIL} in all"
    if local.startswith('"'):
        return "a quoted part before the @ is taken by few servers: ask for another address"
    if not _LOCAL.fullmatch(local) or local.startswith(".") or local.endswith(".") or ".." in local:
        return f"the part before the @ has a space, a bracket, a quote or a dot too many; {_EXAMPLE}"
    return _why_no_domain(domain)


def _why_no_domain(domain: str) -> str:
    labels = domain.split(".")
    if len(labels) < 2:
        return f"the domain {quoted(domain)} has no dot; {_EXAMPLE}"
    if not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        return f"the domain {quoted(domain)} cannot exist; {_EXAMPLE}"
    try:
        idna.encode(pasted(domain), uts46=True)
    except (idna.IDNAError, UnicodeError):
        return f"the domain {quoted(domain)} cannot exist: no part is over 63 letters, nor has letters out of place"
    return ""
