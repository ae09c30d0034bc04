"""How names and numbers are compared when they are searched: case, spacing, accents and punctuation do not matter."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterable

LONGEST_KEY = 200
"""Characters of a name without spaces that are kept for exact search and sorting; all of it is kept for parts."""
SHORTEST_PART = 3
"""Characters: fewer are only looked for at the beginning of names, account numbers and words."""
LONGEST_CORRECTED = 40
"""Characters of a word that may be typed wrongly; longer ones are no words."""

_APOSTROPHES = dict.fromkeys(map(ord, "'’‘‛ʼʻ`´＇ʹ′"))
_OWN_LETTERS = str.maketrans(
    {
        "&": " and ",
        "æ": "ae",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ı": "i",
        "ł": "l",
        "ŋ": "n",
        "ø": "o",
        "œ": "oe",
        "ŧ": "t",
        "þ": "th",
    }
)
"""Letters that Unicode does not take for another letter with an accent, as people type them who lack the key."""
_ASCII_GAPS = re.compile(r"[^a-z0-9]+")
_LEGAL_FORMS = frozenset({"and", "co", "company", "inc", "incorporated", "limited", "llp", "ltd", "plc", "the"})


def words_of(text: str) -> tuple[str, ...]:
    """A text's words as they are compared: `"O'Brien & Söhne  Ltd."` gives `obrien and sohne ltd`.

    Compatible forms and case are folded, marks over and under letters left out, apostrophes joined over, digits of
    every script read as 0 to 9; all else but letters and digits ends a word. Hangul is compared by its parts.
    """
    text = text.translate(_APOSTROPHES)
    if text.isascii():
        return tuple(_ASCII_GAPS.sub(" ", text.lower().replace("&", " and ")).split())
    folded = unicodedata.normalize("NFKD", text).casefold().translate(_OWN_LETTERS)
    return tuple("".join(map(_folded, unicodedata.normalize("NFKD", folded))).split())


def _folded(letter: str) -> str:
    category = unicodedata.category(letter)
    if category == "Nd":
        return str(unicodedata.decimal(letter))
    if category[0] in "LN":
        return letter
    return "" if category[0] == "M" or category == "Cf" else " "


def key_of(text: str) -> str:
    """All words of a text as one, cut to a length that an index can hold."""
    return "".join(words_of(text))[:LONGEST_KEY]


def document_of(*texts: str) -> str:
    """What parts are looked for in: the words of each text, and where there are several, all of them as one.

    It begins and ends with a space, so that a word's beginning is found by a space and its first letters.
    """
    found: dict[str, None] = {}
    for text in texts:
        words = words_of(text)
        found.update(dict.fromkeys(words))
        if len(words) > 1:
            found["".join(words)] = None
    return f" {' '.join(found)} "


def needed_words(words: Iterable[str]) -> tuple[str, ...]:
    """The words that must be found, each once: without "Ltd" and the like where there are others."""
    kept = tuple(dict.fromkeys(words))
    return tuple(word for word in kept if word not in _LEGAL_FORMS) or kept


def correctable(word: str) -> bool:
    """Whether a word is one in which typing errors are looked for: letters, and not too few."""
    return SHORTEST_PART <= len(word) <= LONGEST_CORRECTED and not word.isdigit()


def variants_of(word: str) -> list[int]:
    """Hashes of a word, whole and with each one letter left out.

    Two words that one typing error (a letter missing, doubled or wrong, two swapped) lies between have one in common:
    so a misspelled word is found by equality, which an index answers at once.
    """
    shorter = {word[:at] + word[at + 1 :] for at in range(len(word))}
    return sorted({zlib.crc32(each.encode()) - 2**31 for each in (word, *shorter)})


def errors_between(one: str, other: str) -> int:
    """Letters to be added, left out, replaced or swapped with their neighbour to make one word of the other."""
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        line = [row]
        for column, against in enumerate(other, 1):
            best = min(above[column] + 1, line[-1] + 1, above[column - 1] + (letter != against))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == against:
                best = min(best, before[column - 2] + 1)
            line.append(best)
        before, above = above, line
    return above[-1]


def nearest(word: str, candidates: Iterable[str], most: int) -> list[str]:
    """Those of the candidates that the fewest errors lie between, two at most, and two only in long words."""
    errors = {each: errors_between(word, each) for each in candidates}
    allowed = 2 if len(word) >= 7 else 1
    fewest = min(errors.values(), default=allowed + 1)
    return sorted(each for each, count in errors.items() if count == fewest <= allowed)[:most]


def mistyped(key: str, alphabet: str) -> list[str]:
    """What may have been meant by an account number or phone number in which one character is wrong."""
    found: set[str] = set()
    for at in range(len(key) + 1):
        head, tail = key[:at], key[at:]
        found.update(head + letter + tail for letter in alphabet)
        if tail:
            found.add(head + tail[1:])
            found.update(head + letter + tail[1:] for letter in alphabet)
        if len(tail) > 1:
            found.add(head + tail[1] + tail[0] + tail[2:])
    return sorted(found - {key, ""})
