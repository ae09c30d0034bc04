"""Documents over HTTP: the bytes never change, so they may be kept for ever."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from contracts.base import Id
from invoicing.service import reports
from service_kit.auth import scope

router = APIRouter(tags=["documents"])
_READ = [scope("documents:read")]
_PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}, "description": "The PDF"}}


@router.get("/invoices/{invoice_id}/document", dependencies=_READ, response_class=Response, responses=_PDF)
async def get_invoice_document(
    invoice_id: Id, copy: Annotated[int, Query(ge=0, le=100_000, description="which copy; 0 is the original")] = 0
) -> Response:
    """The Long bill of an approved invoice, or a copy of it (SPEC I6, I8)."""
    number, content = await reports.invoice_document(invoice_id, copy)
    name = number.replace("/", "-") + (f"-copy-{copy}" if copy else "")
    return _pdf(content, {"Content-Disposition": f'inline; filename="{name}.pdf"'})


@router.get("/documents/{sha256}", dependencies=_READ, response_class=Response, responses=_PDF)
async def get_document(sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]) -> Response:
    """A document by the SHA-256 of its bytes, in hex."""
    content = await reports.document_bytes(sha256)
    return _pdf(content, {"ETag": f'"{sha256}"', "Cache-Control": "private, immutable, max-age=31536000"})


def _pdf(content: bytes, headers: dict[str, str]) -> Response:
    return Response(content, media_type="application/pdf", headers=headers)
