"""CDR files."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from rating.api.views import After, Id, Limit, Page, page
from rating.service import files as use
from rating.store.files import CdrFile
from service_kit.auth import principal, scope

router = APIRouter(tags=["CDR files"])
READ = [scope("rating:read")]
WRITE = [scope("cdrs:write")]
Source = Annotated[str, Query(min_length=1, max_length=64, pattern=r"^\S(.*\S)?$", description="the supplier")]
FileName = Annotated[str, Query(min_length=1, max_length=255)]


class FileView(BaseModel):
    """A CDR file. `published`: all its rows are on `cdr.received`; its rows are counted then."""

    file_id: int
    name: str
    source: str
    mapping: str
    sha256: str
    bytes: int
    state: str
    rows: int
    accepted: int
    rejected: int
    uploaded_by: str
    received_at: datetime
    published_at: datetime | None


@router.post(
    "/cdr-files",
    status_code=202,
    dependencies=WRITE,
    summary="Hand in a CDR file",
    openapi_extra={"requestBody": {"content": {"text/csv": {"schema": {"type": "string"}}}, "required": True}},
)
async def post_file(source: Source, mapping: str, name: FileName, request: Request, response: Response) -> FileView:
    """The body is the file. The same content again is refused with 409, naming the file that had it (SPEC R2)."""
    upload = use.Upload(source, mapping, name, principal(request))
    file = await use.receive_file(upload, request.stream())
    response.headers["Location"] = f"/cdr-files/{file.file_id}"
    return _view(file)


@router.get("/cdr-files", dependencies=READ, summary="CDR files by id")
async def get_files(limit: Limit = 100, after: After = 0) -> Page[FileView]:
    items = [_view(file) for file in await use.list_files(after=after, limit=limit)]
    return page(items, limit, items[-1].file_id if items else None)


@router.get("/cdr-files/{file_id}", dependencies=READ, summary="A CDR file")
async def get_file(file_id: Id) -> FileView:
    return _view(await use.get_file(file_id))


def _view(file: CdrFile) -> FileView:
    return FileView(**asdict(file))
