"""CDR files."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from rating.api.views import After, Id, Limit, Page, page
from rating.service import files as use
from rating.store.files import CdrFile
from service_kit.auth import principal, scope
from service_kit.http import Router, repeatable

router = Router(tags=["CDR files"])
READ = [scope("rating:read")]
WRITE = [scope("cdrs:write")]
Source = Annotated[
    str,
    Query(
        min_length=1,
        max_length=64,
        pattern=r"^[^\s\x00]([^\x00\n]*[^\s\x00])?$",
        description="the supplier",
        examples=["northstar"],
    ),
]
FileName = Annotated[str, Query(min_length=1, max_length=255, examples=["northstar-2025-01-15.csv"])]
MappingName = Annotated[str, Query(max_length=200, description="how its rows are read", examples=["uk-standard-cdr"])]

_BODY = {
    "schema": {"type": "string"},
    "example": "Kind,Id,From,To,Date,Time,Length,Cost\nOUT,1,02079460123,01614960123,15/01/2025,09:30:00,00:01:17,5\n",
}


class FileView(BaseModel):
    """A CDR file. `published`: all its rows are on `cdr.received`; its rows are counted then."""

    file_id: int = Field(examples=[17])
    name: str = Field(examples=["northstar-2025-01-15.csv"])
    source: str = Field(examples=["northstar"])
    mapping: str = Field(examples=["uk-standard-cdr"])
    sha256: str = Field(examples=["8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"])
    bytes: int = Field(examples=[2_048_117])
    state: str = Field(description="received, publishing or published", examples=["published"])
    rows: int = Field(examples=[10_000])
    accepted: int = Field(examples=[9_998])
    rejected: int = Field(examples=[2])
    uploaded_by: str = Field(examples=["ann"])
    received_at: datetime = Field(examples=["2025-01-16T06:00:03Z"])
    published_at: datetime | None = Field(examples=["2025-01-16T06:00:05Z"])


@router.post(
    "/cdr-files",
    status_code=202,
    dependencies=[*WRITE, repeatable("a file whose content came before is answered 409, naming the file that had it")],
    summary="Hand in a CDR file",
    openapi_extra={"requestBody": {"content": {"text/csv": _BODY}, "required": True}},
)
async def post_file(
    source: Source, mapping: MappingName, name: FileName, request: Request, response: Response
) -> FileView:
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
