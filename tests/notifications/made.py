"""Hand-made requests to send an invoice, as invoicing would make them, and their PDFs."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from contracts.base import Event
from contracts.billing import InvoiceSent
from contracts.customers import Address
from contracts.reference import BillStyle
from service_kit.kafka import Received

D = Decimal
PDF = b"%PDF-1.7\nan invented bill\n%%EOF\n"
STYLE = BillStyle(
    supplier_name="Farthing Example Telecom Ltd",
    supplier_address=Address(lines=("1 Imaginary Way", "London"), postcode="ZZ1 1ZZ"),
    supplier_vat_number="GB999 9999 73",
    brand="Farthing Example",
    colour="#0b5fff",
    email_from="billing@farthing.example",
    reply_to="help@farthing.example",
    footer="An invented company.",
)
_ids = count(1)


def invoice_sent(*recipients: str, **what: Any) -> InvoiceSent:
    """A request; each has ids of its own."""
    each = next(_ids)
    usual: dict[str, Any] = {
        "customer_id": 1000 + each,
        "invoice_id": 2000 + each,
        "request_id": 3000 + each,
        "version": 3,
        "number": f"INV{each:06d}",
        "status": "sent",
        "bill_to": date(2025, 1, 31),
        "invoice_date": date(2025, 2, 1),
        "tax_point": date(2025, 2, 1),
        "due_date": date(2025, 2, 15),
        "net": D("1053.97"),
        "vat": D("210.79"),
        "gross": D("1264.76"),
        "vat_lines": (),
        "recipients": recipients,
        "customer_name": "Zoë Example",
        "account_number": f"F{each:06d}",
        "bill_style": STYLE,
        "document_url": "http://127.0.0.1:1/documents/none",
        "document_sha256": hashlib.sha256(PDF).hexdigest(),
        "document_name": f"INV{each:06d}.pdf",
    }
    return InvoiceSent(**{**usual, **what})


def received(*events: Event, id: UUID | None = None) -> list[Received]:
    """The events as they arrive; with an id, as one that arrives again."""
    return [
        Received(id or uuid4(), event.event_type, event.topic, 0, offset, event) for offset, event in enumerate(events)
    ]
