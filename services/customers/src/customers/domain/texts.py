"""Texts as they are typed or pasted: what may stand in one line, and what nobody can see."""

from __future__ import annotations

import unicodedata

_LINE_BREAKS = {"\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"}
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"), "-")


def one_line(text: str) -> str:
    """A name or a line of an address: any script and any mark-up, kept letter by letter.

    Raises:
        ValueError: it has a line break or another control character, or nothing that can be seen.
    """
    for letter in text:
        if letter in _LINE_BREAKS:
            raise ValueError("this is one line: take the line break out")
        if unicodedata.category(letter) == "Cc":
            raise ValueError(f"it holds the control character {named(letter)}: take it out")
    if text and not any(map(_is_seen, text)):
        raise ValueError(f"it holds nothing that can be seen ({named(text[0])}): type it again")
    return text


def pasted(text: str) -> str:
    """A number or code as it was meant: without invisible characters around it, wide letters and odd dashes plain.

    Pasting from a web page or a letter brings such characters along.
    """
    return unicodedata.normalize("NFKC", trimmed(text).translate(_DASHES)).strip()


def trimmed(text: str) -> str:
    """Without white space and invisible characters at both ends."""
    seen = [place for place, letter in enumerate(text) if _is_seen(letter)]
    return text[seen[0] : seen[-1] + 1] if seen else ""


def invisible(text: str) -> str | None:
    """The first character of a text that cannot be seen, by name; white space aside."""
    hidden = (letter for letter in text if not letter.isspace() and not _is_seen(letter))
    first = next(hidden, None)
    return named(first) if first else None


def named(letter: str) -> str:
    """A character by its number and, where it has one, its name: U+200B ZERO WIDTH SPACE."""
    name = unicodedata.name(letter, "")
    return f"U+{ord(letter):04X} {name}".rstrip()


def quoted(text: str, longest: int = 40) -> str:
    """A text as an error shows it: not longer than that, what cannot be seen by its number."""
    shown = "".join(letter if letter == " " or _is_seen(letter) else f"<U+{ord(letter):04X}>" for letter in text)
    return f"'{shown}'" if len(shown) <= longest else f"'{shown[:longest]}...'"


def _is_seen(letter: str) -> bool:
    """Neither white space, nor a control, format or unassigned character; a mark alone is none either."""
    return unicodedata.category(letter)[0] in "LNPS"
