"""HTTP in, by business noun: parse, call one use case, answer."""

from fastapi import APIRouter

from rating.api import (
    absent,
    calendars,
    cdrs,
    explaining,
    files,
    imports,
    mappings,
    plans,
    rates,
    reports,
    tariffs,
    usage,
    usage_after,
)

ROUTERS: list[APIRouter] = [
    tariffs.router,
    imports.router,
    rates.router,
    calendars.router,
    plans.router,
    mappings.router,
    files.router,
    cdrs.router,
    reports.router,
    usage.router,
    usage_after.router,
    explaining.router,
    absent.router,
]

__all__ = ["ROUTERS"]
