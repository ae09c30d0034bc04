"""The event table: every event type of the platform, by name and by topic."""

from __future__ import annotations

from types import ModuleType

from contracts import billing, cdrs, closing, customers, erasures, notifications, reference, usage
from contracts.base import Event

_MODULES: tuple[ModuleType, ...] = (cdrs, customers, reference, usage, closing, billing, notifications, erasures)


def _events_of(module: ModuleType) -> list[type[Event]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Event)
        and value.__module__ == module.__name__
        and "event_type" in vars(value)
    ]


EVENTS: dict[str, type[Event]] = {event.event_type: event for module in _MODULES for event in _events_of(module)}
"""Every event by its CloudEvents type."""


def events_on(topic: str) -> list[type[Event]]:
    """The events sent on a topic, in the order of the table."""
    return [event for event in EVENTS.values() if event.topic == topic]


def parse(event_type: str, value: bytes | str) -> Event:
    """Read a record's JSON value as the event of that type.

    Raises:
        KeyError: no event has this type.
        pydantic.ValidationError: the value does not fit the contract.
    """
    return EVENTS[event_type].model_validate_json(value)
