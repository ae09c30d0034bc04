"""Importing rates, destinations and inbound classes from files."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import Query, Request, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from rating.api.views import Code
from rating.domain.deck_rows import Kind, Severity
from rating.service import importing as use
from service_kit.auth import principal, scope
from service_kit.http import Router

router = Router(tags=["tariffs"])
WRITE = [scope("rating:write")]

_GAP: dict[str, Any] = {
    "row": 17,
    "kind": "gap",
    "severity": "warning",
    "message": "prefix 4420: there is no rate for the band weekend, and none for all bands",
}
_MARGIN: dict[str, Any] = {
    "row": 21,
    "kind": "negative_margin",
    "severity": "warning",
    "message": "prefix 447: a call of 60 seconds is sold for £0.03 and costs £0.05 in the band peak (COST, prefix 44)",
}
_REPORT: dict[str, Any] = {
    "rows": 4180,
    "prefixes": 4100,
    "version": 7,
    "effective_from": "2026-02-01",
    "problems": [_GAP, _MARGIN],
    "totals": {"gap": 1, "negative_margin": 1},
}
_RATES_FILE = (
    "prefix,call_class,band,price_per_minute,initial_seconds,step_seconds\n4420,,peak,0.0125,60,6\n,SMS,,0.03,,\n"
)


def _file(content: str) -> dict[str, Any]:
    """The OpenAPI example of a file to upload."""
    return {"requestBody": {"content": {"multipart/form-data": {"example": {"file": content}}}}}


class ProblemView(BaseModel):
    """What is wrong in a row, or might be; rows count from 1, the header and the file as a whole are row 0."""

    model_config = ConfigDict(json_schema_extra={"examples": [_GAP]})

    row: int
    kind: Kind
    message: str
    severity: Severity = Field(description="an error refuses the file, a warning is kept with the version")


class ImportReport(BaseModel):
    """What an import did, or would do. `problems` are the first 1,000 of each kind, `totals` counts all."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REPORT]})

    rows: int
    prefixes: int
    version: int | None = Field(description="of the tariff; null in a dry run")
    effective_from: date | None = Field(description="the first local day of calls that it is for; null: always")
    problems: list[ProblemView]
    totals: dict[str, int]


@router.post(
    "/tariffs/{code}/rates",
    dependencies=WRITE,
    summary="Import a tariff's rates as a new version",
    openapi_extra=_file(_RATES_FILE),
)
async def post_rates(
    code: str,
    file: UploadFile,
    request: Request,
    effective_from: Annotated[
        date | None, Query(description="the first local day of calls that it is for; none: always")
    ] = None,
    note: Annotated[str, Query(max_length=500, examples=["spring prices"])] = "",
    against: Annotated[Code | None, Query(description="the tariff of what calls cost us")] = None,
    dry_run: Annotated[bool, Query(description="check and report only")] = False,
) -> ImportReport:
    """A CSV file in UTF-8, or an Excel workbook whose first sheet counts. Columns `prefix,call_class,band,
    price_per_minute,connection_charge,initial_seconds,step_seconds,minimum_charge,maximum_charge,free_seconds,
    valid_from,valid_to`, in any order; only `price_per_minute` has to be there, and `cost_per_minute` may be. A row
    has a prefix, or only a call class. Days are 2026-01-31.

    An error refuses the whole file with 422; `problems` names the rows. Warnings do not: what had a rate in the
    version before and has none now, bands and days without a rate, prices below cost. The version takes the place of
    the one before for calls from `effective_from` on; of two from one day on, the later import counts.
    """
    how = use.Import(effective_from, note, against, dry_run)
    return report(await use.import_rates(code, file.file, how, principal(request)))


@router.post(
    "/destinations",
    dependencies=WRITE,
    summary="Replace the destinations by a file",
    openapi_extra=_file("prefix,destination,call_class\n4420,London,National\n"),
)
async def post_destinations(file: UploadFile, request: Request) -> ImportReport:
    """Columns `prefix,destination,call_class`, CSV or Excel (SPEC R4)."""
    return report(await use.import_list("destinations", file.file, principal(request)))


@router.post(
    "/inbound-classes",
    dependencies=WRITE,
    summary="Replace the classes of inbound calls by a file",
    openapi_extra=_file("prefix,call_class\n44800,Freephone\n"),
)
async def post_inbound_classes(file: UploadFile, request: Request) -> ImportReport:
    """Columns `prefix,call_class`, CSV or Excel; what has no row is `Inbound` (SPEC R4)."""
    return report(await use.import_list("inbound_classes", file.file, principal(request)))


def report(imported: use.Imported) -> ImportReport:
    """What an import did, as it is answered."""
    return ImportReport.model_validate(asdict(imported))
