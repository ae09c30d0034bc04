"""Templates of emails: packaged files, run in Jinja2's sandbox; values are escaped in HTML."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

from jinja2 import PackageLoader, StrictUndefined, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifications.domain.letters import BillLetter
from notifications.domain.mime import Letter

OCCASIONS = {"invoice": "bill", "credit_note": "bill"}
"""Which templates write an occasion: `<name>.subject.txt`, `<name>.txt` and `<name>.html`."""


def write(occasion: str, letter: BillLetter) -> Letter:
    """The subject, the text and the HTML of an email.

    Raises:
        KeyError: there are no templates for the occasion.
    """
    name, values = OCCASIONS[occasion], asdict(letter)
    return Letter(
        subject=_render(f"{name}.subject.txt", values),
        text=_render(f"{name}.txt", values),
        html=_render(f"{name}.html", values),
    )


def _render(template: str, values: dict[str, Any]) -> str:
    return _environment().get_template(template).render(values)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=PackageLoader("notifications", "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
