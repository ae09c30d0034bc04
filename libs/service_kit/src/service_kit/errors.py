"""Which failures pass by themselves, so that trying again is the right answer."""

from __future__ import annotations


class Transient(Exception):
    """Something outside is away for now: the same work is to be tried again, for as long as it takes.

    Raise a subclass (or this) in an event handler to have the batch tried again instead of counted as a failure.
    """


class DatabaseAway(Transient):
    """The database cannot be reached, is shutting down, or cut the connection."""


class TryAgain(Transient):
    """The database gave up this transaction in favour of another (deadlock, serialization, lock timeout)."""


class Unstorable(Exception):
    """A text holds the character NUL, which Postgres takes in none."""


class ConfigurationError(Exception):
    """A setting is missing or wrong; the message names it and says what to do."""
