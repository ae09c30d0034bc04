"""Fetches every invoice's PDF, holds it against its digest, and copies some where they can be looked at."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from examples.demo.driver.api import Api, DemoError
from examples.demo.driver.figures import Figures
from examples.demo.driver.screen import Step

COPIED = 12
"""PDFs copied for a look."""


def fetch(invoicing: Api, figures: Figures, folder: Path, step: Step) -> dict[int, str]:
    """Fetch every PDF by its invoice and by its digest.

    Returns:
        The digest of each invoice's PDF by invoice id.

    Raises:
        DemoError: a document is no PDF, or not the one its digest names.
    """
    step.total(len(figures.invoices))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    digests: dict[int, str] = {}
    for account, invoice in sorted(figures.invoices.items()):
        content = invoicing.call("GET", f"/invoices/{invoice.invoice_id}/document").content
        digest = hashlib.sha256(content).hexdigest()
        named = invoicing.call("GET", f"/documents/{digest}").content
        if not content.startswith(b"%PDF-") or named != content:
            raise DemoError(f"The document of {account}, invoice {invoice.number}, is not what its digest says")
        if len(digests) < COPIED:
            name = f"{account}-{invoice.number}.pdf".replace("/", "-")
            (folder / name).write_bytes(content)
        digests[invoice.invoice_id] = digest
        step.advance(1)
    step.note = f"{len(digests):,} PDFs"
    return digests
