"""Bills as PDF: what is printed is a frozen dataclass, and the same dataclass gives the same bytes (SPEC I7, I8)."""

from invoicing.documents.model import ChargeLine, InvoiceDocument, Party, Section, Supplier, UsageLine, VatRow
from invoicing.documents.rendering import render

__all__ = ["ChargeLine", "InvoiceDocument", "Party", "Section", "Supplier", "UsageLine", "VatRow", "render"]
