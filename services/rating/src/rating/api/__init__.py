"""HTTP in, by business noun: parse, call one use case, answer."""

from fastapi import APIRouter

from rating.api import absent, cdrs, explaining, files, mappings, reports, tariffs

ROUTERS: list[APIRouter] = [
    tariffs.router,
    mappings.router,
    files.router,
    cdrs.router,
    reports.router,
    explaining.router,
    absent.router,
]

__all__ = ["ROUTERS"]
