"""From the dataclass to the PDF: the data goes to Typst as JSON, so no text of it is ever read as mark-up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import typst

from invoicing.config import InvoicingSettings
from invoicing.documents.model import InvoiceDocument
from invoicing.documents.words import printed

TAGGED_LINES = 200
"""Bills of no more lines are tagged, so that they can be read aloud; tags make a long bill nine times larger."""
_PLACE = files("invoicing.documents")
_NO_GLYPH = "could not be displayed with"


def render(document: InvoiceDocument) -> bytes:
    """The Long bill as PDF/A; the same document gives the same bytes.

    Up to `TAGGED_LINES` lines it is PDF/A-2a and PDF/UA-1, beyond that PDF/A-2u. A character that no font has is
    printed as a box, and the document is then an ordinary PDF; the fonts in `FARTHING_DOCUMENT_FONTS` are asked after
    our own.

    Raises:
        RuntimeError: Typst could not set it; the message says why.
    """
    tagged = sum(len(each.charges) + len(each.usage) for each in document.sections) <= TAGGED_LINES
    try:
        return _compiled(document, ["a-2a", "ua-1"] if tagged else ["a-2u"], tagged)
    except typst.TypstError as error:
        if _NO_GLYPH not in error.diagnostic:
            raise
        return _compiled(document, [], tagged)


def _compiled(document: InvoiceDocument, standards: list[str], tagged: bool) -> bytes:
    day = document.invoice_date
    given: dict[str, Any] = {
        "sys_inputs": {"data": json.dumps(printed(document), ensure_ascii=False)},
        "timestamp": int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()),
        "pdf_standards": standards,
        "pdf_tags": tagged,
    }
    made = _compiler().compile(input=_template(), format="pdf", **given)
    assert isinstance(made, bytes)
    return made


@cache
def _template() -> bytes:
    return _PLACE.joinpath("long.typ").read_bytes()


@cache
def _compiler() -> typst.Compiler:
    """One for the process: it has read the fonts. Those of the system are left out: bytes would differ by machine."""
    more = InvoicingSettings().document_fonts
    with as_file(_PLACE.joinpath("fonts")) as own:
        paths = [str(own)] if more is None else [str(own), str(more)]
        return typst.Compiler(font_paths=typst.Fonts(include_system_fonts=False, font_paths=paths))
